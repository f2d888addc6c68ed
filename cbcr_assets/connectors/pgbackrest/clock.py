"""The clock of pgBackRest's logs: local time of the process, without an offset.

Belongs here: local stamps to naive UTC, and the repeated hour when clocks go back.
Does not belong here: epoch times (`info` has those) or the text of a line.

A repeated hour is read as its first pass, unless the log has already been later than that: lines
only go forward, so it must be the second pass. A command that says how long it took decides it
exactly (`Block.settle`). Nothing tells a lone line of the second pass from one of the first.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cbcr_assets.connectors.transports.stamps import zone

_OUT_OF_ORDER = timedelta(seconds=10)
CLOCK_SKEW = timedelta(minutes=5)
_YEARS = range(1980, 2200)


@dataclass(frozen=True)
class Moment:
    """One stamp, read.

    Attributes:
        at: Naive UTC.
        other: The other possible reading, if the local time happened twice.
        offset: UTC offset of the reading, such as `-0400`, if the stamp alone does not tell it.
    """

    at: datetime
    other: datetime | None = None
    offset: str = ""


class LogClock:
    """Reads the stamps of one log in their order."""

    def __init__(self, tz: str, read_at: datetime) -> None:
        """Start a log.

        Args:
            tz: IANA zone of the process that wrote it.
            read_at: When it was read, naive UTC; no line was written later.
        """
        self._zone = zone(tz)
        self._limit = read_at + CLOCK_SKEW
        self._latest: datetime | None = None

    def read(self, stamp: str, offset: str | None = None) -> Moment:
        """Read the next stamp, `2026-11-23 04:42:57.007`.

        Raises:
            ValueError: It is no time, or outside 1980 to 2200.
        """
        local = datetime.fromisoformat(stamp)
        if local.year not in _YEARS:
            raise ValueError(f"{stamp} lies outside {_YEARS.start} to {_YEARS.stop}")
        if offset:
            exact = datetime.fromisoformat(stamp + offset).astimezone(UTC).replace(tzinfo=None)
            moment = Moment(exact, offset=offset)
        else:
            moment = self._resolved(local)
        self.passed(moment.at)
        return moment

    def passed(self, at: datetime) -> None:
        """Note that the log has come to this moment."""
        if at <= self._limit and (self._latest is None or at > self._latest):
            self._latest = at

    def is_ahead(self, at: datetime) -> bool:
        """Say whether a moment is later than the log was read."""
        return at > self._limit

    def _resolved(self, local: datetime) -> Moment:
        offsets = [local.replace(tzinfo=self._zone, fold=fold).utcoffset() for fold in (0, 1)]
        before, after = (offset or timedelta() for offset in offsets)
        first, second = local - before, local - after
        if before <= after:  # usual, or an hour that was skipped
            return Moment(first)
        went_on = self._latest is not None and first < self._latest - _OUT_OF_ORDER
        if went_on and second <= self._limit:
            return Moment(second, first, _shown(after))
        return Moment(first, second, _shown(before))


def _shown(offset: timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
