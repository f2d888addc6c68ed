"""Timestamps of the outside world, read as naive UTC.

Belongs here: ISO 8601 and epoch numbers to naive UTC datetimes and back, with plausible bounds.
Does not belong here: a tool's own log formats (its connector) or the present time (passed in).
"""

import math
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_EARLIEST = datetime.fromisoformat("1980-01-01")
_LATEST = datetime.fromisoformat("2200-01-01")
_EPOCH = datetime.fromisoformat("1970-01-01")
_DATE_ONLY = 10


@cache
def zone(name: str) -> ZoneInfo:
    """Return the IANA zone `name`.

    Raises:
        ValueError: There is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f"{name!r} is no IANA time zone; write one such as 'UTC' or 'Europe/Berlin'"
        ) from error


def to_utc(value: object, *, tz: str) -> datetime:
    """Read a timestamp as naive UTC.

    Args:
        value: ISO 8601 text (with offset or Z, else local time of `tz`) or epoch seconds.
        tz: IANA zone of stamps without an offset. A repeated hour is read as its first pass.

    Raises:
        ValueError: It is no timestamp, or outside 1980 to 2200; the message says what to write.
    """
    if isinstance(value, str):
        moment = _from_text(value, tz)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        moment = _from_epoch(value)
    else:
        raise ValueError(f"{_shown(value)} is no timestamp; {_HOW}")
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError(f"{_shown(value)} lies outside 1980 to 2200; {_HOW}")
    return moment


def readings(value: str, *, tz: str) -> tuple[datetime, ...]:
    """Read a timestamp as each moment that it may mean: two in the hour that clocks repeat.

    Args:
        value: ISO 8601 text.
        tz: IANA zone of stamps without an offset.

    Returns:
        Naive UTC, the earlier first.

    Raises:
        ValueError: It is no timestamp (see `to_utc`).
    """
    first = to_utc(value, tz=tz)
    local = datetime.fromisoformat(value)
    if local.tzinfo is not None:
        return (first,)
    second = local.replace(tzinfo=zone(tz), fold=1).astimezone(UTC).replace(tzinfo=None)
    return (first, second) if second > first else (first,)


def not_before(found: tuple[datetime, ...], earliest: datetime | None) -> datetime:
    """Return the first of several readings that is not before a moment, else the first of all.

    Args:
        found: What a stamp may mean (see `readings`).
        earliest: What is known to have come before it, naive UTC.
    """
    return next((m for m in found if earliest is not None and m >= earliest), found[0])


_HOW = "write ISO 8601 with offset, such as '2026-11-23T05:00:00Z', or epoch seconds"


def _from_text(value: str, tz: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{_shown(value)} is no timestamp; {_HOW}") from None
    if len(value) <= _DATE_ONLY:
        raise ValueError(f"{_shown(value)} has no time of day; {_HOW}")
    if moment.tzinfo is UTC:
        return moment.replace(tzinfo=None)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone(tz))
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise ValueError(f"{_shown(value)} lies outside 1980 to 2200; {_HOW}") from None


def _from_epoch(value: float) -> datetime:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no timestamp; {_HOW}")
    try:
        return _EPOCH + timedelta(seconds=value)
    except OverflowError:
        raise ValueError(
            f"{_shown(value)} is too large for epoch seconds (milliseconds?); {_HOW}"
        ) from None


def iso(moment: datetime) -> str:
    """Write naive UTC as ISO 8601 with Z."""
    return moment.isoformat() + "Z"


def compact(moment: datetime) -> str:
    """Write naive UTC so that file names sort by time: 20261123T050000.123456Z."""
    return moment.strftime("%Y%m%dT%H%M%S.%fZ")


def _shown(value: object, limit: int = 60) -> str:
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # an int too long to print
        text = f"a {type(value).__name__}"
    return text if len(text) <= limit else text[:limit] + "…"
