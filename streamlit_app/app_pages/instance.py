"""Instance: what would be lost, how that came, and when a restore was proven last.

Belongs here: one instance, its promise and its exposure. Does not belong here: the other sections
(see `panels`), SQL.
"""

import streamlit as st

from streamlit_app import explain, navigation, strips, urlstate, zones
from streamlit_app.charts import instance as charts
from streamlit_app.header import page_header
from streamlit_app.panels import instance_backups as backups
from streamlit_app.panels import instance_restores as restores
from streamlit_app.queries import fleet, scope
from streamlit_app.queries import instance as queries
from streamlit_app.status import COLOURS, badge, duration, loss, plain, reason, state

_DAYS = ("7", "30", "90", "365")

instance_id = st.query_params.get("id", "")
at = page_header(plain(instance_id) or "Instance")
left, right, _ = st.columns([2, 3, 3], vertical_alignment="bottom")
navigation.link("instances", "← all instances", left)
facts = queries.instance(at, instance_id) if instance_id else None
if facts is None:
    st.warning(
        f"There is no instance {plain(instance_id)} in the inventory of this snapshot."
        if instance_id
        else "Choose an instance from the list.",
        icon=":material/search:",
    )
    st.stop()
days = int(urlstate.segments("Days shown", _DAYS, "days", right, default="30"))

if facts["status"] is None:
    st.info(
        f"It was retired at {zones.moment(facts['retired_at'])}."
        if not facts["is_active"]
        else f"It is protected from {zones.moment(facts['protect_from'])} on.",
        icon=":material/bedtime:",
    )
else:
    since = f", since {zones.moment(facts['since'])}" if facts["since"] else ""
    head = f"{badge(facts['status'])}:"
    strips.strip(COLOURS[facts["status"]], head, reason(facts["reason"]) + since)
tiles = st.columns([2, 2, 3, 3, 3, 3])
tiles[0].metric("Would lose now", loss(facts["status"], facts["exposure_s"]))
tiles[1].metric("Objective (RPO)", duration(facts["rpo_s"]))
newest = facts["recovery_point_at"]
tiles[2].metric("Recovery point", zones.brief(newest), help=zones.moment(newest))
tiles[3].metric("Last attempt", state(facts["last_attempt_state"]))
planned, lands = facts["next_run_at"], facts["lands_at"]
tiles[4].metric(
    "Next backup",
    zones.brief(planned),
    help=f"Due {zones.moment(planned)}, expected to be done {zones.moment(lands)}",
)
tiles[5].metric("Team · tier", f"{facts['team'] or '–'} · {facts['tier'] or '–'}")

tried = queries.attempts(at, instance_id, days)
backups.newest_failure(tried, failures=facts["consecutive_failures"])
for row in fleet.problems(at, scope.scope(), instance=instance_id).iter_rows(named=True):
    text = f"**{plain(row['rule'])}** {plain(row['summary'])}"
    if row["status"] == "breached":
        st.error(text, icon=":material/warning:")
    else:
        st.warning(f"{badge(row['status'])}: {text}", icon=":material/help:")

sql = explain.heading("Data at risk over time")
broken = queries.violations(at, instance_id, days)
corners = queries.exposure(at, instance_id, days)
explain.last_query(sql)
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
        f"Dashed: the objective. Shaded: {broken.height} closed violations in {days} days,"
        f" {duration(lost)} in all."
    )

backups.attempts(at, instance_id, days)
backups.measures(at, instance_id, days)
backups.copies(at, instance_id)
restores.restores(at, instance_id)
restores.health(at, instance_id)
