"""What was around one attempt: its own past, its neighbours, its set, its alerts.

Belongs here: sections of the Job page that compare. Does not belong here: its facts (see `job`),
SQL.
"""

from datetime import timedelta
from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, strips, tables, zones
from streamlit_app.charts import gantt
from streamlit_app.charts import job as charts
from streamlit_app.queries import fleet, scope
from streamlit_app.queries import job as queries
from streamlit_app.status import COLOURS, badge, duration, plain, rate, size, state
from streamlit_app.tables import said

_DAYS = 30
_LEAST = 3
_BARS = 40
_MARGIN = timedelta(minutes=5)


def pace(at: Snapshot, job: dict[str, Any]) -> None:
    """Compare throughput, or duration where no bytes are told, with its own 30 days before."""
    sql = explain.heading("Against its own normal")
    if job["started_at"] is None:
        st.info("Nobody told when it started.", icon=":material/help:")
        return
    usual = queries.normal(at, job, _DAYS)
    explain.last_query(sql)
    around = queries.series(at, job, _DAYS)
    by_bytes = usual["n_bytes"] >= _LEAST
    if usual["n"] < _LEAST:
        st.info(
            f"Only {usual['n']} successes of this kind in the {_DAYS} days before: too few to say"
            " what is normal.",
            icon=":material/help:",
        )
        return
    if by_bytes:
        mine = None
        if job["transferred_bytes"] is not None and job["duration_s"]:
            mine = job["transferred_bytes"] / job["duration_s"]
        band = {
            "low": usual["bytes_s_p10"],
            "middle": usual["bytes_s"],
            "high": usual["bytes_s_p90"],
        }
        told = f"Usually **{rate(usual['bytes_s'])}**; this one **{rate(mine)}**"
        title = "bytes written a second"
    else:
        mine = job["duration_s"]
        band = {"low": None, "middle": usual["duration_s"], "high": usual["duration_p90"]}
        told = f"Usually **{duration(usual['duration_s'])}**; this one **{duration(mine)}**"
        title = "seconds"
    if mine is not None and band["middle"]:
        told += f", {mine / band['middle']:.2f} times the median"
    n = usual["n_bytes"] if by_bytes else usual["n"]
    st.markdown(f"{told} of {n} successes in the {_DAYS} days before.")
    drawn = zones.in_zone(around.rename({"bytes_s": "pace"}) if by_bytes else
                          around.with_columns(pace=pl.col("duration_s")))  # fmt: skip
    st.altair_chart(
        charts.pace(drawn, key=job["attempt_key"], measure="pace", title=title, normal=band),
        width="stretch", alt="Pace of this attempt and of those around it",
    )  # fmt: skip
    st.caption("Ringed: this one. Shaded: eight of ten of the days before. Dotted: their median.")


def neighbours(at: Snapshot, job: dict[str, Any]) -> None:
    """Show what ran at the same time on the same worker, volume or link."""
    sql = explain.heading("At the same time")
    if job["started_at"] is None:
        st.info("Nobody told when it started.", icon=":material/help:")
        return
    near = queries.neighbours(at, job)
    explain.last_query(sql)
    if near.is_empty():
        st.info("Nothing else ran then on its worker, volume or link, as far as we know.")
        return
    more = (
        f", the {near.height} with the longest overlap shown"
        if near["total"][0] > near.height
        else ""
    )
    st.caption(f"{near['total'][0]} others shared its worker, volume or link{more}.")
    mine = {
        "attempt_key": job["attempt_key"], "instance_id": job["instance_id"],
        "backup_type": job["backup_type"],
        "state": job["state"], "started_at": job["started_at"], "duration_s": job["duration_s"],
        "ended_at": job["finished_at"] or at.published_at, "shared": "this one",
    }  # fmt: skip
    bars = pl.concat(
        [pl.DataFrame([mine], infer_schema_length=None), near.head(_BARS)], how="diagonal_relaxed"
    ).with_columns(
        took=said("duration_s", duration),
        error_code=pl.lit(None, dtype=pl.String),
    )
    begin, end = mine["started_at"], mine["ended_at"]
    margin = max(end - begin, _MARGIN)
    span = zones.in_zone(pl.DataFrame({"low": [begin - margin], "high": [end + margin]})).row(0)
    st.altair_chart(
        gantt.gantt(
            zones.in_zone(bars), group="instance_id", title="", span=span,
            marked=job["attempt_key"],
        ),
        width="stretch", alt="What ran at the same time on the same worker, volume or link",
    )  # fmt: skip
    tables.opener(
        near.select(
            pl.col("instance_id").alias("instance"),
            pl.col("backup_type").alias("type"),
            said("state", state, "state"),
            said("started_at", zones.moment, "started"),
            said("together_s", duration, "together"),
            "shared",
        ),
        [
            tables.Target(
                "job", f"{row['backup_type']} of {row['instance_id']}",
                {"source": row["source_id"], "attempt": row["attempt_key"]},
            )
            for row in near.iter_rows(named=True)
        ],
        key="neighbours",
        alt="Attempts at the same time",
        height=min(38 + 35 * near.height, 290),
    )  # fmt: skip


def made(at: Snapshot, job: dict[str, Any]) -> None:
    """Show the set that it made, and what that rests on."""
    sql = explain.heading("The backup set")
    if job["backup_label"] is None:
        st.info(
            "It made none." if not job["is_success"] and job["is_finished"]
            else "Its source does not tell which set it made." if job["is_success"]
            else "It has made none yet.",
            icon=":material/help:",
        )  # fmt: skip
        return
    links = queries.chain(at, job)
    explain.last_query(sql)
    if links.is_empty():
        st.warning(
            f"No catalog knows the set {plain(job['backup_label'])} any more, or none was read.",
            icon=":material/help:",
        )
        return
    last = links.row(-1, named=True)
    lost = last["unusable_reason"] is not None and last["usable_until"] is not None
    told = f"{links['label'].n_unique()} sets are needed to restore it." if links.height > 1 else ""
    if lost:
        until = zones.moment(last["usable_until"])
        strips.strip(COLOURS["breached"], f"▲ not usable since {until}", last["unusable_reason"])
    elif last["recovery_point_at"] is None:
        strips.strip(COLOURS["unknown"], "○ unknown", "the models know no recovery point of it")
    else:
        brings = zones.moment(last["recovery_point_at"])
        strips.strip(COLOURS["ok"], "● usable", f"it brings back {brings}. {told}")
    st.dataframe(
        links.select(
            "label",
            pl.col("backup_type").alias("type"),
            pl.col("repo").alias("repository"),
            "integrity",
            "lifecycle",
            said("recovery_point_at", zones.moment, "brings back"),
            said("usable_until", zones.moment, "usable until"),
            pl.col("unusable_reason").alias("because"),
            said("repo_bytes", size, "in the repository"),
        ),
        hide_index=True,
        alt="The set and all that it rests on, the root first",
    )


def alerts(at: Snapshot, job: dict[str, Any]) -> None:
    """Show what was found about its instance that began with it."""
    sql = explain.heading("Alerts that began with it")
    if job["instance_id"] is None or job["started_at"] is None:
        st.info("Unknown: its instance or its start is.", icon=":material/help:")
        return
    episodes = queries.alerts(at, job)
    is_open = fleet.problems(at, scope.scope(), instance=job["instance_id"])
    explain.last_query(sql)
    until = job["finished_at"] or at.published_at
    began = is_open.filter(pl.col("since").is_between(job["started_at"], until))
    found = pl.concat([began, episodes], how="diagonal_relaxed")
    if found.is_empty():
        rules = ", ".join(plain(rule) for rule in is_open["rule"])
        st.caption(
            "None began between its start and its end."
            + (f" Open on its instance now: {rules}." if rules else "")
        )
        return
    st.dataframe(
        found.select(
            said("status", badge, "status"),
            "rule",
            pl.col("summary").alias("what"),
            said("since", zones.moment, "since"),
            said("resolved_at", zones.moment, "over"),
        ),
        hide_index=True,
        alt="Alerts on its instance that began between its start and its end",
    )
