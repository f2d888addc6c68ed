"""Instances: find one, the worst first.

Belongs here: search, filter and pages on the server. Does not belong here: SQL.
"""

import polars as pl
import streamlit as st

from streamlit_app import queries, urlstate
from streamlit_app.header import page_header
from streamlit_app.status import WORDS, badge, duration, lost_column, moment, reason

at = page_header("Instances")
options = queries.choices(at)
boxes = st.columns([2, 1, 1, 1, 1])
word = urlstate.text("Name contains", "q", boxes[0])
statuses = urlstate.multiselect("Status", list(WORDS), "status", boxes[1])
chosen = queries.scope(
    urlstate.multiselect("Team", options["team"], "team", boxes[2]),
    urlstate.multiselect("Tier", options["tier"], "tier", boxes[3]),
    urlstate.multiselect("Database", options["db_type"], "db_type", boxes[4]),
)
page = urlstate.number("p", default=1, most=1_000_000)
found = queries.instances(
    at, chosen, word=word, status=statuses, skip=(page - 1) * queries.PAGE_ROWS
)
if found.is_empty():
    st.info("0 instances match.")
    st.page_link(st.session_state["pages"]["instances"], label="Clear filters")
    st.stop()

total = int(found["total"][0])
pages = -(-total // queries.PAGE_ROWS)
picked = st.dataframe(
    found.select(
        pl.col("status").map_elements(badge, return_dtype=pl.String).alias("status"),
        pl.col("instance_id").alias("instance"),
        "team",
        "tier",
        pl.col("db_type").alias("database"),
        lost_column(found).alias("would lose"),
        pl.col("objective_s").map_elements(duration, return_dtype=pl.String).alias("objective"),
        pl.col("recovery_point_at")
        .map_elements(moment, return_dtype=pl.String, skip_nulls=False)
        .alias("newest recovery point"),
        pl.col("last_attempt_state").alias("last attempt"),
        pl.col("reason").map_elements(reason, return_dtype=pl.String).alias("why"),
    ),
    hide_index=True,
    key="instances",
    on_select="rerun",
    selection_mode="single-row",
)
rows = picked["selection"]["rows"]
if rows:
    name = found["instance_id"][rows[0]]
    st.page_link(
        st.session_state["pages"]["instance"], label=f"Open {name} →", query_params={"id": name}
    )
here = {k: st.query_params.get_all(k) for k in st.query_params if k != "p"}
left, middle, right = st.columns([1, 4, 1])
middle.caption(f"{total} instances, page {page} of {pages}. Select a row to open one.")
if page > 1:
    left.page_link(
        st.session_state["pages"]["instances"],
        label="← previous",
        query_params={**here, "p": str(page - 1)},
    )
if page < pages:
    right.page_link(
        st.session_state["pages"]["instances"],
        label="next →",
        query_params={**here, "p": str(page + 1)},
    )
