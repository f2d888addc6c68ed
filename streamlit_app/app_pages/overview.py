"""Overview: could we restore now, within the promise?

Belongs here: the first sentence and the order of the page. Does not belong here: its sections (see
`panels`), SQL.
"""

import polars as pl
import streamlit as st

from streamlit_app import navigation, zones
from streamlit_app.header import filter_bar, page_header
from streamlit_app.panels import overview as panels
from streamlit_app.queries import fleet
from streamlit_app.queries import rpo as rpo_queries
from streamlit_app.status import SIGNS, WORDS, plain

at = page_header("Could we restore now?")
chosen, _ = filter_bar(at)
cells = fleet.by_cell(at, chosen)
counted = dict(cells.group_by("status").agg(pl.col("instances").sum()).iter_rows())
counts = {status: int(counted.get(status, 0)) for status in WORDS}
total = sum(counts.values())
if total == 0:
    st.info("No protected instance here: clear the filters, or fill the inventory.")
    navigation.clear_filters("overview")
    st.stop()

bad = counts["breached"]
if bad:
    sentence = f"No, not everything: **{bad} of {total}** instances would lose more than promised"
else:
    sentence = f"Yes, as far as we see: none of **{total}** instances breaks its objective"
if counts["unknown"]:
    sentence += f", and **{counts['unknown']}** cannot be seen"
st.subheader(sentence + ".")
for row in fleet.sources(at).filter(pl.col("status") != "ok").iter_rows(named=True):
    st.caption(
        f"{SIGNS['unknown']} source {plain(row['source_id'])} ({plain(row['tool'])}): what happened"
        f" there is unknown since {zones.moment(row['last_ok_at'])}."
    )

windows = rpo_queries.budget(at, chosen)
panels.statuses(counts)
panels.figures(at, chosen, windows)
panels.wrong(at, chosen)
panels.matrix(cells)
panels.worst(at, chosen)
if windows.height:
    panels.calendar(at, chosen, promised=windows["objective"][0])
