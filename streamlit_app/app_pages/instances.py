"""Instances: find one, the worst first.

Belongs here: search, filter, order and pages on the server. Does not belong here: SQL.
"""

import polars as pl
import streamlit as st

from streamlit_app import downloads, explain, navigation, tables, urlstate, zones
from streamlit_app.header import filter_bar, page_header
from streamlit_app.queries import fleet
from streamlit_app.status import WORDS, badge, duration, lost_column, reason, state
from streamlit_app.tables import said

_ALL = 1_000_000

at = page_header("Instances")
chosen, _ = filter_bar(at)
boxes = st.columns(3)
word = urlstate.text("Name contains", "q", boxes[0])
statuses = urlstate.multiselect("Status", list(WORDS), "status", boxes[1])
orders = tuple(fleet.ORDERS)
order = urlstate.select("Order", orders, "order", boxes[2], default=orders[0]) or orders[0]
page = urlstate.number("p", default=1, most=1_000_000)


def rows(count: int, skip: int = 0) -> pl.DataFrame:
    """Return some of the instances that match, in the chosen order."""
    return fleet.instances(
        at, chosen, word=word, status=statuses, order=order, rows=count, skip=skip
    )


found = rows(tables.PAGE_ROWS, (page - 1) * tables.PAGE_ROWS)
if found.is_empty() and page > 1:
    first = rows(1)
    if first.height:
        st.info(f"There is no page {page}.")
        here = {k: st.query_params.get_all(k) for k in st.query_params if k != "p"}
        navigation.link("instances", "Go to the first page", **here)
        st.stop()
if found.is_empty():
    st.info("0 instances match.")
    navigation.clear_filters("instances")
    st.stop()

total = int(found["total"][0])
left, right = st.columns([9, 1], vertical_alignment="bottom")
left.subheader(f"{total} {'instance' if total == 1 else 'instances'}, {order}")
explain.last_query(right)
tables.picker(
    found.select(
        said("status", badge),
        pl.col("instance_id").alias("instance"),
        "team",
        "tier",
        pl.col("db_type").alias("database"),
        lost_column(found).alias("would lose"),
        said("objective_s", duration, "objective"),
        said("recovery_point_at", zones.moment, "newest recovery point"),
        said("last_attempt_state", state, "last attempt"),
        said("reason", reason, "why"),
    ),
    found["instance_id"].to_list(),
    key="instances",
    page="instance",
    alt=f"Instances, {order}",
    height=38 + 35 * min(found.height, 20),
)
tables.pages("instances", total=total, number=page, noun="instances")
downloads.offer("instances", lambda: rows(_ALL).drop("total"))
