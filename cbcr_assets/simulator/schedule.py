"""Schedules of simulated databases: cron expressions, and the moments that they mean.

Belongs here: cron in the database's own zone, the newest moment set to an age.
Does not belong here: what became of a run (see `history`), CBCR's own expansion of schedules.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

from cbcr_assets.simulator.model import Database

GRACE = timedelta(hours=1)
"""A run that has not started so long after its time is missed."""

_HOURS_A_DAY = 24


def every(hours: int, *, hour: int, minute: int) -> str:
    """Return a cron expression that hits a time of day, and then each `hours` hours."""
    wanted = ",".join(str(one) for one in range(hour % hours, _HOURS_A_DAY, hours))
    return f"{minute} {wanted} * * *"


def weekly(at: datetime) -> str:
    """Return a cron expression that hits a UTC moment, and then every week."""
    return f"{at.minute} {at.hour} * * {at.isoweekday() % 7}"


def runs(database: Database, *, until: datetime) -> list[tuple[datetime, str]]:
    """Return the runs that the schedule asks for, oldest first: moment and full, incr or dump.

    Where a full backup and an incremental are due together, only the full one runs.
    """
    found: dict[datetime, str] = {}
    full = "dump" if database.method == "dump" else "full"
    for expression, kind in ((database.incr_schedule, "incr"), (database.full_schedule, full)):
        for moment in slots(database, expression, until=until):
            found[moment] = kind
    return sorted(found.items())


def slots(database: Database, expression: str | None, *, until: datetime) -> Iterator[datetime]:
    """Yield the moments of one of its schedules, maintenance and retirement left out."""
    if expression is None:
        return
    away = database.maintenance
    for moment in _moments(expression, database.timezone, database.protect_from, until):
        is_away = away is not None and away.start <= moment < away.stop
        is_retired = database.retired_at is not None and moment >= database.retired_at
        if not (is_away or is_retired):
            yield moment


# Fleets share few schedules, and the history and the truth both ask.
@lru_cache(maxsize=4096)
def _moments(expression: str, zone: str, start: datetime, until: datetime) -> tuple[datetime, ...]:
    local = (start - timedelta(seconds=1)).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    found: list[datetime] = []
    for moment in CronSim(expression, local):
        at = moment.astimezone(UTC).replace(tzinfo=None)
        if at > until:
            break
        if at >= start and (not found or at > found[-1]):
            found.append(at)
    return tuple(found)
