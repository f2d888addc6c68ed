"""One attempt: its facts, its past, its neighbours, what it left behind.

Belongs here: queries of the Job page. Does not belong here: the instance, drawing.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import polars as pl

from cbcr_assets.warehouse import Snapshot
from streamlit_app.queries.session import history

NEIGHBOURS = 100
_EVIDENCE = timedelta(days=1)


def attempt(at: Snapshot, source: str, key: str) -> dict[str, Any] | None:
    """Return an attempt with what is known of its instance and of how we heard of it, or None."""
    sql = """
        select attempts.*, jobs.evidence, jobs.first_seen_at, jobs.last_seen_at,
          dim.team, dim.tier, dim.db_type, dim.storage_volume, dim.network_link
        from marts.fct_backup_attempts as attempts
        left join raw.backup_jobs as jobs
          on attempts.source_id = jobs.source_id and attempts.attempt_key = jobs.attempt_key
        left join marts.dim_instances as dim on attempts.instance_id = dim.instance_id
        where attempts.source_id = $source and attempts.attempt_key = $key"""
    found = history(at, sql, {"source": source, "key": key})
    return found.row(0, named=True) if found.height else None


def tries(at: Snapshot, job: dict[str, Any]) -> pl.DataFrame:
    """Return every attempt at the same scheduled run, oldest first, at least this one."""
    sql = """
        select source_id, attempt_key, scheduled_at, started_at, finished_at, state, duration_s
        from marts.fct_backup_attempts
        where instance_id = $instance and backup_type = $type and source_id = $source
          and (attempt_key = $key or scheduled_at = $scheduled)
        order by started_at nulls last, attempt_key limit 50"""
    return history(at, sql, _of(job) | {"scheduled": job["scheduled_at"]})


def series(at: Snapshot, job: dict[str, Any], days: int) -> pl.DataFrame:
    """Return the attempts of the same instance, source and type around it, with their pace."""
    sql = """
        select attempt_key, started_at, state, duration_s, is_success,
          coalesce(transferred_bytes, source_bytes) as bytes,
          coalesce(transferred_bytes, source_bytes) / nullif(duration_s, 0) as bytes_s
        from marts.fct_backup_attempts
        where instance_id = $instance and backup_type = $type and source_id = $source
          and started_at between $begin - to_days($days::integer)
            and $begin + to_days($days::integer)
        order by started_at"""
    where = {"begin": job["started_at"], "days": days}
    return history(at, sql, _of(job, keyed=False) | where)


def normal(at: Snapshot, job: dict[str, Any], days: int) -> dict[str, Any]:
    """Return pace and duration of the successes of the days before: `n`, medians, outer tenths."""
    sql = """
        select count(*) as n, median(duration_s) as duration_s,
          quantile_cont(duration_s, 0.9) as duration_p90,
          count(transferred_bytes) as n_bytes,
          median(transferred_bytes / nullif(duration_s, 0)) as bytes_s,
          quantile_cont(transferred_bytes / nullif(duration_s, 0), 0.1) as bytes_s_p10,
          quantile_cont(transferred_bytes / nullif(duration_s, 0), 0.9) as bytes_s_p90
        from marts.fct_backup_attempts
        where instance_id = $instance and backup_type = $type and source_id = $source
          and is_success and attempt_key <> $key
          and started_at < $begin and started_at > $begin - to_days($days::integer)"""
    found = history(at, sql, _of(job) | {"begin": job["started_at"], "days": days})
    return found.row(0, named=True)


def neighbours(at: Snapshot, job: dict[str, Any]) -> pl.DataFrame:
    """Return what ran at the same time on its worker, volume or link, longest overlap first.

    What still runs is taken to run until the data was published.

    `total` counts all of them, `shared` names what they have in common.
    """
    sql = f"""
        with others as (
          select source_id, attempt_key, attempts.instance_id, backup_type, state, started_at,
            coalesce(finished_at, $now) as ended_at, duration_s, transferred_bytes,
            list_filter([
              case when worker = $worker then 'worker' end,
              case when dim.storage_volume = $volume then 'volume' end,
              case when dim.network_link = $link then 'link' end
            ], one -> one is not null) as shared
          from marts.fct_backup_attempts as attempts
          left join marts.dim_instances as dim using (instance_id)
          where started_at < $until and started_at > $begin - interval 3 day
            and coalesce(finished_at, $now) > $begin
            and not (source_id = $source and attempt_key = $key)
        )
        select * replace (array_to_string(shared, ', ') as shared),
          epoch(least(ended_at, $until) - greatest(started_at, $begin)) as together_s,
          count(*) over () as total
        from others where len(shared) > 0
        order by together_s desc, instance_id limit {NEIGHBOURS}"""
    where = {
        "source": job["source_id"], "key": job["attempt_key"], "worker": job["worker"],
        "volume": job["storage_volume"], "link": job["network_link"],
        "begin": job["started_at"], "until": job["finished_at"] or at.published_at,
        "now": at.published_at,
    }  # fmt: skip
    return history(at, sql, where)


def chain(at: Snapshot, job: dict[str, Any]) -> pl.DataFrame:
    """Return the set that it made and every set that this one rests on, the root first."""
    sql = """
        with recursive links as (
          select sets.*, 0 as back from raw.backup_sets as sets
          where source_id = $source and label = $label and instance_id = $instance
          union
          select parents.*, back + 1 from raw.backup_sets as parents
          inner join links on parents.source_id = links.source_id
            and parents.repo = links.repo and parents.label = links.parent_label
          where back < 400
        )
        select links.label, links.repo, links.backup_type, links.integrity, links.lifecycle,
          links.finished_at, links.repo_bytes, links.expires_at, points.recovery_point_at,
          points.usable_until, points.unusable_reason
        from links
        left join marts.fct_recovery_points as points
          on links.source_id = points.source_id and links.repo = points.repo
          and links.label = points.label and links.instance_id = points.instance_id
        order by back desc, links.repo"""
    where = {
        "source": job["source_id"], "label": job["backup_label"], "instance": job["instance_id"],
    }  # fmt: skip
    return history(at, sql, where)


def alerts(at: Snapshot, job: dict[str, Any]) -> pl.DataFrame:
    """Return the episodes of alerts on its instance that began between its start and its end."""
    sql = """
        select rule, severity,
          case when resolved_at is null then 'breached' else 'ok' end as status,
          'alert of ' || strftime(opened_at, '%Y-%m-%d %H:%M') || ' UTC' as summary,
          started_at as since, resolved_at
        from marts.fct_alert_history
        where subject_kind = 'instance' and subject_id = $instance
          and started_at between $begin and $until
        order by since, rule"""
    where = {
        "instance": job["instance_id"], "begin": job["started_at"],
        "until": job["finished_at"] or at.published_at,
    }  # fmt: skip
    return history(at, sql, where)


def evidence(at: Snapshot, job: dict[str, Any], called: Sequence[str]) -> pl.DataFrame:
    """Return what its source said in which the attempt is named: logs first, the newest first."""
    if job["first_seen_at"] is None:
        return pl.DataFrame(schema={"kind": pl.String, "payload": pl.String})
    sql = """
        select kind, native_id, observed_at, payload from raw.observations
        where source_id = $source and observed_at between $begin and $until
          and len(list_filter($called, name -> contains(payload, name))) > 0
        order by contains(kind, 'log') desc, observed_at desc limit 3"""
    ended = job["finished_at"] or job["first_seen_at"]
    where = {
        "source": job["source_id"], "called": list(called), "begin": job["first_seen_at"],
        "until": max(job["first_seen_at"], ended) + _EVIDENCE,
    }  # fmt: skip
    return history(at, sql, where)


def _of(job: dict[str, Any], *, keyed: bool = True) -> dict[str, Any]:
    names = {"instance": "instance_id", "type": "backup_type", "source": "source_id"}
    if keyed:
        names["key"] = "attempt_key"
    return {name: job[column] for name, column in names.items()}
