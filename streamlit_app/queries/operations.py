"""What ran, what failed, what waits: the Operations page.

Belongs here: queries of that page. Does not belong here: one attempt, drawing.
"""

from typing import Any

import polars as pl

from cbcr_assets.warehouse import Snapshot
from streamlit_app.queries.scope import FILTER
from streamlit_app.queries.session import history, live

# Bars that a chart draws; where each instance has its own row, fewer fit on a screen.
BARS = {"worker": 300, "source": 300, "database": 300, "instance": 100}
ROWS = 200
CONGESTION_DAYS = 28
GROUPS = {
    "worker": "coalesce(worker, 'worker not told')",
    "source": "source_id",
    "database": "coalesce(db_type, 'not in the inventory')",
    "instance": "coalesce(instance_id, native_instance)",
}
PARETO = {
    "class": "coalesce(error_class, state)",
    "code": "coalesce(tool || ' ' || error_code, tool || ' ' || state)",
    "tool": "tool",
    "source": "source_id",
}
_OF = """
    from marts.fct_backup_attempts left join
      (select instance_id, team, tier, db_type from marts.dim_instances) using (instance_id)"""
# Of a lost one nobody knows when it ended: it is shown where it began.
_ENDED = "coalesce(finished_at, case when state = 'lost' then started_at else $until end)"
_BAD = "state in ('failed', 'lost')"


def figures(at: Snapshot, chosen: dict[str, Any], hours: int) -> dict[str, int]:
    """Return how many attempts of the last hours ended how; those that run count whenever begun."""
    sql = f"""
        select count(*) filter (recent) as attempts,
          count(*) filter (recent and is_success) as succeeded,
          count(*) filter (recent and state = 'failed') as failed,
          count(*) filter (recent and state = 'lost') as lost,
          count(*) filter (recent and state = 'cancelled') as cancelled,
          count(*) filter (state = 'running') as running,
          count(*) filter (state = 'queued') as queued,
          coalesce(sum(transferred_bytes) filter (recent and is_success), 0)::bigint as bytes
        from (select *, started_at > cbcr_now() - to_hours($hours::integer) as recent {_OF})
        where {FILTER} and (recent or state in ('running', 'queued'))"""
    return history(at, sql, chosen | {"hours": hours}).row(0, named=True)


def bars(at: Snapshot, chosen: dict[str, Any], *, hours: int, group: str) -> pl.DataFrame:
    """Return the attempts that touch the last hours: bad and running ones first, then the longest.

    What still runs is taken to run until the data was published. `total` counts all.
    """
    sql = f"""
        select source_id, attempt_key, coalesce(instance_id, native_instance) as instance_id,
          backup_type, state, started_at, {_ENDED} as ended_at, duration_s,
          error_code, {GROUPS[group]} as lane_group, count(*) over () as total
        {_OF}
        where {FILTER} and started_at is not null and started_at < $until
          and started_at > $until - to_hours($hours::integer) - interval 2 day
          and {_ENDED} > $until - to_hours($hours::integer)
          and state not in ('queued')
        order by case when state in ('running', 'failed') then 0 when state = 'lost' then 1
          else 2 end, duration_s desc nulls last, attempt_key
        limit {BARS[group]}"""
    return history(at, sql, chosen | {"hours": hours, "until": at.published_at})


def bad(
    at: Snapshot, chosen: dict[str, Any], *, hours: int, by: str, only: str | None
) -> pl.DataFrame:
    """Return the attempts that failed or were lost or still run, the newest first."""
    sql = f"""
        select source_id, attempt_key, coalesce(instance_id, native_instance) as instance_id,
          backup_type, state, started_at, duration_s, error_class, error_code, error_text, worker,
          count(*) over () as total
        {_OF}
        where {FILTER} and {_BAD} and started_at > cbcr_now() - to_hours($hours::integer)
          and ($only is null or {PARETO[by]} = $only)
        order by started_at desc, attempt_key limit {ROWS}"""
    return history(at, sql, chosen | {"hours": hours, "only": only})


def running(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return what runs or waits, the oldest first, with how long its kind takes usually."""
    sql = f"""
        select source_id, attempt_key, instance_id, backup_type, state, started_at, worker,
          count(*) over () as total
        {_OF} where {FILTER} and state in ('running', 'queued')
        order by started_at nulls last, attempt_key limit {ROWS}"""
    return history(at, sql, chosen)


def pareto(at: Snapshot, chosen: dict[str, Any], *, hours: int, by: str) -> pl.DataFrame:
    """Return failed and lost attempts by reason, the most frequent first, with running share."""
    sql = f"""
        with reasons as (
          select {PARETO[by]} as reason, count(*) as failures,
            count(distinct instance_id) as instances
          {_OF}
          where {FILTER} and {_BAD} and started_at > cbcr_now() - to_hours($hours::integer)
          group by 1
        )
        select reason, failures, instances,
          sum(failures) over (order by failures desc, reason) / sum(failures) over () as running
        from reasons order by failures desc, reason limit 20"""
    return history(at, sql, chosen | {"hours": hours})


def congestion(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return how many backups ran at once, by weekday and hour (UTC), mean of four weeks.

    `concurrent` is the seconds that backups ran in such an hour, by the seconds that it has;
    `duration_s` the median length of those that began in it.
    """
    sql = f"""
        with ran as (
          select started_at as a, coalesce(finished_at, $until) as b, duration_s
          {_OF}
          where {FILTER} and started_at > $until - interval {CONGESTION_DAYS} day
            and started_at < $until and state not in ('queued', 'lost')
        ),
        hours as (
          select unnest(range(date_trunc('hour', a), least(b, a + interval 2 day), interval 1 hour))
            as hour, a, b from ran where b > a
        ),
        busy as (
          select isodow(hour) as weekday, hour(hour) as hour_of_day,
            sum(epoch(least(b, hour + interval 1 hour) - greatest(a, hour))) as busy_s
          from hours group by all
        ),
        lengths as (
          select isodow(a) as weekday, hour(a) as hour_of_day, count(*) as begun,
            median(duration_s) as duration_s
          from ran group by all
        ),
        grid as (
          select w.weekday, h.hour_of_day from range(1, 8) as w(weekday)
          cross join range(0, 24) as h(hour_of_day)
        )
        select weekday, hour_of_day, coalesce(begun, 0) as begun, duration_s,
          coalesce(busy_s, 0) / 3600 / {CONGESTION_DAYS // 7} as concurrent
        from grid left join busy using (weekday, hour_of_day)
        left join lengths using (weekday, hour_of_day) order by 1, 2"""
    return history(at, sql, chosen | {"until": at.published_at})


def queues(at: Snapshot, hours: int) -> pl.DataFrame:
    """Return the depth of each queue by hour, oldest first."""
    sql = """
        select queue, hour as moment, max_depth as depth, max_wait_s, last_sampled_at
        from marts.fct_queue_hourly
        where hour > cbcr_now() - to_hours($hours::integer) - interval 1 hour
        order by queue, hour"""
    return history(at, sql, {"hours": hours})


def throughput(at: Snapshot, chosen: dict[str, Any], hours: int) -> pl.DataFrame:
    """Return bytes written by hour of the end, and the backups that tell none, oldest first."""
    sql = f"""
        select time_bucket(to_hours($bucket::integer), finished_at) as moment,
          sum(transferred_bytes)::double as bytes, count(*) as backups,
          count(*) filter (transferred_bytes is null) as without_bytes
        {_OF}
        where {FILTER} and is_success and finished_at > cbcr_now() - to_hours($hours::integer)
        group by moment order by moment"""
    return history(at, sql, chosen | {"hours": hours, "bucket": max(hours // 48, 1)})


def anomalies(at: Snapshot, chosen: dict[str, Any]) -> pl.DataFrame:
    """Return the newest backups that are odd now, the worst first; `total` counts all."""
    sql = f"""
        select instance_id, source_id, told_by, native_key, backup_type, measure, started_at, kind,
          severity, value, expected, ratio, event_started_at, event_runs, count(*) over () as total
        from live.live_backup_verdicts inner join
          (select instance_id, team, tier, db_type from marts.dim_instances where is_active)
          using (instance_id)
        where {FILTER} and kind is not null
        order by severity = 'critical' desc, started_at desc, instance_id, measure limit {ROWS}"""
    return live(at, sql, chosen)
