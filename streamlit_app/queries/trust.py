"""Can these numbers be believed: sources, readings, quarantine, what numbers rest on: Data trust.

Belongs here: queries of that page. Does not belong here: drawing, the report of a period (see
`cbcr_assets.reports.compliance`).
"""

from typing import Any

import polars as pl

from cbcr_assets.records import RAW_TABLES
from cbcr_assets.warehouse import Snapshot
from streamlit_app.queries.session import history, live

# When what a row tells of happened, and which numbers rest on the table.
_RESTS = {
    "instances": (None, "who must be protected, and what was promised"),
    "instance_aliases": (None, "which backups are of which instance"),
    "sources": (None, "who should speak, and how often"),
    "scheduled_runs": ("scheduled_at", "missed backups"),
    "backup_jobs": ("started_at", "attempts, success, missed backups, durations"),
    "backup_sets": ("finished_at", "recovery points, RPO, capacity by catalog"),
    "log_archive": ("sampled_at", "recovery points of continuous archives"),
    "restore_jobs": ("started_at", "drills, RTO"),
    "storage_samples": ("sampled_at", "capacity, forecasts"),
    "network_samples": ("sampled_at", "links, headroom"),
    "queue_samples": ("sampled_at", "queues"),
    "worker_samples": ("sampled_at", "worker pools"),
    "pulls": ("finished_at", "freshness of sources"),
    "observations": ("observed_at", "the evidence behind all of it"),
    "quarantine": ("observed_at", "what was refused"),
}


def sources(at: Snapshot) -> pl.DataFrame:
    """Return each source: its lag now, and what it told in seven days; the worst first.

    `read` counts records that were met, `refused` those that are in quarantine for good reason,
    whatever was released since.
    """
    sql = """
        with pulls as (
          select source_id, count(*) as pulls, count(*) filter (not ok) as failed,
            sum(row_count) as read
          from raw.pulls where finished_at > cbcr_now() - interval 7 day group by source_id
        ),
        refused as (
          select source_id, count(*) as refused, count(*) filter (released_at is null) as waiting
          from raw.quarantine where observed_at > cbcr_now() - interval 7 day group by source_id
        )
        select live.*, coalesce(pulls, 0) as pulls, coalesce(failed, 0) as failed,
          coalesce(read, 0)::bigint as read, coalesce(refused, 0) as refused,
          coalesce(waiting, 0) as waiting
        from live.live_sources as live left join pulls using (source_id)
        left join refused using (source_id)
        order by case status when 'breached' then 0 when 'unknown' then 1 when 'approaching' then 2
          else 3 end, age_s / stale_after_s desc nulls first, source_id"""
    return live(at, sql)


def refusals(at: Snapshot) -> pl.DataFrame:
    """Return how many rows are in quarantine, by source, table and rule."""
    sql = """
        select coalesce(source_id, '') as source_id, coalesce(table_name, '') as table_name, rule,
          count(*) filter (released_at is null) as waiting,
          count(*) filter (released_at is not null) as closed,
          min(observed_at) filter (released_at is null) as since,
          arg_max(reason, observed_at) as reason
        from raw.quarantine group by all order by waiting desc, closed desc, 1, 2, 3"""
    return history(at, sql)


def refused(at: Snapshot, *, rule: str, every: bool, rows: int, skip: int) -> pl.DataFrame:
    """Return entries of the quarantine, the newest first; `total` counts all that match."""
    sql = """
        select quarantine_id, source_id, table_name, native_id, rule, reason, observed_at,
          released_at, count(*) over () as total
        from raw.quarantine
        where ($rule = '' or rule = $rule) and ($every or released_at is null)
        order by observed_at desc, quarantine_id limit $rows offset $skip"""
    return history(at, sql, {"rule": rule, "every": every, "rows": rows, "skip": skip})


def entry(at: Snapshot, quarantine_id: str) -> dict[str, Any] | None:
    """Return one entry of the quarantine with what was refused, or None."""
    found = history(at, "select * from raw.quarantine where quarantine_id = $id",
                    {"id": quarantine_id})  # fmt: skip
    return found.row(0, named=True) if found.height else None


def rests(at: Snapshot) -> pl.DataFrame:
    """Return each raw table: rows, oldest and newest of what it tells, newest ingest mark."""
    parts = []
    for table in RAW_TABLES:
        moment, numbers = _RESTS.get(table.name, (None, ""))
        known = {column.name for column in table.columns}
        span = f"min({moment}), max({moment})" if moment in known else "null, null"
        mark = "max(ingest_seq)" if "ingest_seq" in known | {"ingest_seq"} else "null"
        parts.append(
            f"select '{table.name}' as name, count(*) as n, {span}, {mark}, '{numbers}'"
            f" from raw.{table.name}"
        )
    sql = "select * from (" + " union all ".join(parts) + ")"
    columns = " as found(name, n, oldest, newest, ingest_seq, numbers) order by n desc"
    return history(at, sql + columns)


def builds(at: Snapshot) -> pl.DataFrame:
    """Return up to which ingest mark each incremental model was built, and when."""
    sql = """
        select model, ingest_seq, built_at, replayed from state.build_marks
        order by built_at desc, model"""
    return history(at, sql)
