"""Instance: what would be lost, how that came, and when a restore was proven last.

Belongs here: one instance. Does not belong here: SQL.
"""

import polars as pl
import streamlit as st

from streamlit_app import explain, navigation, zones
from streamlit_app.charts import instance as charts
from streamlit_app.header import page_header
from streamlit_app.queries import fleet, scope
from streamlit_app.queries import instance as queries
from streamlit_app.status import COLOURS, badge, duration, loss, plain, reason, size

_DAYS = 30

instance_id = st.query_params.get("id", "")
at = page_header(plain(instance_id) or "Instance")
navigation.link("instances", "← all instances")
facts = queries.instance(at, instance_id) if instance_id else None
if facts is None:
    st.warning(
        f"There is no instance {plain(instance_id)} in the inventory of this snapshot."
        if instance_id
        else "Choose an instance from the list.",
        icon=":material/search:",
    )
    st.stop()

if facts["status"] is None:
    st.info(
        f"It was retired at {zones.moment(facts['retired_at'])}."
        if not facts["is_active"]
        else f"It is protected from {zones.moment(facts['protect_from'])} on.",
        icon=":material/bedtime:",
    )
else:
    colour = COLOURS[facts["status"]]
    since = f", since {zones.moment(facts['since'])}" if facts["since"] else ""
    st.markdown(
        f"<div style='border-left:6px solid {colour};padding:.2rem .8rem;font-size:1.2rem'>"
        f"<b>{badge(facts['status'])}</b>: {reason(facts['reason'])}{since}</div>",
        unsafe_allow_html=True,
    )
tiles = st.columns([2, 2, 3, 3, 3])
tiles[0].metric("Would lose now", loss(facts["status"], facts["exposure_s"]))
tiles[1].metric("Objective (RPO)", duration(facts["rpo_s"]))
newest = facts["recovery_point_at"]
tiles[2].metric("Recovery point", zones.brief(newest), help=zones.moment(newest))
tiles[3].metric("Last attempt", facts["last_attempt_state"] or "none")
tiles[4].metric("Team · tier", f"{facts['team'] or '–'} · {facts['tier'] or '–'}")

for row in fleet.problems(at, scope.scope(), instance=instance_id).iter_rows(named=True):
    st.error(f"**{plain(row['rule'])}** {plain(row['summary'])}", icon=":material/warning:")

st.subheader("Data at risk over time")
broken = queries.violations(at, instance_id, _DAYS)
corners = queries.exposure(at, instance_id, _DAYS)
explain.last_query()
if corners.drop_nulls("exposure_s").is_empty():
    st.info(
        "It was never backed up, so all of its data is at risk all the time.",
        icon=":material/help:",
    )
else:
    chart = charts.sawtooth(
        zones.in_zone(corners), zones.in_zone(broken), objective_s=facts["rpo_s"]
    )
    st.altair_chart(chart, width="stretch", alt="Hours of data at risk over time")
    lost = broken["duration_s"].sum() if broken.height else 0
    st.caption(
        f"Dashed: the objective. Shaded: {broken.height} closed violations in {_DAYS} days,"
        f" {duration(lost)} in all."
    )

st.subheader("Backups")
tried = queries.attempts(at, instance_id, _DAYS)
explain.last_query()
if tried.is_empty():
    st.info(f"No attempt in the last {_DAYS} days.", icon=":material/help:")
else:
    st.altair_chart(
        charts.timeline(zones.in_zone(tried)), width="stretch", alt="Backup attempts over time"
    )
    st.dataframe(
        tried.head(50).select(
            pl.col("started_at")
            .map_elements(zones.moment, return_dtype=pl.String)
            .alias("started"),
            pl.col("backup_type").alias("type"),
            "state",
            pl.col("duration_s")
            .map_elements(duration, return_dtype=pl.String, skip_nulls=False)
            .alias("took"),
            pl.col("transferred_bytes")
            .map_elements(size, return_dtype=pl.String, skip_nulls=False)
            .alias("written"),
            pl.col("error_code").alias("code"),
            pl.col("error_text").alias("error"),
            pl.col("backup_label").alias("label"),
        ),
        hide_index=True,
    )

st.subheader("Last drill")
proofs = queries.drills(at, instance_id)
if proofs.is_empty():
    st.info("Never: nobody has shown that it can be restored.", icon=":material/help:")
else:
    last = proofs.row(0, named=True)
    begun = last["requested_at"] or last["started_at"]
    if last["state"] == "failed" or last["verification"] == "failed":
        st.error(
            f"The restore of {zones.moment(begun)} failed: {plain(last['error_code'])}"
            f" {plain(last['error_text']) or 'the data was not what it should be'}",
            icon=":material/warning:",
        )
    elif last["rto_s"] is None:
        text = f"The restore of {zones.moment(begun)} was not verified, so it proves nothing."
        st.info(text, icon=":material/help:")
    else:
        verdict = "within" if last["meets_rto"] else "beyond"
        st.markdown(
            f"{zones.moment(begun)}: proven after **{duration(last['rto_s'])}**,"
            f" {verdict} the objective of {duration(last['objective_s'])}."
        )
        waited = None
        if last["started_at"] and last["requested_at"]:
            waited = (last["started_at"] - last["requested_at"]).total_seconds()
        st.altair_chart(
            charts.phases({**last, "wait_s": waited}, objective_s=last["objective_s"]),
            width="stretch",
            alt="The phases of the last drill against the objective",
        )
