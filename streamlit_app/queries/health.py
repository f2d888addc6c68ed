"""How healthy components are, why, and what moved together: the Health page.

Belongs here: queries of that page. Does not belong here: the formula of a score (see the models),
drawing.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from cbcr_assets.warehouse import Snapshot
from streamlit_app.queries.session import history, live

# Worst first; unknown stands where the models count it, between critical and poor.
LIST = """
select kind, component_id, tier, team, state, score::double as score, coverage, main_signal,
  main_reason, action, model_version, count(*) over () as total
from live.live_component_health
where (len($kind) = 0 or list_contains($kind, kind))
  and (len($state) = 0 or list_contains($state, state))
  and (len($team) = 0 or list_contains($team, coalesce(team, '')))
  and (len($tier) = 0 or list_contains($tier, coalesce(tier, 0)))
  and ($word = '' or contains(lower(component_id), lower($word)))
order by coalesce(score, 40), state <> 'unknown', tier, kind, component_id
limit $rows offset $skip
"""


def rollup(at: Snapshot, scope: str) -> pl.DataFrame:
    """Return the health of the fleet, of each kind, or of each team, now; the worst first.

    Args:
        at: Which snapshot.
        scope: `fleet`, `kind` or `team`.
    """
    sql = """
        select member, headline, mean_score, worst_tier1_score, tier1_bad, minimum_score,
          components, healthy, degraded, poor, critical, unknown, worst, model_version
        from live.live_fleet_health where scope = $scope order by headline nulls first, member"""
    return live(at, sql, {"scope": scope})


def components(
    at: Snapshot,
    *,
    kind: Sequence[str] = (),
    state: Sequence[str] = (),
    team: Sequence[str] = (),
    tier: Sequence[int] = (),
    word: str = "",
    rows: int,
    skip: int = 0,
) -> pl.DataFrame:
    """Return one page of components, the worst first; `total` counts all that match."""
    asked = {
        "kind": list(kind), "state": list(state), "team": list(team), "tier": list(tier),
        "word": word, "rows": rows, "skip": skip,
    }  # fmt: skip
    return live(at, LIST, asked)


def component(at: Snapshot, kind: str, name: str) -> dict[str, Any] | None:
    """Return one component with its reasons, or None."""
    sql = """
        select * replace (score::double as score) from live.live_component_health
        where kind = $kind and component_id = $name"""
    found = live(at, sql, {"kind": kind, "name": name})
    return found.row(0, named=True) if found.height else None


def component_history(at: Snapshot, kind: str, name: str) -> pl.DataFrame:
    """Return the score of a component whenever it changed; null is unknown."""
    sql = """
        select evaluated_at, score::double as score, state, main_reason, model_version
        from marts.fct_component_health
        where kind = $kind and component_id = $name order by evaluated_at"""
    return history(at, sql, {"kind": kind, "name": name})


def fleet_history(at: Snapshot) -> pl.DataFrame:
    """Return headline, mean and counts of the fleet whenever they changed."""
    sql = """
        select evaluated_at, headline, mean_score, tier1_bad, healthy, degraded, poor, critical,
          unknown, model_version
        from marts.fct_fleet_health where scope = 'fleet' order by evaluated_at"""
    return history(at, sql)


def workers(at: Snapshot, days: int) -> pl.DataFrame:
    """Return how busy each worker pool was by hour."""
    sql = """
        select pool, hour, avg(mean_busy_ratio) as busy_share, min(min_total) as workers,
          max(max_busy) as busy
        from marts.fct_worker_hourly where hour > cbcr_now() - to_days($days::integer)
        group by pool, hour order by pool, hour"""
    return history(at, sql, {"days": days})


def queues(at: Snapshot, days: int) -> pl.DataFrame:
    """Return how long each queue was by hour, and how long its oldest job waited."""
    sql = """
        select queue, hour, max(max_depth) as depth, max(max_wait_s) as wait_s
        from marts.fct_queue_hourly where hour > cbcr_now() - to_days($days::integer)
        group by queue, hour order by queue, hour"""
    return history(at, sql, {"days": days})


def correlations(at: Snapshot, *, every: bool) -> pl.DataFrame:
    """Return what moved together, the clearest first; with `every` also what was not found."""
    sql = """
        select is_finding, kind, component, metric, outcome, lag_h, n, instances, rho, q_value,
          tests, finding, window_to
        from marts.fct_performance_correlations where is_finding or $every
        order by q_value, abs(rho) desc, kind, component, metric, outcome limit 500"""
    return history(at, sql, {"every": every})


def series(at: Snapshot, kind: str, component_id: str, metric: str, outcome: str) -> pl.DataFrame:
    """Return the two series of a finding by UTC day."""
    sql = """
        select day, metric_value, outcome_value, instances from marts.fct_performance_series
        where kind = $kind and component = $component and metric = $metric
          and outcome = $outcome order by day"""
    asked = {"kind": kind, "component": component_id, "metric": metric, "outcome": outcome}
    return history(at, sql, asked)


def anomalies(at: Snapshot, days: int, rows: int) -> pl.DataFrame:
    """Return backups of an odd size or duration, the newest first; `total` counts all."""
    sql = """
        select started_at, instance_id, backup_type, kind, severity, measure, value, expected,
          ratio, z, event_runs, count(*) over () as total
        from marts.fct_backup_anomalies where started_at > cbcr_now() - to_days($days::integer)
        order by started_at desc, instance_id, measure limit $rows"""
    return history(at, sql, {"days": days, "rows": rows})
