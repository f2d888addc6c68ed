"""One instance: its promises, its exposure, its backups and its restores.

Belongs here: queries of the Instance page. Does not belong here: the fleet, drawing.
"""

from typing import Any

import polars as pl

from cbcr_assets.warehouse import Snapshot
from streamlit_app.queries.session import history, live


def instance(at: Snapshot, instance_id: str) -> dict[str, Any] | None:
    """Return an instance with its promises and present status, or None."""
    sql = """
        select dim.*, live.* exclude (instance_id, team, tier, db_type, environment, protect_from)
        from marts.dim_instances as dim left join live.live_rpo_status as live using (instance_id)
        where instance_id = $id"""
    found = live(at, sql, {"id": instance_id})
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
    return history(at, sql, {"id": instance_id, "days": days})


def violations(at: Snapshot, instance_id: str, days: int) -> pl.DataFrame:
    """Return the closed violation intervals, newest first."""
    sql = """
        select started_at, ended_at, duration_s, cause from marts.fct_rpo_violations
        where instance_id = $id and ended_at > cbcr_now() - to_days($days::integer)
        order by started_at desc"""
    return history(at, sql, {"id": instance_id, "days": days})


def attempts(at: Snapshot, instance_id: str, days: int) -> pl.DataFrame:
    """Return backup attempts, newest first."""
    sql = """
        select source_id, attempt_key, started_at, finished_at, backup_type, state, duration_s,
          error_code, error_text, backup_label, source_bytes, transferred_bytes, tool, worker
        from marts.fct_backup_attempts
        where instance_id = $id and started_at > cbcr_now() - to_days($days::integer)
        order by started_at desc"""
    return history(at, sql, {"id": instance_id, "days": days})


def drills(at: Snapshot, instance_id: str) -> pl.DataFrame:
    """Return restores, newest first."""
    sql = """
        select * from marts.fct_restore_drills where instance_id = $id
        order by coalesce(requested_at, started_at) desc limit 20"""
    return history(at, sql, {"id": instance_id})


def copies(at: Snapshot, instance_id: str) -> pl.DataFrame:
    """Return what would be lost if only one repository were left, the best copy first."""
    sql = """
        select source_id, repo, label, recovery_point_at, usable_until, exposure_s, objective_s,
          keeps_objective, is_best
        from live.live_rpo_copies where instance_id = $id
        order by recovery_point_at desc, source_id, repo"""
    return live(at, sql, {"id": instance_id})


def measures(at: Snapshot, instance_id: str, days: int) -> pl.DataFrame:
    """Return size and duration of each backup, oldest first: `measure`, `value`, and what was odd.

    Durations and bytes read are told by attempts, bytes stored by the catalog.
    """
    sql = """
        with told as (
          select 'duration_s' as measure, source_id, backup_type, attempt_key as native_key,
            started_at, duration_s as value
          from marts.fct_backup_attempts where instance_id = $id and is_success
          union all
          select 'source_bytes', source_id, backup_type, attempt_key, started_at, source_bytes
          from marts.fct_backup_attempts where instance_id = $id and is_success
          union all
          select 'stored_bytes', source_id, backup_type, label, started_at,
            coalesce(repo_delta_bytes, repo_bytes)
          from raw.backup_sets where instance_id = $id
        )
        select told.measure, told.backup_type, told.started_at, told.value, odd.kind, odd.expected
        from told
        left join marts.fct_backup_anomalies as odd
          on odd.instance_id = $id and told.measure = odd.measure
          and told.source_id = odd.source_id and told.native_key = odd.native_key
        where told.value is not null and told.started_at > cbcr_now() - to_days($days::integer)
        order by told.started_at"""
    return history(at, sql, {"id": instance_id, "days": days})


def verdicts(at: Snapshot, instance_id: str) -> pl.DataFrame:
    """Return the newest backup of each series against what its past lets expect.

    `low` and `high` are the forecast less and plus twice the usual error of forecasts.
    """
    sql = """
        select backup_type, measure, started_at, value, expected, ratio, kind, severity, runs,
          case when z <> 0 then expected * exp(-2 * ln(ratio) / z) end as low,
          case when z <> 0 then expected * exp(2 * ln(ratio) / z) end as high
        from live.live_backup_verdicts where instance_id = $id
        order by backup_type, measure, started_at"""
    return live(at, sql, {"id": instance_id})


def estimate(at: Snapshot, instance_id: str) -> dict[str, Any] | None:
    """Return how long a restore is estimated to take, and on what basis, or None."""
    sql = "select * from marts.fct_rto_estimates where instance_id = $id"
    found = history(at, sql, {"id": instance_id})
    return found.row(0, named=True) if found.height else None


def health(at: Snapshot, instance_id: str) -> dict[str, Any] | None:
    """Return score, state and every deduction of an instance now, or None."""
    sql = """
        select score, state, coverage, main_reason, action, reasons
        from live.live_component_health where kind = 'instance' and component_id = $id"""
    found = live(at, sql, {"id": instance_id})
    return found.row(0, named=True) if found.height else None
