"""All SQL of the dashboards, on published snapshots only.

Belongs here: queries with parameters, and which snapshot they run on.
Does not belong here: drawing. Definitions of numbers are in the models.

A snapshot is immutable and its version is part of every cache key, so a page never mixes versions
and never meets the writer's lock. Live views compute *now* when they are read.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot, WarehouseMissing, connect, current, settle

PAGE_ROWS = 50
PROBLEM_ROWS = 500
_LIVE_S = 5


def serving() -> Path:
    """Return the folder of published snapshots: `CBCR_SERVING`, else `.cbcr/serving` here."""
    return Path(os.environ.get("CBCR_SERVING", ".cbcr/serving"))


def snapshot() -> Snapshot | None:
    """Return the newest published snapshot, or None."""
    try:
        return current(serving())
    except WarehouseMissing:
        return None


@st.cache_resource(max_entries=2, show_spinner=False)
def _connection(path: str) -> duckdb.DuckDBPyConnection:
    return connect(Path(path))


def _run(path: str, sql: str, parameters: dict[str, Any] | None) -> pl.DataFrame:
    cursor = _connection(path).cursor()
    settle(cursor)
    return cursor.execute(sql, parameters or {}).pl()


@st.cache_data(max_entries=256, ttl=600, show_spinner=False)
def _history(path: str, sql: str, parameters: dict[str, Any] | None = None) -> pl.DataFrame:
    return _run(path, sql, parameters)


@st.cache_data(max_entries=64, ttl=_LIVE_S, show_spinner=False)
def _live(path: str, sql: str, parameters: dict[str, Any] | None = None) -> pl.DataFrame:
    return _run(path, sql, parameters)


_FILTER = """
  (len($team) = 0 or list_contains($team, coalesce(team, '')))
  and (len($tier) = 0 or list_contains($tier, coalesce(tier, 0)))
  and (len($db_type) = 0 or list_contains($db_type, coalesce(db_type, '')))
"""


def scope(
    team: Sequence[str] = (), tier: Sequence[int] = (), db_type: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the parameters of a filter; empty means all."""
    return {"team": list(team), "tier": list(tier), "db_type": list(db_type)}


def choices(at: Snapshot) -> dict[str, list[Any]]:
    """Return the teams, tiers and database types that there are."""
    sql = "select distinct {0} as v from marts.dim_instances where {0} is not null order by 1"
    return {
        name: _history(str(at.path), sql.format(name))["v"].to_list()
        for name in ("team", "tier", "db_type")
    }


def status_counts(at: Snapshot, chosen: dict[str, Any]) -> dict[str, int]:
    """Return how many instances have each RPO status now; unknown is one of them."""
    sql = f"select status, count(*) as n from live.live_rpo_status where {_FILTER} group by 1"
    found = dict(_live(str(at.path), sql, chosen).iter_rows())
    return {status: found.get(status, 0) for status in ("breached", "approaching", "unknown", "ok")}


_LIST = f"""
select instance_id, team, tier, db_type, status, reason, exposure_s, objective_s, ratio,
  recovery_point_at, last_attempt_at, last_attempt_state, count(*) over () as total
from live.live_rpo_status
where {_FILTER} and ($word = '' or contains(lower(instance_id), lower($word)))
  and (len($status) = 0 or list_contains($status, status))
order by
  case status when 'breached' then 0 when 'unknown' then 1 when 'approaching' then 2 else 3 end,
  ratio desc nulls first, instance_id
limit $rows offset $skip
"""


def instances(
    at: Snapshot,
    chosen: dict[str, Any],
    *,
    word: str = "",
    status: Sequence[str] = (),
    rows: int = PAGE_ROWS,
    skip: int = 0,
) -> pl.DataFrame:
    """Return one page of instances, the worst first; `total` counts all of them."""
    more = {"word": word, "status": list(status), "rows": rows, "skip": skip}
    return _live(str(at.path), _LIST, chosen | more)


def compliance_trend(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return time-weighted RPO compliance of the chosen instances by UTC day."""
    sql = f"""
        select day, 1 - sum(violation_s) / sum(measured_s) as compliance,
          count(*) as instances, count(*) filter (violation_s > 0) as violating
        from marts.fct_rpo_compliance_daily
        inner join marts.dim_instances using (instance_id)
        where {_FILTER} group by day having sum(measured_s) > 0 order by day"""
    return _history(str(at.path), sql, chosen)


def problems(at: Snapshot, chosen: dict[str, Any], *, instance: str = "") -> pl.DataFrame:
    """Return the first verdicts that are not ok now, the worst first; `total` counts all.

    Args:
        at: Which snapshot.
        chosen: Filter; verdicts on other subjects than instances match the empty one only.
        instance: Only those on this instance.
    """
    sql = f"""
        with verdicts as (
          select *, try_cast(labels ->> 'tier' as integer) as tier, labels ->> 'db_type' as db_type
          from live.sla_evaluations where status <> 'ok'
        )
        select rule, status, severity, subject_id, summary, since, count(*) over () as total
        from verdicts
        where {_FILTER}
          and ($instance = '' or (subject_kind = 'instance' and subject_id = $instance))
        order by case status when 'breached' then 0 when 'unknown' then 1 else 2 end,
          case severity when 'critical' then 0 else 1 end, since
        limit {PROBLEM_ROWS}"""
    return _live(str(at.path), sql, chosen | {"instance": instance})


def sources(at: Snapshot) -> pl.DataFrame:
    """Return when each source answered last."""
    sql = "select source_id, tool, status, last_ok_at, last_error from live.live_sources order by 1"
    return _live(str(at.path), sql)


def instance(at: Snapshot, instance_id: str) -> dict[str, Any] | None:
    """Return an instance with its promises and present status, or None."""
    sql = """
        select dim.*, live.* exclude (instance_id, team, tier, db_type, environment, protect_from)
        from marts.dim_instances as dim left join live.live_rpo_status as live using (instance_id)
        where instance_id = $id"""
    found = _live(str(at.path), sql, {"id": instance_id})
    return found.row(0, named=True) if found.height else None


def exposure(at: Snapshot, instance_id: str, days: int) -> pl.DataFrame:
    """Return the corners of the sawtooth: `moment`, `exposure_s` (null: nothing to restore).

    While an archive kept up, its worst lag of the day stands for the teeth that are too fine.
    """
    sql = """
        with steps as (
          select *, row_number() over (order by started_at) as step,
            coalesce(worst_lag_s, 0) as least_s
          from intermediate.int_rpo_steps_of($id)
          where ended_at > cbcr_now() - to_days($days::integer)
        ),
        corners as (
          select step, started_at as moment, recovery_point_at, least_s from steps
          union all
          select step, ended_at, recovery_point_at, least_s from steps
        )
        select step, moment, case when recovery_point_at is not null
          then greatest((epoch_us(moment) - epoch_us(recovery_point_at)) / 1e6, least_s)
          end as exposure_s
        from corners order by moment, step"""
    return _history(str(at.path), sql, {"id": instance_id, "days": days})


def violations(at: Snapshot, instance_id: str, days: int) -> pl.DataFrame:
    """Return the closed violation intervals, newest first."""
    sql = """
        select started_at, ended_at, duration_s, cause from marts.fct_rpo_violations
        where instance_id = $id and ended_at > cbcr_now() - to_days($days::integer)
        order by started_at desc"""
    return _history(str(at.path), sql, {"id": instance_id, "days": days})


def attempts(at: Snapshot, instance_id: str, days: int) -> pl.DataFrame:
    """Return backup attempts, newest first."""
    sql = """
        select started_at, finished_at, backup_type, state, duration_s, error_code, error_text,
          backup_label, source_bytes, transferred_bytes, tool, worker
        from marts.fct_backup_attempts
        where instance_id = $id and started_at > cbcr_now() - to_days($days::integer)
        order by started_at desc"""
    return _history(str(at.path), sql, {"id": instance_id, "days": days})


def drills(at: Snapshot, instance_id: str) -> pl.DataFrame:
    """Return restores, newest first."""
    sql = """
        select * from marts.fct_restore_drills where instance_id = $id
        order by coalesce(requested_at, started_at) desc limit 20"""
    return _history(str(at.path), sql, {"id": instance_id})


def drill_figures(at: Snapshot, chosen: dict[str, Any]) -> dict[str, int]:
    """Return how many active instances have a proven drill, and how many of those kept the RTO."""
    sql = f"""
        with newest as (
          select instance_id, meets_rto from marts.fct_restore_drills
          where purpose in ('drill', 'real')
          qualify row_number() over (partition by instance_id order by requested_at desc) = 1
        )
        select count(*) as instances, count(newest.instance_id) as drilled,
          count(*) filter (newest.meets_rto) as kept
        from marts.dim_instances left join newest using (instance_id)
        where is_active and {_FILTER}"""
    return _history(str(at.path), sql, chosen).row(0, named=True)
