"""How busy it is: odd backups, queues, congestion, throughput.

Belongs here: those sections of the Operations page. Does not belong here: failures (see
`operations`), SQL.
"""

from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, tables, urlstate, zones
from streamlit_app.charts import operations as charts
from streamlit_app.panels.operations import job_target
from streamlit_app.queries import operations as queries
from streamlit_app.status import duration, size
from streamlit_app.tables import Target, said

_MEASURES = {
    "source_bytes": "bytes read",
    "stored_bytes": "bytes stored",
    "duration_s": "duration",
}
_HEAT = {"backups at once": "concurrent", "median duration": "duration_s"}


def anomalies(at: Snapshot, chosen: dict[str, Any]) -> None:
    """Show the newest backups that are odd for their own series."""
    sql = explain.heading("Odd backups")
    found = queries.anomalies(at, chosen)
    explain.last_query(sql)
    if found.is_empty():
        st.caption("The newest backup of each series is as large and as slow as its past.")
        return
    rows = list(found.iter_rows(named=True))
    told = found.with_columns(
        pl.Series("is", [_amount(row, "value") for row in rows]),
        pl.Series("was expected", [_amount(row, "expected") for row in rows]),
    )
    tables.opener(
        told.select(
            said("severity", lambda word: "▲ critical" if word == "critical" else f"◆ {word}"),
            pl.col("instance_id").alias("instance"),
            pl.col("backup_type").alias("type"),
            "kind",
            pl.col("measure").replace(_MEASURES),
            "is",
            "was expected",
            said("event_started_at", zones.moment, "since"),
            pl.col("event_runs").alias("runs"),
        ),
        [_target(row) for row in rows],
        key="odd",
        alt="Newest backups of an odd size or duration, the worst first",
        height=min(38 + 35 * found.height, 318),
    )
    if found["total"][0] > found.height:
        st.caption(f"The first {found.height} of {found['total'][0]}.")


def _amount(row: dict[str, Any], column: str) -> str:
    shown = duration if row["measure"] == "duration_s" else size
    return shown(row[column])


def _target(row: dict[str, Any]) -> Target:
    if row["told_by"] == "attempt":
        return job_target({**row, "attempt_key": row["native_key"]})
    return Target("instance", row["instance_id"], {"id": row["instance_id"]})


def queues(at: Snapshot, hours: int) -> None:
    """Show how many jobs waited."""
    sql = explain.heading("Queues")
    found = queries.queues(at, hours)
    explain.last_query(sql)
    if found.is_empty():
        st.info("No queue is measured.", icon=":material/help:")
        return
    st.altair_chart(
        charts.queues(zones.in_zone(found)), width="stretch", alt="Jobs waiting in each queue"
    )
    newest = found.group_by("queue").agg(pl.col("last_sampled_at").max()).sort("queue")
    silent = newest.filter(pl.col("last_sampled_at") < at.published_at - pl.duration(hours=2))
    if silent.height:
        st.caption(f"○ Not measured any more: {', '.join(silent['queue'])}.")


def congestion(at: Snapshot, chosen: dict[str, Any]) -> None:
    """Show at which hours of the week backups crowd."""
    sql = explain.heading("When it is crowded")
    by = urlstate.segments("Shown", tuple(_HEAT), "heat", default="backups at once")
    found = queries.congestion(at, chosen)
    explain.last_query(sql)
    if found["begun"].sum() == 0:
        st.info("Nothing ran in four weeks.", icon=":material/help:")
        return
    st.altair_chart(
        charts.congestion(found, measure=_HEAT[by], title=by),
        width="stretch",
        alt=f"{by} by weekday and hour of the day",
    )
    top = found.sort("concurrent", descending=True).row(0, named=True)
    st.caption(
        f"Mean of {queries.CONGESTION_DAYS} days. Busiest: {_WEEKDAYS[top['weekday'] - 1]}"
        f" {top['hour_of_day']:02d}:00 UTC with {top['concurrent']:.1f} backups at once."
    )


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def throughput(at: Snapshot, chosen: dict[str, Any], hours: int) -> None:
    """Show how much was written."""
    sql = explain.heading("Throughput")
    found = queries.throughput(at, chosen, hours)
    explain.last_query(sql)
    told = found.drop_nulls("bytes")
    if told.is_empty():
        st.info(f"No backup of the last {hours} hours tells its bytes.", icon=":material/help:")
        return
    st.altair_chart(
        charts.throughput(zones.in_zone(told), width_h=max(hours // 48, 1)),
        width="stretch",
        alt="Bytes written by hour",
    )
    silent, backups = int(found["without_bytes"].sum()), int(found["backups"].sum())
    st.caption(
        f"{size(told['bytes'].sum())} in {hours} hours, by the hour in which a backup ended."
        + (f" {silent} of {backups} backups tell no bytes and are not in it." if silent else "")
    )
