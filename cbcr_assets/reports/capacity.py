"""When volumes are full, and when they would be: what `cbcr capacity` and the dashboards show.

Belongs here: asking the marts, and the words of a question such as `+14d` or `10TB`. Does not
belong here: how a date is computed (`fct_capacity_forecast` and `live.capacity_what_if` own it).
"""

import re
from dataclasses import dataclass

import polars as pl

from cbcr_assets.warehouse import Session, WarehouseError

_FORECASTS = """
select volume, status, method, used_bytes, capacity_bytes, used_share, growth_bytes_day,
  days_to_full_p10, days_to_full_p50, days_to_full_p90, full_at_p10, full_at_p50, reason
from marts.fct_capacity_forecast
where $volume::varchar is null or volume = $volume
order by days_to_full_p10 nulls last, used_share desc nulls last, volume
"""
# A forecast is of its last build; the days count from now on.
_WHAT_IF = """
select *,
  case when full_at_p10 is not null then greatest(epoch(full_at_p10 - cbcr_now()) / 86400, 0) end
    as days_to_full_p10,
  case when full_at_p50 is not null then greatest(epoch(full_at_p50 - cbcr_now()) / 86400, 0) end
    as days_to_full_p50
from live.capacity_what_if(
  $volume::varchar, $more_days::bigint, $growth::double, $like::varchar, $times::double,
  $more::bigint
)
order by days_to_full_p10 nulls last, volume
"""
_PLANNED = """
select distinct volume from intermediate.int_capacity_plans
where $instance::varchar is null or instance_id = $instance order by volume
"""
_UNITS = {
    **{f"{letter}b": 1000**power for power, letter in enumerate(("", "k", "m", "g", "t", "p"))},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgtp", start=1)},
}
_BYTES = re.compile(r"([+-]?\d+(?:\.\d+)?) ?([a-z]+)", re.IGNORECASE)
_DAYS = re.compile(r"([+-]?\d+) ?([dw])", re.IGNORECASE)
_PERCENT = re.compile(r"([+-]?\d+(?:\.\d+)?) ?%")
_MOST_DAYS = 3650
_MOST_BYTES = 10**18


@dataclass(frozen=True)
class WhatIf:
    """What is asked; the default asks nothing, and is answered by the forecast.

    Attributes:
        volume: The volume; None: all, or where the instance lies that new ones are like.
        retention_days: Days that everything is kept longer, negative: shorter.
        growth_share: Growth that is added, as a share of today's: 0.2 is a fifth more.
        onboard: Databases that come, beginning with nothing.
        like: The instance that they are backed up like.
        expand_bytes: Bytes that are added, negative: taken away.
    """

    volume: str | None = None
    retention_days: int = 0
    growth_share: float = 0.0
    onboard: int = 0
    like: str | None = None
    expand_bytes: int = 0


def capacity_forecasts(session: Session, *, volume: str | None = None) -> pl.DataFrame:
    """Return a row a volume, the first that is full first.

    Args:
        session: An open snapshot.
        volume: One volume; None: all.

    Returns:
        volume, status, method, bytes, days_to_full_p10/p50/p90 (days from the build; null: not
        within a year, or unknown), full_at_* (naive UTC), reason.
    """
    return session.query(_FORECASTS, {"volume": volume})


def capacity_what_if(session: Session, asked: WhatIf) -> pl.DataFrame:
    """Return a row a volume: its date as it is, and as it would be.

    Args:
        session: An open snapshot.
        asked: The question.

    Returns:
        volume, status and full_at_* with and without what is asked (naive UTC), days_to_full_* from
        now, bytes.

    Raises:
        WarehouseError: Nobody knows how the instance that is named is backed up, or it lies on
            several volumes and none is named.
    """
    volume = _volume_of_pattern(session, asked) if asked.onboard else asked.volume
    return session.query(
        _WHAT_IF,
        {
            "volume": volume,
            "more_days": asked.retention_days,
            "growth": asked.growth_share,
            "like": asked.like if asked.onboard else None,
            "times": asked.onboard,
            "more": asked.expand_bytes,
        },
    )


def has_catalog(session: Session, volume: str | None) -> bool:
    """Say whether backups are planned on a volume, or for None on any: only these are kept."""
    planned = session.query(_PLANNED, {"instance": None})["volume"].to_list()
    return volume in planned if volume is not None else bool(planned)


def _volume_of_pattern(session: Session, asked: WhatIf) -> str:
    """Return where new databases would lie: where the one lies that they are like."""
    volumes = session.query(_PLANNED, {"instance": asked.like})["volume"].to_list()
    if asked.like is None or not volumes:
        raise WarehouseError(
            f"nobody knows how {asked.like!r} is backed up: no catalog tells sets of it on a volume"
        )
    if asked.volume is None and len(volumes) > 1:
        raise WarehouseError(f"{asked.like} lies on {', '.join(volumes)}; say which --volume")
    return asked.volume or str(volumes[0])


def parse_days(text: str) -> int:
    """Read days such as `+14d`, `-1w`.

    Raises:
        ValueError: It is none, or more than ten years.
    """
    found = _DAYS.fullmatch(text.strip())
    days = int(found[1]) * (7 if found[2].lower() == "w" else 1) if found else None
    if days is None or abs(days) > _MOST_DAYS:
        raise ValueError(f"{text!r} are no days; write +14d, -7d or +2w")
    return days


def parse_share(text: str) -> float:
    """Read a change such as `+20%`, `-50%` as a share.

    Raises:
        ValueError: It is none.
    """
    found = _PERCENT.fullmatch(text.strip())
    if not found or not -1000 <= float(found[1]) <= 1000:
        raise ValueError(f"{text!r} is no change; write +20% or -50%, up to 1000%")
    return float(found[1]) / 100


def parse_bytes(text: str) -> int:
    """Read bytes such as `10TB`, `-500GiB`.

    Raises:
        ValueError: It is none, or more than an exabyte.
    """
    found = _BYTES.fullmatch(text.strip())
    unit = _UNITS.get(found[2].lower()) if found else None
    if not found or unit is None or abs(float(found[1]) * unit) > _MOST_BYTES:
        raise ValueError(f"{text!r} are no bytes; write 10TB, 500GiB or -1TB")
    return int(float(found[1]) * unit)
