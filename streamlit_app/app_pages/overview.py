"""Overview: could we restore now, within the promise?

Belongs here: the first screen, status first. Does not belong here: SQL.
"""

import polars as pl
import streamlit as st

from streamlit_app import explain, navigation, tables, zones
from streamlit_app.charts import fleet as charts
from streamlit_app.header import filter_bar, page_header
from streamlit_app.queries import fleet
from streamlit_app.status import COLOURS, SIGNS, badge, lost_column, plain, reason

_TARGET = 0.99

at = page_header("Could we restore now?")
chosen, _ = filter_bar(at)
counts = fleet.status_counts(at, chosen)
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
figures = fleet.drill_figures(at, chosen)
trend = fleet.compliance_trend(at, chosen)
if trend.height:
    mean = trend["compliance"].mean()
    tiles[4].metric("RPO compliance", f"{mean:.2%}", help="Time-weighted mean of the days shown")
tiles[5].metric(
    "Restores proven",
    f"{figures['kept']} of {figures['instances']}",
    help="Instances whose newest drill was verified within the RTO",
)

st.subheader("The worst ten")
worst = fleet.instances(at, chosen, rows=10)
shown = worst.select(
    pl.col("status").map_elements(badge, return_dtype=pl.String).alias("status"),
    pl.col("instance_id").alias("instance"),
    lost_column(worst).alias("would lose"),
    pl.col("ratio").alias("used"),
    pl.col("reason").map_elements(reason, return_dtype=pl.String).alias("why"),
    "team",
)
tables.picker(
    shown,
    worst["instance_id"].to_list(),
    key="worst",
    page="instance",
    alt="The ten instances that are nearest to or farthest beyond their objective",
    column_config={
        "used": st.column_config.ProgressColumn(
            "objective used", min_value=0, max_value=1, format="percent"
        )
    },
)

st.subheader("RPO compliance by day")
if trend.height:
    st.altair_chart(
        charts.compliance(trend, target=_TARGET),
        width="stretch",
        alt="RPO compliance of each day against its target",
    )
    st.caption(f"Share of time in which the objective was kept; the dashed line is {_TARGET:.0%}.")
else:
    st.info("No day was measured yet.")

st.subheader("What is wrong now")
found = fleet.problems(at, chosen)
explain.last_query()
if found.is_empty():
    st.success("No rule reports anything.", icon=":material/check_circle:")
else:
    st.dataframe(
        found.select(
            pl.col("status").map_elements(badge, return_dtype=pl.String).alias("status"),
            "rule",
            pl.col("subject_id").alias("subject"),
            pl.col("summary").alias("what"),
            pl.col("since").map_elements(zones.moment, return_dtype=pl.String).alias("since"),
        ),
        hide_index=True,
    )
    if found["total"][0] > found.height:
        st.caption(f"The first {found.height} of {found['total'][0]}.")
stale = fleet.sources(at).filter(pl.col("status") != "ok")
for row in stale.iter_rows(named=True):
    name = f"{plain(row['source_id'])} ({plain(row['tool'])})"
    st.caption(f"○ source {name}: last good answer {zones.moment(row['last_ok_at'])}")
