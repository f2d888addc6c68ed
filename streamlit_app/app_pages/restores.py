"""Restores & drills: could we bring it back in time, and who has shown it?

Belongs here: the order of the page and its first sentence. Does not belong here: its sections (see
`panels`), SQL.
"""

import streamlit as st

from streamlit_app import navigation, strips
from streamlit_app.header import filter_bar, page_header
from streamlit_app.panels import restores as panels
from streamlit_app.panels import restores_expected as expected
from streamlit_app.queries import restores as queries
from streamlit_app.status import COLOURS, SIGNS

at = page_header("Could we restore in time?")
chosen, _ = filter_bar(at)
found = queries.figures(at, chosen)
if found["instances"] == 0:
    st.info("0 protected instances match.", icon=":material/help:")
    navigation.clear_filters("restores")
    st.stop()

word = (
    "ok" if found["proven"] == found["instances"] else "breached" if found["failed"] else "unknown"
)
strips.strip(
    COLOURS[word],
    f"{SIGNS[word]} Proven for {found['proven']} of {found['instances']} instances",
    f"by a restore of their own within their objective. {panels.overdue_words(found)}".rstrip(),
)
panels.coverage(at, chosen)
panels.never(at, chosen)
panels.against_objective(at, chosen)
panels.trend(at, chosen)
expected.estimates(at, chosen)
panels.staleness(at, chosen)
expected.backtest(at, chosen)
