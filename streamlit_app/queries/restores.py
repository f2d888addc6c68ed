"""Restores, drills and estimates of the fleet: the Restores page.

Belongs here: queries of that page. Does not belong here: one instance, drawing.
"""

from typing import Any

import polars as pl

from cbcr_assets.warehouse import Snapshot
from streamlit_app.queries.scope import FILTER
from streamlit_app.queries.session import history

MONTHS = 6
LEAST = 8
ROWS = 500
PARTS = {
    "group": "coalesce(db_type, 'unknown') || ' on ' || coalesce(storage_volume, 'no volume')",
    "tier": "'tier ' || coalesce(tier::varchar, 'unknown')",
    "team": "coalesce(team, 'no team')",
    "database": "coalesce(db_type, 'unknown')",
}
_PROTECTED = """
    select dim.instance_id, dim.team, dim.tier, dim.db_type, dim.storage_volume, covered.* exclude
      (instance_id, team, tier, db_type, environment)
    from marts.fct_drill_coverage_instances as covered
    inner join marts.dim_instances as dim using (instance_id)"""


def figures(at: Snapshot, chosen: dict[str, Any]) -> dict[str, int]:
    """Return how many instances are protected, proven in time, never proven, overdue, failed."""
    sql = f"""
        select count(*) as instances, count(*) filter (estimates.proven) as proven,
          count(*) filter (n_proven = 0) as never,
          count(*) filter (drill_state = 'overdue') as overdue,
          count(*) filter (last_failed_at is not null
            and last_failed_at > coalesce(last_proven_at, last_failed_at - interval 1 second))
            as failed
        from ({_PROTECTED}) as instances
        left join (select instance_id, proven from marts.fct_rto_estimates) as estimates
          using (instance_id)
        where {FILTER}"""
    return history(at, sql, chosen).row(0, named=True)


def coverage(at: Snapshot, chosen: dict[str, Any], *, part: str) -> pl.DataFrame:
    """Return for each part and month how many instances were restored, and with what outcome.

    `month` is the first day of a UTC month, NULL for the instances that were never proven, which
    `never` counts. Who proved it and failed in one month counts as both.
    """
    sql = f"""
        with instances as (
          select instance_id, n_proven, {PARTS[part]} as part from ({_PROTECTED}) where {FILTER}
        ),
        months as (
          select unnest(range(date_trunc('month', cbcr_now()) - to_months({MONTHS - 1}),
            cbcr_now(), interval 1 month))::date as month
        ),
        shown as (
          select instance_id,
            date_trunc('month', coalesce(requested_at, started_at, ended_at))::date as month,
            bool_or(outcome in ('proven', 'untimed')) as proven,
            bool_or(outcome = 'failed') as failed
          from marts.fct_restore_drills
          where outcome not in ('running', 'cancelled') group by all
        )
        select part, month, count(*) as instances, count(*) filter (proven) as proven,
          count(*) filter (failed) as failed,
          count(*) filter (not proven and not failed) as unverified, null::bigint as never
        from instances cross join months left join shown using (instance_id, month)
        group by part, month
        union all
        select part, null, count(*), null, null, null, count(*) filter (n_proven = 0)
        from instances group by part
        order by part, month"""
    return history(at, sql, chosen)


def newest(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return the newest conclusive restore of each instance, the slowest against its promise first.

    `total` counts all; failed ones come first.
    """
    sql = f"""
        with conclusive as (
          select * from marts.fct_restore_drills where outcome in ('proven', 'untimed', 'failed')
          qualify row_number() over (
            partition by instance_id order by coalesce(requested_at, started_at) desc) = 1
        )
        select instance_id, outcome, rto_s, objective_s, meets_rto, requested_at, error_text,
          rto_s / objective_s as ratio, count(*) over () as total
        from conclusive inner join ({_PROTECTED}) as instances using (instance_id)
        where {FILTER}
        order by outcome = 'failed' desc, ratio desc nulls last, instance_id limit 30"""
    return history(at, sql, chosen)


def over_time(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return the proven restores of a year with their share of the objective, oldest first."""
    sql = f"""
        select instance_id, requested_at, rto_s, objective_s, meets_rto,
          rto_s / objective_s as ratio
        from marts.fct_restore_drills inner join ({_PROTECTED}) as instances using (instance_id)
        where {FILTER} and outcome = 'proven' and objective_s > 0
          and requested_at > cbcr_now() - interval 365 day
        order by requested_at desc limit 5000"""
    return history(at, sql, chosen).sort("requested_at")


def monthly(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return median and 95th percentile of restore time against the objective, by UTC month.

    Only months with enough restores; `n` says how many.
    """
    sql = f"""
        select date_trunc('month', requested_at) as month, count(*) as n,
          quantile_cont(rto_s / objective_s, 0.5) as p50,
          quantile_cont(rto_s / objective_s, 0.95) as p95
        from marts.fct_restore_drills inner join ({_PROTECTED}) as instances using (instance_id)
        where {FILTER} and outcome = 'proven' and objective_s > 0
          and requested_at > cbcr_now() - interval 365 day
        group by month having count(*) >= {LEAST} order by month"""
    return history(at, sql, chosen)


def trends(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return the groups' trends of restore time apart from the growth of the data."""
    sql = """
        select db_type, pool, trend, change_30d, n_restores, n_instances, p_value, last_at
        from marts.fct_rto_trend
        where level = 'group'
          and (len($db_type) = 0 or list_contains($db_type, coalesce(db_type, '')))
        order by case trend when 'slower' then 0 when 'faster' then 1 when 'none' then 2 else 3 end,
          n_restores desc, db_type, pool"""
    return history(at, sql, {"db_type": chosen["db_type"]})


def ages(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return how long ago the newest proof of each instance was, counted by tier."""
    sql = f"""
        select coalesce('tier ' || tier::varchar, 'no tier') as part,
          case when n_proven = 0 then 'never' when age_s <= 30 * 86400 then 'within 30 days'
            when age_s <= 90 * 86400 then 'within 90 days'
            when age_s <= 180 * 86400 then 'within 180 days' else 'longer ago' end as age,
          count(*) as instances, count(*) filter (drill_state = 'overdue') as overdue
        from ({_PROTECTED}) where {FILTER} group by all order by part, age"""
    return history(at, sql, chosen)


def never(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return the instances of which no restore was ever proven, the most important first."""
    sql = f"""
        select instance_id, team, tier, db_type, drill_state, due_at, n_restores, last_failed_at,
          count(*) over () as total
        from ({_PROTECTED}) where {FILTER} and n_proven = 0
        order by tier nulls last, due_at nulls last, instance_id limit {ROWS}"""
    return history(at, sql, chosen)


def bases(at: Snapshot, chosen: dict[str, Any]) -> dict[str, int]:
    """Return how many estimates rest on what."""
    sql = f"""
        select basis, count(*) as n from marts.fct_rto_estimates where {FILTER} group by basis"""
    found = dict(history(at, sql, chosen).iter_rows())
    return {basis: found.get(basis, 0) for basis in ("measured", "own", "peer", "unknown")}


def estimates(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return how long each restore would take now, unknown ones first, then the least likely."""
    sql = f"""
        select instance_id, team, tier, basis, proven, p50_s, p95_s, objective_s, p_meets_rto,
          n_own, n_peers, newest_proven_at, count(*) over () as total
        from marts.fct_rto_estimates where {FILTER}
        order by p_meets_rto nulls first, tier nulls last, instance_id limit {ROWS}"""
    return history(at, sql, chosen)


def backtest(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return each conclusive restore beside the estimate that was made when it was asked for."""
    sql = f"""
        select instance_id, requested_at, back.basis, actual_s, p50_s, p95_s, within_p50,
          within_p90, within_p95, within_p99, met_rto, p_meets_rto, brier
        from marts.fct_rto_backtest as back
        inner join ({_PROTECTED}) as instances using (instance_id)
        where {FILTER.replace("coalesce(db_type", "coalesce(instances.db_type")}
          and back.p50_s is not null
        order by requested_at desc limit 5000"""
    return history(at, sql, chosen)
