"""RPO: was the promise kept, by whom not, why not, and how much of the error budget is left?

Belongs here: the order of the page and its first sentence. Does not belong here: its sections (see
`panels`), SQL.
"""

import streamlit as st

from streamlit_app import navigation, strips, urlstate
from streamlit_app.header import filter_bar, page_header
from streamlit_app.panels import rpo as panels
from streamlit_app.panels import rpo_now as now
from streamlit_app.queries import fleet
from streamlit_app.queries import rpo as queries
from streamlit_app.status import COLOURS, SIGNS, duration

_WINDOWS = ("7", "30", "90")

at = page_header("Was the promise kept?")
chosen, boxes = filter_bar(at, 1, 1)
days = int(urlstate.segments("Days", _WINDOWS, "days", boxes[0], default="30"))
clock = urlstate.segments("Clock", queries.CLOCKS, "clock", boxes[1], default=queries.CLOCKS[0])
windows = queries.budget(at, chosen)
if windows.is_empty():
    st.info("0 instances with measured time match.", icon=":material/help:")
    navigation.clear_filters("rpo")
    st.stop()

of_days = next(row for row in windows.iter_rows(named=True) if row["window_days"] == days)
kept = of_days["compliance"] >= of_days["objective"]
status = "ok" if kept else "breached"
left = of_days["budget_left_s"]
strips.strip(
    COLOURS[status],
    f"{SIGNS[status]} {'Yes' if kept else 'No'}: kept for {of_days['compliance']:.2%} of the time"
    f" in {days} days,",
    f"promised are {of_days['objective']:.1%}; {duration(abs(left))} of the error budget"
    f" {'are left' if left >= 0 else 'overdrawn'}.",
)
counts = fleet.status_counts(at, chosen)
if counts["unknown"]:
    st.caption(
        f"{SIGNS['unknown']} {counts['unknown']} of {sum(counts.values())} instances cannot be seen"
        " now: what they lose is unknown."
    )
panels.windows(windows)
panels.calendar(at, chosen, clock=clock, promised=of_days["objective"])
panels.burn_down(at, chosen, days=days, clock=clock)
now.exposure(at, chosen, counts)
panels.parts(at, chosen, days=days, promised=of_days["objective"])
now.worst(at, chosen, days=days)
now.causes(at, chosen, days=days)
