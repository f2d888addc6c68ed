"""Data trust: can these numbers be believed?

Belongs here: the order of the page and its sentence. Does not belong here: its sections (see
`panels.trust` and `panels.evidence`), SQL.
"""

import polars as pl
import streamlit as st

from cbcr_assets.config.dashboards import Role
from streamlit_app import access, action_forms
from streamlit_app.header import page_header
from streamlit_app.panels import evidence
from streamlit_app.panels import trust as panels
from streamlit_app.queries import trust as queries
from streamlit_app.status import duration, plain


def sentence(sources: pl.DataFrame, waiting: int) -> str:
    """Return whether the numbers can be believed."""
    late = sources.filter(pl.col("status").is_in(["breached", "unknown"]))
    said = f"**{sources.height - late.height} of {sources.height}** sources answered in time"
    if late.height:
        worst = late.row(0, named=True)
        silent = duration(worst["age_s"]) if worst["age_s"] is not None else "ever"
        said += f"; {plain(worst['source_id'])} is silent for {silent}"
    rows = "row waits" if waiting == 1 else "rows wait"
    return f"{said}. **{waiting}** {rows} in quarantine."


at = page_header("Can these numbers be believed?")
sources = queries.sources(at)
refusals = queries.refusals(at)
if sources.is_empty():
    st.info("No source is configured, so every number is unknown.", icon=":material/help:")
else:
    st.subheader(sentence(sources, int(refusals["waiting"].sum())))
    st.subheader("Sources")
    panels.sources(queries.sources(at))
st.subheader("Quarantine")
panels.quarantine(at)
st.subheader("Checks")
panels.quality()
st.subheader("What the numbers rest on")
panels.rests(at)
st.subheader("Versions")
panels.versions(at)
st.subheader("Compliance report")
evidence.report(at)
if access.may(Role.ADMIN):
    st.subheader("What people did")
    action_forms.audit_table()
