"""Operations: what ran, what failed and why, what waits?

Belongs here: the order of the page and its first sentence. Does not belong here: its sections (see
`panels`), SQL.
"""

import polars as pl
import streamlit as st

from streamlit_app import navigation, strips, urlstate, zones
from streamlit_app.header import filter_bar, page_header
from streamlit_app.panels import operations as panels
from streamlit_app.panels import operations_load as load
from streamlit_app.queries import fleet
from streamlit_app.queries import operations as queries
from streamlit_app.status import COLOURS, SIGNS, plain, size

_HOURS = ("6", "24", "72", "168", "720")

at = page_header("What runs, and what failed?")
chosen, boxes = filter_bar(at, 2)
hours = int(urlstate.segments("Hours", _HOURS, "hours", boxes[0], default="24"))
found = queries.figures(at, chosen, hours)
blind = fleet.sources(at).filter(pl.col("status") != "ok")
if found["attempts"] + found["running"] + found["queued"] == 0:
    st.info(
        f"0 attempts in the last {hours} hours match: the filter lets none through, or no source"
        " told of any.",
        icon=":material/help:",
    )
    navigation.clear_filters("operations")

bad = found["failed"] + found["lost"]
word = "breached" if bad else "unknown" if blind.height or not found["attempts"] else "ok"
strips.strip(
    COLOURS[word],
    f"{SIGNS[word]} {bad} of {found['attempts']} backups of the last {hours} hours failed or were"
    " lost;",
    f"{found['running']} run now, {found['queued']} wait.",
)
for row in blind.iter_rows(named=True):
    st.warning(
        f"{SIGNS['unknown']} Source **{plain(row['source_id'])}**: what happened there is unknown"
        f" since {zones.moment(row['last_ok_at'])}.",
        icon=":material/visibility_off:",
    )
tiles = st.columns(6)
for box, (label, figure) in zip(
    tiles,
    (
        ("● Succeeded", found["succeeded"]), ("▲ Failed", found["failed"]),
        ("✚ Lost", found["lost"]), ("◇ Cancelled", found["cancelled"]),
        ("■ Running", found["running"]), ("Written", size(found["bytes"])),
    ),
    strict=True,
):  # fmt: skip
    box.metric(label, figure)
panels.timeline(at, chosen, hours)
panels.failures(at, chosen, hours)
panels.running(at, chosen)
load.anomalies(at, chosen)
load.queues(at, hours)
load.congestion(at, chosen)
load.throughput(at, chosen, hours)
