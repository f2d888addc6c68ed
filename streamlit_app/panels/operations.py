"""What ran and what failed: bars over time, failures and their reasons, what goes on.

Belongs here: those sections of the Operations page. Does not belong here: load (see
`operations_load`), SQL.
"""

from datetime import timedelta
from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, navigation, tables, urlstate, zones
from streamlit_app.charts import gantt
from streamlit_app.charts import operations as charts
from streamlit_app.queries import operations as queries
from streamlit_app.status import duration, plain, state
from streamlit_app.tables import Target, said


def job_target(row: dict[str, Any]) -> Target:
    """Return where an attempt's row leads."""
    return Target(
        "job",
        f"{row['backup_type']} of {row['instance_id']}",
        {"source": row["source_id"], "attempt": row["attempt_key"]},
    )


def timeline(at: Snapshot, chosen: dict[str, Any], hours: int) -> None:
    """Show what ran in the last hours, side by side."""
    sql = explain.heading(f"The last {hours} hours")
    group = urlstate.segments("Rows", tuple(queries.GROUPS), "rows", default="worker")
    found = queries.bars(at, chosen, hours=hours, group=group)
    explain.last_query(sql)
    if found.is_empty():
        st.info(
            f"Nothing ran in the last {hours} hours, as far as we know.", icon=":material/help:"
        )
        return
    drawn = found.with_columns(took=said("duration_s", duration))
    until = at.published_at
    span = zones.in_zone(pl.DataFrame({"a": [until - timedelta(hours=hours)], "b": [until]}))
    st.altair_chart(
        gantt.gantt(zones.in_zone(drawn), group="lane_group", title="", span=span.row(0)),
        width="stretch",
        alt=f"Backup attempts of the last {hours} hours by {group}, coloured by state",
    )
    total = found["total"][0]
    st.caption(
        f"{total} attempts, until the data was published at {zones.moment(until)}."
        + (f" Shown: {found.height}, bad and running ones first, then the longest."
           if total > found.height else "")
        + " A tick: too short to be seen as a bar."
    )  # fmt: skip


def failures(at: Snapshot, chosen: dict[str, Any], hours: int) -> None:
    """Show why attempts failed, and which; a chosen reason narrows the list."""
    sql = explain.heading("Why backups failed")
    by = urlstate.segments("By", tuple(queries.PARETO), "by", default="class")
    reasons = queries.pareto(at, chosen, hours=hours, by=by)
    explain.last_query(sql)
    if reasons.is_empty():
        st.success(f"Nothing failed in the last {hours} hours.", icon=":material/check_circle:")
        return
    asked = st.query_params.get("reason")
    only = asked if asked in reasons["reason"].to_list() else None
    st.altair_chart(
        charts.pareto(reasons, chosen=only),
        width="stretch",
        key="pareto",
        on_select=urlstate.mark("reason", "pareto", "reason"),
        alt="Failed and lost attempts by reason, the most frequent first",
    )
    found = queries.bad(at, chosen, hours=hours, by=by, only=only)
    if only is not None:
        here = {k: st.query_params.get_all(k) for k in st.query_params if k != "reason"}
        navigation.link("operations", f"Only {plain(only)}: show all reasons", **here)
    tables.opener(
        found.select(
            said("started_at", zones.moment, "started"),
            pl.col("instance_id").alias("instance"),
            pl.col("backup_type").alias("type"),
            said("state", state),
            said("duration_s", duration, "took"),
            pl.col("error_class").fill_null("").alias("class"),
            pl.col("error_code").fill_null("").alias("code"),
            pl.col("error_text").fill_null("").alias("error"),
        ),
        [job_target(row) for row in found.iter_rows(named=True)],
        key="bad",
        alt="Attempts that failed or were lost, the newest first",
        height=min(38 + 35 * found.height, 388),
        column_config={"error": st.column_config.TextColumn(width="large")},
    )
    if found["total"][0] > found.height:
        st.caption(f"The newest {found.height} of {found['total'][0]}.")


def running(at: Snapshot, chosen: dict[str, Any]) -> None:
    """Show what runs or waits."""
    sql = explain.heading("Running and waiting")
    found = queries.running(at, chosen)
    explain.last_query(sql)
    if found.is_empty():
        st.caption("Nothing runs and nothing waits, as far as the sources tell.")
        return
    told = found.with_columns(since=(at.published_at - pl.col("started_at")).dt.total_seconds())
    tables.opener(
        told.select(
            said("state", state),
            pl.col("instance_id").alias("instance"),
            pl.col("backup_type").alias("type"),
            said("started_at", zones.moment, "started"),
            said("since", duration, "for"),
            pl.col("worker").fill_null("").alias("worker"),
        ),
        [job_target(row) for row in found.iter_rows(named=True)],
        key="running",
        alt="Attempts that run or wait, the oldest first",
        height=min(38 + 35 * found.height, 248),
    )
    if found["total"][0] > found.height:
        st.caption(f"The oldest {found.height} of {found['total'][0]}.")
