"""What is measured beside backups: archived WAL, and the fill of storage volumes.

Belongs here: samples. Does not belong here: what they mean for recovery (see `truth`).
"""

import math
import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from cbcr_assets.simulator.incidents import STALLED_AGO
from cbcr_assets.simulator.model import ArchiveSample, BackupSet, Database, StorageSample

_LAG = timedelta(minutes=2)
_ARCHIVE_EVERY = timedelta(hours=3)
_STORAGE_EVERY = timedelta(hours=2)
_CLEANUP_HOUR = 5
_SEGMENTS_PER_HOUR = 14
_TB = 10**12
_SIZES = (8 * _TB, 20 * _TB, 40 * _TB)


def archives_of(
    database: Database, sets: Sequence[BackupSet], *, now: datetime
) -> list[ArchiveSample]:
    """Return how far archiving had come: every three hours, at each full backup, at the end."""
    if not database.archives_log:
        return []
    now = min(now, database.retired_at or now)
    fulls = [one for one in sets if one.backup_type == "full"]
    stalled_at = now - STALLED_AGO if database.incident == "archive_stalled" else now
    found = []
    looked = {*_ticks(database.protect_from, now, _ARCHIVE_EVERY), now}
    # A full backup begins a new stretch; the one before it reached up to there.
    looked |= {one.finished_at for one in fulls if one.finished_at < now}
    for at in sorted(looked):
        reached = min(at - _LAG, stalled_at)
        base = next((one for one in reversed(fulls) if one.finished_at <= reached), None)
        if base is None:
            continue
        waiting = max(0, round((at - _LAG - reached).total_seconds() / 3600 * _SEGMENTS_PER_HOUR))
        found.append(
            ArchiveSample(
                database.instance_id, at, base.finished_at, reached, waiting, waiting * 3,
                base.label,
            )
        )  # fmt: skip
    return found


def storage_of(
    volumes: Iterable[str], *, start: datetime, now: datetime, seed: int
) -> list[StorageSample]:
    """Return the fill of volumes: backups fill them all day long, the cleanup makes room."""
    return [
        sample
        for volume in volumes
        for sample in _fill(volume, random.Random(f"{seed}/volume/{volume}"), start, now)
    ]


def _fill(
    volume: str, chance: random.Random, start: datetime, now: datetime
) -> Iterable[StorageSample]:
    size = chance.choice(_SIZES)
    at_the_end, a_day = chance.uniform(0.55, 0.84), chance.uniform(0.0008, 0.004)
    saw = chance.uniform(0.015, 0.03)
    for at in [*_ticks(start, now, _STORAGE_EVERY), now]:
        days = (at - now) / timedelta(days=1)
        since_cleanup = ((at.hour - _CLEANUP_HOUR) % 24 + at.minute / 60) / 24
        weekly = 0.004 * math.sin(2 * math.pi * at.timetuple().tm_yday / 7)
        share = at_the_end + a_day * days + saw * (since_cleanup - 0.5) + weekly
        used = int(size * min(0.99, max(0.05, share + chance.gauss(0, 0.0008))))
        yield StorageSample(volume, at, size, size - used)


def _ticks(start: datetime, stop: datetime, step: timedelta) -> Iterable[datetime]:
    at = start
    while at < stop:
        yield at
        at += step
