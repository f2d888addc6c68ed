"""The promise of the recovery point over time: the RPO page.

Belongs here: queries of that page. Does not belong here: drawing. Sums of the marts' seconds over
the chosen instances; what a violated second is, the marts own.
"""

from datetime import date
from typing import Any

import polars as pl

from cbcr_assets.warehouse import Snapshot
from streamlit_app.queries.scope import FILTER
from streamlit_app.queries.session import history, live

DAYS = 90
ROWS = 200
CLOCKS = ("as known", "restated")
_VIOLATED = {"as known": "violation_s", "restated": "restated_violation_s"}
_OF = "from marts.fct_rpo_compliance_daily inner join marts.dim_instances using (instance_id)"


def calendar(at: Snapshot, chosen: dict[str, Any], *, clock: str) -> pl.DataFrame:
    """Return compliance of each of the last 90 UTC days; NULL where nothing was measured."""
    violated = _VIOLATED[clock]
    sql = f"""
        with days as (
          select unnest(range(cbcr_now()::date - {DAYS - 1}, cbcr_now()::date + 1, interval 1 day))
            ::date as day
        ),
        told as (
          select day, 1 - sum({violated}) / nullif(sum(measured_s), 0) as compliance,
            count(*) as instances, count(*) filter ({violated} > 0) as violating
          {_OF} where {FILTER} group by day
        )
        select day, compliance, coalesce(instances, 0) as instances,
          coalesce(violating, 0) as violating
        from days left join told using (day) order by day"""
    return history(at, sql, chosen)


def violators(at: Snapshot, chosen: dict[str, Any], *, day: date, clock: str) -> pl.DataFrame:
    """Return who was in violation on a UTC day, the longest first; `total` counts all."""
    violated = _VIOLATED[clock]
    sql = f"""
        select instance_id, team, tier, db_type, {violated} as violation_s, measured_s,
          worst_exposure_s, rpo_s, count(*) over () as total
        {_OF} where {FILTER} and day = $day and {violated} > 0
        order by {violated} desc, instance_id limit {ROWS}"""
    return history(at, sql, chosen | {"day": day})


def budget(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return the error budget of the chosen instances over 1, 7, 30 and 90 days."""
    sql = f"""
        with promised as (select max(objective) as objective from marts.fct_rpo_error_budget),
        summed as (
          select window_days, sum(measured_s) as measured_s, sum(violation_s) as violation_s
          from marts.fct_rpo_windows inner join marts.dim_instances using (instance_id)
          where {FILTER} and measured_s > 0 group by window_days
        )
        select window_days, objective, 1 - violation_s / measured_s as compliance, violation_s,
          measured_s * (1 - objective) as budget_s,
          measured_s * (1 - objective) - violation_s as budget_left_s,
          violation_s / (measured_s * (1 - objective)) as burn_rate
        from summed cross join promised order by window_days"""
    return history(at, sql, chosen)


def burn_down(at: Snapshot, chosen: dict[str, Any], *, days: int, clock: str) -> pl.DataFrame:
    """Return by day the share of the window's error budget that was left at its end."""
    sql = f"""
        with promised as (select max(objective) as objective from marts.fct_rpo_error_budget),
        days as (
          select day, sum(measured_s) as measured_s, sum({_VIOLATED[clock]}) as violation_s
          {_OF} where {FILTER} and day > cbcr_now()::date - $days::integer group by day
        )
        select day, violation_s,
          1 - sum(violation_s) over (order by day)
            / (sum(measured_s) over () * (1 - objective)) as share_left
        from days cross join promised
        where (select sum(measured_s) from days) > 0 order by day"""
    return history(at, sql, chosen | {"days": days})


def used_now(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return how much of its objective each instance uses now, counted by hundredths.

    `ratio` is NULL where there is no recovery point, or nobody knows.
    """
    sql = f"""
        select ceil(ratio * 100) / 100 as ratio, status, count(*) as instances
        from live.live_rpo_status where {FILTER} group by all order by 1 nulls last, 2"""
    return live(at, sql, chosen)


def by_part(at: Snapshot, chosen: dict[str, Any], *, part: str, days: int) -> pl.DataFrame:
    """Return compliance by day of each part of the chosen instances; `whole` is that of all days.

    Args:
        at: Which snapshot.
        chosen: Filter.
        part: `team`, `tier` or `db_type`.
        days: How many days, today included.
    """
    sql = f"""
        with days as (
          select coalesce({part}::varchar, 'none') as part, day, sum(measured_s) as measured_s,
            sum(violation_s) as violation_s, count(*) as instances
          {_OF} where {FILTER} and day > cbcr_now()::date - $days::integer
          group by all having sum(measured_s) > 0
        )
        select part, day, 1 - violation_s / measured_s as compliance, instances,
          1 - sum(violation_s) over parts / sum(measured_s) over parts as whole
        from days window parts as (partition by part)
        order by whole, part, day"""
    return history(at, sql, chosen | {"days": days})


def worst(at: Snapshot, chosen: dict[str, Any], *, days: int) -> pl.DataFrame:
    """Return the instances that broke the promise for the largest share of a window."""
    sql = f"""
        select instance_id, team, tier, db_type, compliance, violation_s, worst_exposure_s, rpo_s,
          count(*) over () as total
        from marts.fct_rpo_windows inner join marts.dim_instances using (instance_id)
        where {FILTER} and window_days = $days and violation_s > 0
        order by worst_rank limit 25"""
    return history(at, sql, chosen | {"days": days})


def causes(at: Snapshot, chosen: dict[str, Any], *, days: int) -> pl.DataFrame:
    """Return the closed violations that ended within days, by cause."""
    sql = f"""
        select cause, count(*) as violations, count(distinct instance_id) as instances,
          sum(duration_s) as duration_s
        from marts.fct_rpo_violations inner join marts.dim_instances using (instance_id)
        where {FILTER} and ended_at > cbcr_now()::date - $days::integer + 1
        group by cause order by duration_s desc"""
    return history(at, sql, chosen | {"days": days})
