"""How long restores of the fleet take, what was promised for them, and where that is planted wrong.

Belongs here: the true pace of products and pools, objectives with room for it, drill intervals, and
the planted incidents of restore time. Does not belong here: the drills themselves (see `drills`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cbcr_assets.simulator.incidents import DAY, HOUR
from cbcr_assets.simulator.model import Database, Drill, FleetSpec

SLOW, OVERDUE, OUTGROWN = "slow_drill", "overdue_drill", "outgrown"

STORIES = {
    OVERDUE: "nobody has drilled it for 104 days, though a drill every 90 days is promised",
    OUTGROWN: "each drill kept the objective, but the database is three times as large by now",
}
OVERDUE_DRILLS_AGO = (timedelta(days=194), timedelta(days=104))

# An estimate has no truth of its own: these are planted so wide that any sound one sees them, and
# everything else has ten times the time that its restore takes.
_AT_RISK = {SLOW: "approaching", OUTGROWN: "breached"}
_PACE = {"postgresql": 2.2e8, "mariadb": 1.4e8, "mysql": 1.3e8, "mongodb": 1.7e8}  # bytes a second
_NAS = 0.8  # of the pace of a repository host
_LADDER = tuple(hours * HOUR for hours in (2, 4, 8, 16, 24, 48, 96, 192))
_ROOM = 10
_DRILL_DAYS = {1: 90, 2: 180, 3: 365}
_LARGE = 300_000_000_000
_SLOW_SHARE = 0.7  # of the objective, at the usual pace
_TOO_LONG = 1.5
_GROWN = 3.0
_SOON = 0.9


def pace(database: Database) -> float:
    """Return the bytes a second that restores of its product from its volume usually reach."""
    return _PACE[database.db_type] * (_NAS if database.volume.startswith("nas") else 1.0)


def promised(database: Database, spec: FleetSpec, *, plant: str = "") -> Database:
    """Return a database with an objective and a drill interval, kept or planted not to be.

    Args:
        database: With its size and volume.
        spec: The fleet; no healthy database's drill falls due within its history.
        plant: OVERDUE, OUTGROWN or nothing.
    """
    plant = plant or database.incident
    every = max(_DRILL_DAYS[database.tier], 2 * spec.days) * DAY
    database = replace(database, drill_every_s=90 * DAY if plant == OVERDUE else every)
    if plant == OVERDUE:
        database = replace(database, incident=OVERDUE)
    if plant == SLOW:  # it hardly grows: what grows is the time
        size = int(pace(database) * HOUR * _SLOW_SHARE)
        return replace(database, rto_s=HOUR, size_bytes=size, growth_per_day=0.0001)
    if plant == OUTGROWN:
        minutes = int(_LARGE / pace(database) / _TOO_LONG / 60)
        growth = _GROWN ** (1 / spec.days) - 1
        return replace(database, incident=OUTGROWN, size_bytes=_LARGE, growth_per_day=growth,
                       rto_s=minutes * 60)  # fmt: skip
    needed = _ROOM * database.size_bytes / pace(database)
    roomy = next((rung for rung in _LADDER if rung >= needed), int(needed))
    return replace(database, rto_s=max(database.rto_s, roomy))


def verdicts(
    database: Database, drills: Sequence[Drill], *, has_backup: bool, at: datetime
) -> Iterator[tuple[str, str]]:
    """Yield rule and status of what is wrong with a database's restore time at a moment.

    Args:
        database: With its promises.
        drills: Its drills, oldest first.
        has_backup: Its size is known.
        at: The moment, naive UTC.
    """
    if drills and _is_slow(drills[-1], database.rto_s):
        yield "rto_breached", "breached"
    risk = _AT_RISK.get(database.incident) if has_backup else "unknown"
    if risk:
        yield "rto_at_risk", risk
    overdue = _overdue(database, drills, at)
    if overdue:
        yield "drill_overdue", overdue


def _is_slow(drill: Drill, rto_s: int) -> bool:
    if drill.state == "failed" or drill.verified_at is None:
        return True
    return (drill.verified_at - drill.requested_at).total_seconds() > rto_s


def _overdue(database: Database, drills: Sequence[Drill], at: datetime) -> str | None:
    if database.drill_every_s is None:
        return None
    proofs = [drill.verified_at for drill in drills if drill.verified_at is not None]
    age = at - max(proofs, default=database.protect_from)
    if age > timedelta(seconds=database.drill_every_s):
        return "breached"
    return "approaching" if age > timedelta(seconds=_SOON * database.drill_every_s) else None
