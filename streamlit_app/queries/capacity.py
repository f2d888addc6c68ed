"""When volumes are full, what fills them, and how much room links have: the Capacity page.

Belongs here: queries of that page. Does not belong here: how a date is computed (see the marts,
and `cbcr_assets.reports.capacity` for what would change it), drawing.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from cbcr_assets.reports.capacity import WhatIf, capacity_what_if, has_catalog
from cbcr_assets.warehouse import Snapshot
from streamlit_app.queries.session import Reports, history, live

LIKE_MOST = 200

# A forecast is of its last build; the days count from now on.
LIST = """
with errors as (
  select volume, count(distinct forecast_on) as forecasts,
    median(abs(error_share)) filter (horizon_day = 30) as error_30d,
    median(abs(error_share)) filter (horizon_day = 90) as error_90d
  from marts.fct_capacity_backtest group by volume
),
verdicts as (select subject_id as volume, status as verdict from sla.sla_storage_full_soon)
select forecast.*, coalesce(verdict, 'unknown') as verdict, forecasts, error_30d, error_90d,
  case when full_at_p10 is not null
    then greatest(epoch(full_at_p10 - cbcr_now()) / 86400, 0) end as in_days_p10,
  case when full_at_p50 is not null
    then greatest(epoch(full_at_p50 - cbcr_now()) / 86400, 0) end as in_days_p50,
  case when full_at_p90 is not null
    then greatest(epoch(full_at_p90 - cbcr_now()) / 86400, 0) end as in_days_p90,
  count(*) over () as total
from marts.fct_capacity_forecast as forecast
left join errors using (volume)
left join verdicts using (volume)
where ($word = '' or contains(lower(volume), lower($word)))
  and (len($state) = 0 or list_contains($state, status))
order by
  case when status = 'full' then 0 when full_at_p10 is not null and status = 'filling' then 1
    when status in ('stale', 'unknown_capacity', 'insufficient_history') then 2 else 3 end,
  full_at_p10 nulls last, used_share desc nulls last, volume
limit $rows offset $skip
"""


def volumes(
    at: Snapshot, *, word: str = "", state: Sequence[str] = (), rows: int, skip: int = 0
) -> pl.DataFrame:
    """Return one page of volumes, the first that is full first; `total` counts all of them.

    `in_days_p10`, `_p50` and `_p90` count from now; null is not within a year, or unknown.
    """
    return live(at, LIST, {"word": word, "state": list(state), "rows": rows, "skip": skip})


def volume(at: Snapshot, name: str) -> dict[str, Any] | None:
    """Return one volume as `volumes` does, or None."""
    sql = f"select * from ({LIST}) where volume = $volume"
    everything = {"word": name, "state": [], "rows": 1_000_000, "skip": 0}
    found = live(at, sql, everything | {"volume": name})
    return found.row(0, named=True) if found.height else None


def names(at: Snapshot) -> list[str]:
    """Return every volume, the first that is full first."""
    sql = f"select volume from ({LIST})"
    return list(live(at, sql, {"word": "", "state": [], "rows": 1_000_000, "skip": 0})["volume"])


def fleet(at: Snapshot) -> dict[str, Any]:
    """Return room and growth of the whole fleet."""
    found = history(at, "select * from marts.fct_capacity_rollup where scope = 'fleet'")
    return found.row(0, named=True) if found.height else {}


def measured(at: Snapshot, name: str, days: int) -> pl.DataFrame:
    """Return the peak fill of a volume by UTC day, as every forecast starts from it."""
    sql = """
        select date '1970-01-01' + day_number::integer as day, used_bytes, is_measured
        from intermediate.int_capacity_days
        where volume = $volume and day_number > (
          select max(day_number) - $days from intermediate.int_capacity_days where volume = $volume
        ) order by day"""
    return history(at, sql, {"volume": name, "days": days})


def path(at: Snapshot, name: str, days: int) -> pl.DataFrame:
    """Return what is expected of a volume by UTC day, with its bands."""
    sql = """
        select day, mean_bytes, lo80_bytes, hi80_bytes, lo95_bytes, hi95_bytes, method
        from marts.fct_capacity_forecast_daily
        where volume = $volume and horizon_day <= $days order by day"""
    return history(at, sql, {"volume": name, "days": days})


def growth(at: Snapshot, name: str, *, by: str, days: int) -> pl.DataFrame:
    """Return what each part of a volume grew by, the greatest first; part null: no catalog.

    Args:
        at: Which snapshot.
        name: The volume.
        by: `team`, `backup_type` or `tool`.
        days: Days back: 7, 30 or 90.
    """
    if by not in ("team", "backup_type", "tool"):
        raise ValueError(by)
    sql = f"""
        select {by} as part, sum(held_before_bytes) as held_before_bytes,
          sum(added_bytes) as added_bytes, sum(gone_bytes) as gone_bytes,
          sum(held_bytes) as held_bytes, sum(held_bytes - held_before_bytes) as change_bytes
        from marts.fct_capacity_growth where volume = $volume and window_days = $days
        group by 1 order by abs(change_bytes) desc, 1"""
    return history(at, sql, {"volume": name, "days": days})


def repositories(at: Snapshot, name: str) -> pl.DataFrame:
    """Return what the repositories on a volume hold by their catalogs."""
    sql = """
        select repo, source_id, instances, sets, held_bytes, added_30d_bytes, expiring_30d_bytes,
          sets_without_expiry
        from marts.fct_capacity_repositories where volume = $volume
        order by held_bytes desc, repo"""
    return history(at, sql, {"volume": name})


def like(at: Snapshot, name: str, asked: str) -> list[str]:
    """Return instances whose backups on a volume are planned: the largest, and the one asked."""
    sql = """
        select instance_id from intermediate.int_capacity_plans where volume = $volume
        group by 1 order by instance_id = $asked desc, sum(bytes_91 / every) desc, 1 limit $rows"""
    rows = {"volume": name, "asked": asked, "rows": LIKE_MOST}
    return sorted(history(at, sql, rows)["instance_id"])


def what_if(at: Snapshot, asked: WhatIf) -> dict[str, Any]:
    """Return one volume's date as it is, and as it would be (see `capacity_what_if`).

    Raises:
        WarehouseError: Nobody knows how the instance that is named is backed up.
    """
    return capacity_what_if(Reports(at), asked).row(0, named=True)


def is_planned(at: Snapshot, name: str) -> bool:
    """Say whether a catalog tells what is kept on a volume."""
    return has_catalog(Reports(at), name)


def links(at: Snapshot) -> pl.DataFrame:
    """Return each network link with its tightest hour of the day, the tightest link first."""
    sql = """
        select link, arg_min(hour_of_day, headroom_p05_share) as hour_of_day,
          min(headroom_p05_share) as headroom_p05_share,
          arg_min(headroom_p05_bytes_s, headroom_p05_share) as headroom_p05_bytes_s,
          coalesce(arg_min(status, headroom_p05_share), 'unknown') as status
        from marts.fct_network_headroom group by link
        order by headroom_p05_share nulls first, link"""
    return history(at, sql)


def link_verdict(at: Snapshot, link: str) -> dict[str, Any] | None:
    """Return what the rule says of a link now, or None."""
    sql = "select status, summary from sla.sla_network_saturated where subject_id = $link"
    found = live(at, sql, {"link": link})
    return found.row(0, named=True) if found.height else None


def link_hours(at: Snapshot, link: str) -> pl.DataFrame:
    """Return load and room of a link by hour, four weeks."""
    sql = """
        select hour, p95_used_bytes_s, capacity_bytes_s, headroom_bytes_s,
          1 - headroom_bytes_s / capacity_bytes_s as used_share, backups, backup_share, coverage
        from marts.fct_network_backup_hourly
        where link = $link and hour > cbcr_now() - interval 28 day order by hour"""
    return history(at, sql, {"link": link})


def whole(at: Snapshot, mart: str) -> pl.DataFrame:
    """Return a table of forecasts as it is, for a file."""
    if mart not in ("fct_capacity_forecast_daily", "fct_capacity_backtest"):
        raise ValueError(mart)
    return history(at, f"select * from marts.{mart} order by all")
