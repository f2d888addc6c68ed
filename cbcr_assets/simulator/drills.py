"""Test restores with their phases, and restores that only a tool's own log tells of.

Belongs here: which backup was restored when, and how long each phase took.
Does not belong here: whether that was fast enough (see `truth`).
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from cbcr_assets.simulator.errors import DAMAGED
from cbcr_assets.simulator.incidents import DEAD_SOURCE
from cbcr_assets.simulator.model import BackupSet, Database, Drill
from cbcr_assets.simulator.restore_times import (
    OUTGROWN,
    OVERDUE,
    OVERDUE_DRILLS_AGO,
    SLOW,
    pace,
)

_NEWEST_AGO = timedelta(hours=20)
_DAY = timedelta(days=1)
_SLOWER = (0.6, 0.8, 0.97, 1.4)  # share of the objective, drill after drill
_OUTGROWN_AGO = (0.9, 0.7, 0.5)  # share of the history
_UNLIKE, _UNEVEN = 0.15, 0.2  # spread of databases of a kind, and of a database's restores


def drills_of(
    database: Database, sets: Sequence[BackupSet], chance: random.Random, *, now: datetime
) -> list[Drill]:
    """Return the drills of a database, oldest first; three in ten healthy ones have none."""
    span = (now - database.protect_from) / _DAY
    usual = chance.lognormvariate(0, _UNLIKE)
    if database.incident == OVERDUE:
        return [_overdue_drill(database, chance, now - ago, usual) for ago in OVERDUE_DRILLS_AGO]
    if database.incident == OUTGROWN:
        moments = [now - _DAY * span * share for share in _OUTGROWN_AGO]
        return [drill for at in moments for drill in _drill(database, sets, chance, at, 1.0)]
    is_planted = database.incident in (SLOW, "failed_drill")
    if database.source == DEAD_SOURCE or (chance.random() < 0.3 and not is_planted):
        return []
    count = len(_SLOWER) if is_planted else chance.randrange(1, 2 + int(span // 12))
    found = []
    for number in range(count):
        is_newest = is_planted and number == count - 1
        ago = max(_DAY, _DAY * span * (count - number) / (count + 1))
        at = now - (_NEWEST_AGO if is_newest else ago)
        share = _SLOWER[number] if database.incident == SLOW else None
        fails = is_newest and database.incident == "failed_drill"
        factor = usual * chance.lognormvariate(0, _UNEVEN)
        found += _drill(database, sets, chance, at, factor, share=share, fails=fails)
    return found


def clones_of(
    database: Database, sets: Sequence[BackupSet], chance: random.Random, *, now: datetime
) -> list[Drill]:
    """Return restores of a physical backup for a staging copy: nobody verified them."""
    if database.method != "physical" or database.incident or chance.random() < 0.5:
        return []
    at = now - _DAY * chance.uniform(1, 5)
    return [
        Drill(
            f"{chance.randrange(1000, 99999)}-{chance.getrandbits(32):08x}", one.instance_id,
            one.label, one.requested_at, one.started_at, one.restored_at, None, None, "succeeded",
            one.bytes,
        )
        for one in _drill(database, sets, chance, at, 1.0)
    ]  # fmt: skip


def _drill(
    database: Database,
    sets: Sequence[BackupSet],
    chance: random.Random,
    at: datetime,
    factor: float,
    *,
    share: float | None = None,
    fails: bool = False,
) -> list[Drill]:
    """Restore the newest backup that was there at a moment, if there was one.

    Args:
        database: Whose backup.
        sets: Its backups, oldest first.
        chance: For the time in the queue.
        at: When it was asked for.
        factor: Of the time that it usually takes.
        share: Of the objective; then it takes that long, whatever is usual.
        fails: It does not come to an end.
    """
    there = [s for s in sets if s.finished_at < at and (s.gone_at is None or s.gone_at > at)]
    if not there:
        return []
    chosen = there[-1]
    usual = chosen.source_bytes / pace(database) * factor
    total = usual if share is None else database.rto_s * share
    return [_record(database, chance, at, chosen.label, chosen.source_bytes, total, fails=fails)]


def _overdue_drill(database: Database, chance: random.Random, at: datetime, factor: float) -> Drill:
    """Return a drill of a time that no catalog remembers."""
    size = int(database.size_bytes * 0.8)
    took = size / pace(database) * factor * chance.lognormvariate(0, _UNEVEN)
    return _record(database, chance, at, f"{database.instance_id}-{at:%Y%m%d}", size, took)


def _record(
    database: Database,
    chance: random.Random,
    at: datetime,
    label: str,
    size: int,
    total: float,
    *,
    fails: bool = False,
) -> Drill:
    """Write down a drill; a tenth of its time at most it waited in the queue."""
    at = at.replace(microsecond=0)
    total = max(total, 10.0)
    started = at + timedelta(seconds=min(chance.randrange(20, 200), int(total * 0.1)))
    key = f"drill-{database.instance_id}-{at:%Y%m%d%H%M}"
    if fails:
        return Drill(key, database.instance_id, label, at, started, None, None, None,
                     "failed", 0, DAMAGED.code, DAMAGED.text)  # fmt: skip
    restored, recovered, verified = (
        at + timedelta(seconds=int(total * part)) for part in (0.65, 0.9, 1.0)
    )
    return Drill(key, database.instance_id, label, at, started, restored, recovered,
                 verified, "succeeded", size)  # fmt: skip
