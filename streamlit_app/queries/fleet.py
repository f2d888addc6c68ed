"""The fleet now and by day: Overview and the list of instances.

Belongs here: queries of those two pages. Does not belong here: one instance, drawing.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from cbcr_assets.warehouse import Snapshot
from streamlit_app.queries.scope import FILTER
from streamlit_app.queries.session import history, live

PROBLEM_ROWS = 500


def status_counts(at: Snapshot, chosen: dict[str, Any]) -> dict[str, int]:
    """Return how many instances have each RPO status now; unknown is one of them."""
    sql = f"select status, count(*) as n from live.live_rpo_status where {FILTER} group by 1"
    found = dict(live(at, sql, chosen).iter_rows())
    return {status: found.get(status, 0) for status in ("breached", "approaching", "unknown", "ok")}


LIST = f"""
select instance_id, team, tier, db_type, status, reason, exposure_s, objective_s, ratio,
  recovery_point_at, last_attempt_at, last_attempt_state, count(*) over () as total
from live.live_rpo_status
where {FILTER} and ($word = '' or contains(lower(instance_id), lower($word)))
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
    rows: int,
    skip: int = 0,
) -> pl.DataFrame:
    """Return one page of instances, the worst first; `total` counts all of them."""
    more = {"word": word, "status": list(status), "rows": rows, "skip": skip}
    return live(at, LIST, chosen | more)


def compliance_trend(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return time-weighted RPO compliance of the chosen instances by UTC day."""
    sql = f"""
        select day, 1 - sum(violation_s) / sum(measured_s) as compliance,
          count(*) as instances, count(*) filter (violation_s > 0) as violating
        from marts.fct_rpo_compliance_daily
        inner join marts.dim_instances using (instance_id)
        where {FILTER} group by day having sum(measured_s) > 0 order by day"""
    return history(at, sql, chosen)


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
        where {FILTER}
          and ($instance = '' or (subject_kind = 'instance' and subject_id = $instance))
        order by case status when 'breached' then 0 when 'unknown' then 1 else 2 end,
          case severity when 'critical' then 0 else 1 end, since
        limit {PROBLEM_ROWS}"""
    return live(at, sql, chosen | {"instance": instance})


def sources(at: Snapshot) -> pl.DataFrame:
    """Return when each source answered last."""
    sql = "select source_id, tool, status, last_ok_at, last_error from live.live_sources order by 1"
    return live(at, sql)


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
        where is_active and {FILTER}"""
    return history(at, sql, chosen).row(0, named=True)
