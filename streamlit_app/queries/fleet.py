"""The fleet now: Overview and the list of instances.

Belongs here: queries of those two pages. Does not belong here: one instance, drawing.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from cbcr_assets.warehouse import Snapshot
from streamlit_app.queries.scope import FILTER
from streamlit_app.queries.session import history, live, slow

PROBLEM_ROWS = 500


def status_counts(at: Snapshot, chosen: dict[str, Any]) -> dict[str, int]:
    """Return how many instances have each RPO status now; unknown is one of them."""
    sql = f"select status, count(*) as n from live.live_rpo_status where {FILTER} group by 1"
    found = dict(live(at, sql, chosen).iter_rows())
    return {status: found.get(status, 0) for status in ("breached", "approaching", "unknown", "ok")}


# How the list may be ordered; the name breaks ties, so pages never overlap.
ORDERS = {
    "worst first": """case status when 'breached' then 0 when 'unknown' then 1
      when 'approaching' then 2 else 3 end, ratio desc nulls first""",
    "name": "instance_id",
    "would lose most": "exposure_s desc nulls first",
    "shortest objective": "objective_s nulls last",
    "oldest recovery point": "recovery_point_at nulls first",
    "newest attempt": "last_attempt_at desc nulls last",
    "tier": "tier nulls last",
    "team": "team nulls last",
    "database": "db_type nulls last",
}
LIST = f"""
select instance_id, team, tier, db_type, status, reason, exposure_s, objective_s, ratio,
  recovery_point_at, last_attempt_at, last_attempt_state, count(*) over () as total
from live.live_rpo_status
where {FILTER} and ($word = '' or contains(lower(instance_id), lower($word)))
  and (len($status) = 0 or list_contains($status, status))
order by {{order}}, instance_id
limit $rows offset $skip
"""


def instances(
    at: Snapshot,
    chosen: dict[str, Any],
    *,
    word: str = "",
    status: Sequence[str] = (),
    order: str = "worst first",
    rows: int,
    skip: int = 0,
) -> pl.DataFrame:
    """Return one page of instances; `total` counts all of them. `order` is one of `ORDERS`."""
    more = {"word": word, "status": list(status), "rows": rows, "skip": skip}
    return live(at, LIST.format(order=ORDERS[order]), chosen | more)


def by_cell(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return how many instances have each RPO status now, by tier and database type."""
    sql = f"""
        select tier, db_type, status, count(*) as instances
        from live.live_rpo_status where {FILTER} group by all order by all"""
    return live(at, sql, chosen)


def health(at: Snapshot) -> dict[str, Any] | None:
    """Return the health of the whole fleet now, or None: it cannot hide a dead tier 1."""
    sql = """
        select headline, mean_score, tier1_bad, components, critical, unknown, worst
        from live.live_fleet_health where scope = 'fleet'"""
    found = live(at, sql)
    return found.row(0, named=True) if found.height else None


def health_trend(at: Snapshot) -> list[float]:
    """Return the fleet's last headline of each of 30 UTC days, oldest first."""
    sql = """
        select arg_max(headline, evaluated_at) as headline from marts.fct_fleet_health
        where scope = 'fleet' and day > cbcr_now()::date - 30 group by day order by day"""
    return history(at, sql)["headline"].to_list()


def room(at: Snapshot) -> pl.DataFrame:
    """Return when each volume is full, the first one first; `nobody_knows` is as the mart says."""
    sql = """
        select volume, status, days_to_full_p10, days_to_full_p50, used_share,
          status in ('stale', 'insufficient_history', 'unknown_capacity') as nobody_knows
        from marts.fct_capacity_forecast
        order by coalesce(days_to_full_p10, days_to_full_p50) nulls last, volume"""
    return history(at, sql)


def fill(at: Snapshot, volume: str) -> list[float]:
    """Return the fill of a volume on each of 30 UTC days, in bytes, oldest first."""
    sql = """
        select max(used_bytes)::double as used from marts.fct_storage_daily
        where volume = $volume and day > cbcr_now()::date - 30 group by day order by day"""
    return history(at, sql, {"volume": volume})["used"].drop_nulls().to_list()


def drill_weeks(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return by week of 90 days how many conclusive restores there were, and how many kept the RTO.

    Weeks without any are left out: no drill is no share.
    """
    sql = f"""
        select date_trunc('week', coalesce(requested_at, started_at)) as week, count(*) as restores,
          count(*) filter (meets_rto and outcome in ('proven', 'untimed')) as kept
        from marts.fct_restore_drills inner join
          (select instance_id, team, tier, db_type from marts.dim_instances where is_active)
          using (instance_id)
        where {FILTER} and outcome in ('proven', 'untimed', 'failed')
          and coalesce(requested_at, started_at) > cbcr_now() - interval 90 day
        group by week order by week"""
    return history(at, sql, chosen)


_VERDICTS = """
    select *, try_cast(labels ->> 'tier' as integer) as tier, labels ->> 'db_type' as db_type
    from live.sla_evaluations where status <> 'ok'
"""
_WORST_VERDICT = """
    case status when 'breached' then 0 when 'unknown' then 1 else 2 end,
    case severity when 'critical' then 0 else 1 end, since, subject_id
"""


def problems(at: Snapshot, chosen: dict[str, Any], *, instance: str = "") -> pl.DataFrame:
    """Return the first verdicts that are not ok now, the worst first; `total` counts all.

    Args:
        at: Which snapshot.
        chosen: Filter; verdicts on other subjects than instances match the empty one only.
        instance: Only those on this instance.
    """
    sql = f"""
        with verdicts as ({_VERDICTS})
        select rule, status, severity, subject_kind, subject_id, summary, since,
          count(*) over () as total
        from verdicts
        where {FILTER}
          and ($instance = '' or (subject_kind = 'instance' and subject_id = $instance))
        order by {_WORST_VERDICT} limit {PROBLEM_ROWS}"""
    return slow(at, sql, chosen | {"instance": instance})


def wrong(
    at: Snapshot, chosen: dict[str, Any], *, rule: str | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return verdicts that are not ok now: counted by rule and status, and the worst one by one.

    One statement, for judging every rule is what costs.

    Args:
        at: Which snapshot.
        chosen: Filter.
        rule: Only the verdicts of this rule are told one by one.
    """
    sql = f"""
        with verdicts as materialized (select * from ({_VERDICTS}) where {FILTER}),
        counted as (
          select rule, status, count(*) as subjects,
            sum(count(*)) over (partition by rule) as of_rule
          from verdicts group by rule, status
        ),
        told as (
          select rule, status, severity, subject_kind, subject_id, summary, since,
            count(*) over () as total, row_number() over (order by {_WORST_VERDICT}) as place
          from verdicts where $rule is null or rule = $rule
          order by place limit {PROBLEM_ROWS}
        )
        select 'counted' as part, * from counted
        union all by name
        select 'told' as part, * from told
        order by part, place, of_rule desc, rule, status"""
    found = slow(at, sql, chosen | {"rule": rule})
    counted = found.filter(pl.col("part") == "counted").select(
        "rule", "status", pl.col("subjects").cast(pl.Int64), pl.col("of_rule").cast(pl.Int64)
    )
    told = found.filter(pl.col("part") == "told").drop("part", "subjects", "of_rule", "place")
    return counted, told


def sources(at: Snapshot) -> pl.DataFrame:
    """Return when each source answered last."""
    sql = "select source_id, tool, status, last_ok_at, last_error from live.live_sources order by 1"
    return live(at, sql)
