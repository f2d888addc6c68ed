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
        select started_at, finished_at, backup_type, state, duration_s, error_code, error_text,
          backup_label, source_bytes, transferred_bytes, tool, worker
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
