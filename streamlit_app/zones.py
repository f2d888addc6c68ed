"""The reader's time zone: chosen in the address, UTC unless chosen.

Belongs here: which zone, moments as text, frames whose moments are the zone's.
Does not belong here: durations and sizes (see `status`). Every moment comes in as naive UTC.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import polars as pl
import streamlit as st

from streamlit_app import urlstate


def name() -> str:
    """Return the name of the chosen zone; an unknown one in the address is UTC."""
    asked = st.query_params.get("tz", "UTC")
    return asked if asked in _names() else "UTC"


def chooser(box: object = st) -> None:
    """Show the widget that chooses the zone."""
    urlstate.select("Time zone", _names(), "tz", box, default="UTC")


def moment(at: datetime | None) -> str:
    """Return a moment as `2026-03-01 04:00 UTC` or `2026-03-01 05:00 +0100`; a dash for nothing."""
    if at is None:
        return "–"
    there = _there(at)
    return f"{there:%Y-%m-%d %H:%M} {'UTC' if name() == 'UTC' else f'{there:%z}'}"


def brief(at: datetime | None) -> str:
    """Return a moment as day and time; a dash for nothing."""
    return "–" if at is None else f"{_there(at):%d %b %H:%M}"


def day(at: datetime | None) -> str:
    """Return a moment as its day, with the year; a dash for nothing."""
    return "–" if at is None else f"{_there(at):%d %b %Y}"


def in_zone(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose moments are those of the reader's clocks, for charts.

    Days (type Date) stay UTC days: they are sums over UTC days and cannot be moved.
    """
    if name() == "UTC":
        return frame
    moments = [column for column, kind in frame.schema.items() if kind == pl.Datetime]
    return frame.with_columns(
        pl.col(moments)
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone(name())
        .dt.replace_time_zone(None)
    )


def told() -> str:
    """Return which zone the moments of the page are in, and what time it is there."""
    now = datetime.now(UTC)
    if name() == "UTC":
        return f"all times UTC, now {now:%H:%M}"
    there = now.astimezone(ZoneInfo(name()))
    return f"all times {name()}, now {there:%H:%M} = {now:%H:%M} UTC; days are UTC days"


def now() -> datetime:
    """Return the present, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def _there(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC).astimezone(ZoneInfo(name()))


@st.cache_data(show_spinner=False)
def _names() -> list[str]:
    return ["UTC", *sorted(zone for zone in available_timezones() if "/" in zone)]
