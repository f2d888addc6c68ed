"""Instances: find one, the worst first.

Belongs here: search, filter and pages on the server. Does not belong here: SQL.
"""

import polars as pl
import streamlit as st

from streamlit_app import navigation, tables, urlstate, zones
from streamlit_app.header import filter_bar, page_header
from streamlit_app.queries import fleet
from streamlit_app.status import WORDS, badge, duration, lost_column, reason

at = page_header("Instances")
chosen, boxes = filter_bar(at, 2, 1)
word = urlstate.text("Name contains", "q", boxes[0])
statuses = urlstate.multiselect("Status", list(WORDS), "status", boxes[1])
page = urlstate.number("p", default=1, most=1_000_000)
found = fleet.instances(
    at,
    chosen,
    word=word,
    status=statuses,
    rows=tables.PAGE_ROWS,
    skip=(page - 1) * tables.PAGE_ROWS,
)
if found.is_empty():
    st.info("0 instances match.")
    navigation.clear_filters("instances")
    st.stop()

tables.picker(
    found.select(
        pl.col("status").map_elements(badge, return_dtype=pl.String).alias("status"),
        pl.col("instance_id").alias("instance"),
        "team",
        "tier",
        pl.col("db_type").alias("database"),
        lost_column(found).alias("would lose"),
        pl.col("objective_s").map_elements(duration, return_dtype=pl.String).alias("objective"),
        pl.col("recovery_point_at")
        .map_elements(zones.moment, return_dtype=pl.String, skip_nulls=False)
        .alias("newest recovery point"),
        pl.col("last_attempt_state").alias("last attempt"),
        pl.col("reason").map_elements(reason, return_dtype=pl.String).alias("why"),
    ),
    found["instance_id"].to_list(),
    key="instances",
    page="instance",
    alt="Instances, the worst first",
)
tables.pages("instances", total=int(found["total"][0]), number=page, noun="instances")
