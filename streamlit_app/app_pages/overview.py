"""Overview: could we restore now, within the promise?

Belongs here: the first screen, status first. Does not belong here: SQL.
"""

import polars as pl
import streamlit as st

from streamlit_app import charts, queries, urlstate
from streamlit_app.header import page_header
from streamlit_app.status import COLOURS, SIGNS, badge, lost_column, moment, plain, reason

_TARGET = 0.99

at = page_header("Could we restore now?")
options = queries.choices(at)
boxes = st.columns(3)
chosen = queries.scope(
    urlstate.multiselect("Team", options["team"], "team", boxes[0]),
    urlstate.multiselect("Tier", options["tier"], "tier", boxes[1]),
    urlstate.multiselect("Database", options["db_type"], "db_type", boxes[2]),
)
counts = queries.status_counts(at, chosen)
total = sum(counts.values())
if total == 0:
    st.info("No protected instance here: clear the filters, or fill the inventory.")
    st.page_link(st.session_state["pages"]["overview"], label="Clear filters")
    st.stop()

bad = counts["breached"]
if bad:
    sentence = f"No, not everything: **{bad} of {total}** instances would lose more than promised"
else:
    sentence = f"Yes, as far as we see: none of **{total}** instances breaks its objective"
if counts["unknown"]:
    sentence += f", and **{counts['unknown']}** cannot be seen"
st.subheader(sentence + ".")

tiles = st.columns(6)
for tile, (status, label) in zip(
    tiles,
    (("breached", "Breached"), ("approaching", "At risk"), ("unknown", "Unknown"), ("ok", "OK")),
    strict=False,
):
    tile.markdown(
        f"<div style='border-left:6px solid {COLOURS[status]};padding-left:.7rem'>"
        f"<div style='font-size:.9rem'>{SIGNS[status]} {label}</div>"
        f"<div style='font-size:2.2rem;font-weight:600;line-height:1.1'>{counts[status]}</div>"
        f"<div style='font-size:.8rem;opacity:.7'>{counts[status] / total:.0%} of {total}</div>"
        "</div>",
        unsafe_allow_html=True,
    )
trend = queries.compliance_trend(at, chosen)
figures = queries.drill_figures(at, chosen)
if trend.height:
    mean = trend["compliance"].mean()
    tiles[4].metric("RPO compliance", f"{mean:.2%}", help="Time-weighted mean of the days shown")
tiles[5].metric(
    "Restores proven",
    f"{figures['kept']} of {figures['instances']}",
    help="Instances whose newest drill was verified within the RTO",
)

st.subheader("The worst ten")
worst = queries.instances(at, chosen, rows=10)
shown = worst.select(
    pl.col("status").map_elements(badge, return_dtype=pl.String).alias("status"),
    pl.col("instance_id").alias("instance"),
    lost_column(worst).alias("would lose"),
    pl.col("ratio").alias("used"),
    pl.col("reason").map_elements(reason, return_dtype=pl.String).alias("why"),
    "team",
)
picked = st.dataframe(
    shown,
    hide_index=True,
    key="worst",
    on_select="rerun",
    selection_mode="single-row",
    column_config={
        "used": st.column_config.ProgressColumn(
            "objective used", min_value=0, max_value=1, format="percent"
        )
    },
)
rows = picked["selection"]["rows"]
if rows:
    name = worst["instance_id"][rows[0]]
    st.page_link(
        st.session_state["pages"]["instance"],
        label=f"Open {name} →",
        query_params={"id": name},
    )
else:
    st.caption("Select a row to open the instance.")

st.subheader("RPO compliance by day")
if trend.height:
    st.altair_chart(charts.compliance(trend, target=_TARGET), width="stretch")
    st.caption(f"Share of time in which the objective was kept; the dashed line is {_TARGET:.0%}.")
else:
    st.info("No day was measured yet.")

st.subheader("What is wrong now")
found = queries.problems(at, chosen)
if found.is_empty():
    st.success("No rule reports anything.", icon=":material/check_circle:")
else:
    st.dataframe(
        found.select(
            pl.col("status").map_elements(badge, return_dtype=pl.String).alias("status"),
            "rule",
            pl.col("subject_id").alias("subject"),
            pl.col("summary").alias("what"),
            pl.col("since").map_elements(moment, return_dtype=pl.String).alias("since"),
        ),
        hide_index=True,
    )
    if found["total"][0] > found.height:
        st.caption(f"The first {found.height} of {found['total'][0]}.")
stale = queries.sources(at).filter(pl.col("status") != "ok")
for row in stale.iter_rows(named=True):
    name = f"{plain(row['source_id'])} ({plain(row['tool'])})"
    st.caption(f"○ source {name}: last good answer {moment(row['last_ok_at'])}")
