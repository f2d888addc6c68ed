"""Time intervals with Alertmanager's words: times, weekdays, days of month, months, years.

Belongs here: reading them, and whether a moment lies in one.
Does not belong here: what is muted in them (see `routing`).
"""

import calendar
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cbcr_assets.config.problems import Refused, closest
from cbcr_assets.config.values import LISTING, Name, Zone

_STRICT = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = tuple(name.lower() for name in calendar.month_name)[1:]
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
Range = tuple[int, int]


def _clock(value: Any) -> int:
    """Read `09:30` as minutes of the day."""
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise Refused(f"{value!r} is no time of day; write '09:00', at most '24:00'")
    hours, minutes = value.split(":")
    return int(hours) * 60 + int(minutes)


def _ranges(number: Callable[[str], int], form: str) -> Callable[[Any], Range]:
    def read(value: Any) -> Range:
        first, _, last = str(value).strip().lower().partition(":")
        try:
            found = number(first), number(last or first)
        except ValueError:
            raise Refused(
                f"{value!r} is no range; write {form}", suggestion=_meant(first)
            ) from None
        if found[0] > found[1] and not found[0] > 0 > found[1]:
            raise Refused(f"{value!r} ends before it begins")
        return found

    return read


def _meant(word: str) -> str | None:
    return closest(word, [*_DAYS, *_MONTHS])


def _day_of_month(text: str) -> int:
    day = int(text)
    if not 1 <= abs(day) <= 31:
        raise ValueError(text)
    return day


def _month(text: str) -> int:
    return _MONTHS.index(text) + 1 if text in _MONTHS else range(1, 13).index(int(text)) + 1


Minute = Annotated[int, BeforeValidator(_clock)]
Weekdays = Annotated[Range, BeforeValidator(_ranges(_DAYS.index, "'monday:friday'"))]
DaysOfMonth = Annotated[Range, BeforeValidator(_ranges(_day_of_month, "'1:5' or '-3:-1'"))]
Months = Annotated[Range, BeforeValidator(_ranges(_month, "'january:march' or '1:3'"))]
Years = Annotated[Range, BeforeValidator(_ranges(int, "'2026:2028'"))]


class TimeRange(BaseModel):
    """Part of a day; the end is not in it."""

    model_config = _STRICT
    start_time: Minute
    end_time: Minute


class TimeInterval(BaseModel):
    """Every part that is given must hold; a part that is not given always does."""

    model_config = _STRICT
    times: Annotated[tuple[TimeRange, ...], LISTING] = ()
    weekdays: Annotated[tuple[Weekdays, ...], LISTING] = ()
    days_of_month: Annotated[tuple[DaysOfMonth, ...], LISTING] = ()
    months: Annotated[tuple[Months, ...], LISTING] = ()
    years: Annotated[tuple[Years, ...], LISTING] = ()
    location: Zone = "UTC"

    def contains(self, moment: datetime) -> bool:
        """Tell whether a naive UTC moment lies in it."""
        local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(self.location))
        minute = local.hour * 60 + local.minute
        length = calendar.monthrange(local.year, local.month)[1]
        return (
            (not self.times or any(t.start_time <= minute < t.end_time for t in self.times))
            and _holds(self.weekdays, local.isoweekday() % 7)
            and _holds(tuple(_days(r, length) for r in self.days_of_month), local.day)
            and _holds(self.months, local.month)
            and _holds(self.years, local.year)
        )


class NamedInterval(BaseModel):
    """A name for some time intervals; a moment lies in it if it lies in one of them."""

    model_config = _STRICT
    name: Name
    time_intervals: Annotated[tuple[TimeInterval, ...], Field(min_length=1)]

    def contains(self, moment: datetime) -> bool:
        """Tell whether a naive UTC moment lies in it."""
        return any(interval.contains(moment) for interval in self.time_intervals)


def _holds(ranges: tuple[Range, ...], value: int) -> bool:
    return not ranges or any(first <= value <= last for first, last in ranges)


def _days(given: Range, length: int) -> Range:
    """Turn days that are counted from the end of the month into days of this month."""
    first, last = (day if day > 0 else length + 1 + day for day in given)
    return max(first, 1), min(last, length)
