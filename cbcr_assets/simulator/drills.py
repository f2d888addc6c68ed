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

_NEWEST_AGO = timedelta(hours=20)
_DAY = timedelta(days=1)
_SLOWER = (0.5, 0.72, 0.93, 1.4)  # share of the objective, drill after drill


def drills_of(
    database: Database, sets: Sequence[BackupSet], chance: random.Random, *, now: datetime
) -> list[Drill]:
    """Return the drills of a database, oldest first; three in ten databases have none."""
    is_planted = database.incident in ("slow_drill", "failed_drill")
    if database.source == DEAD_SOURCE or (chance.random() < 0.3 and not is_planted):
        return []
    span = (now - database.protect_from) / _DAY
    count = len(_SLOWER) if is_planted else chance.randrange(1, 2 + int(span // 12))
    found = []
    for number in range(count):
        is_newest = is_planted and number == count - 1
        ago = max(_DAY, _DAY * span * (count - number) / (count + 1))
        at = now - (_NEWEST_AGO if is_newest else ago)
        share = _SLOWER[number] if database.incident == "slow_drill" else chance.uniform(0.2, 0.8)
        fails = is_newest and database.incident == "failed_drill"
        found += _drill(database, sets, chance, at, share, fails=fails)
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
        for one in _drill(database, sets, chance, at, 0.3, fails=False)
    ]  # fmt: skip


def _drill(
    database: Database,
    sets: Sequence[BackupSet],
    chance: random.Random,
    at: datetime,
    share: float,
    *,
    fails: bool,
) -> list[Drill]:
    """Restore the newest backup that was there at a moment, if there was one."""
    at = at.replace(microsecond=0)
    there = [s for s in sets if s.finished_at < at and (s.gone_at is None or s.gone_at > at)]
    if not there:
        return []
    chosen = there[-1]
    started = at + timedelta(seconds=chance.randrange(20, 200))
    total = database.rto_s * share
    key = f"drill-{database.instance_id}-{at:%Y%m%d%H%M}"
    if fails:
        return [Drill(key, database.instance_id, chosen.label, at, started, None, None, None,
                      "failed", 0, DAMAGED.code, DAMAGED.text)]  # fmt: skip
    restored, recovered, verified = (
        started + timedelta(seconds=int(total * part)) for part in (0.62, 0.9, 1.0)
    )
    return [Drill(key, database.instance_id, chosen.label, at, started, restored, recovered,
                  verified, "succeeded", chosen.source_bytes)]  # fmt: skip
