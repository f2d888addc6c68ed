"""The fill of storage volumes: those that backups lie on, and those on which something is planted.

Belongs here: samples of volumes and what is true of each planted one. Does not belong here:
archived WAL (see `samples`), forecasts: a planted volume is so clear that any honest forecast
agrees.
"""

import math
import random
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from cbcr_assets.simulator.model import BackupSet, Database, PlantedIncident, StorageSample
from cbcr_assets.simulator.sets import KEEP_DUMPS

CATALOG_VOLUME = "nas2"
"""Its fill is what the catalog says, and a little that no catalog knows."""

_TB = 10**12
_SIZES = (8 * _TB, 20 * _TB, 40 * _TB)
_HISTORY = timedelta(days=240)
_DAY = timedelta(days=1)
_FINE, _COARSE = timedelta(hours=2), timedelta(hours=8)
_FINE_FOR = timedelta(days=14)
_CLEANUP_HOUR = 5
_UNTRACKED, _ROOM = 0.3, 2.2


@dataclass(frozen=True)
class PlantedVolume:
    """A volume with a story.

    Attributes:
        share: Fill at the end, of its size.
        a_day: What it grows in a day, of its size.
        verdicts: Rules that are not ok, with their status.
        sized: Its samples say how large it is.
        grown_ago: It was expanded so long ago, from 40 % of its size.
        silent: So long before the end its samples stop.
        history: So long before the end they begin.
    """

    name: str
    share: float
    a_day: float
    story: str
    verdicts: tuple[tuple[str, str], ...] = ()
    sized: bool = True
    grown_ago: timedelta | None = None
    silent: timedelta = timedelta()
    history: timedelta = _HISTORY


PLANTED = (
    PlantedVolume(
        "vault1:/srv/backup", 0.93, 0.008,
        "it grows by 0.8 % of its size a day, and is full in less than two weeks",
        (("storage_full_soon", "breached"), ("storage_nearly_full", "approaching")),
        history=timedelta(days=110),
    ),
    PlantedVolume(
        "vault2:/srv/backup", 0.97, -0.0001,
        "it is 97 % full, and nobody makes room",
        (("storage_nearly_full", "breached"),),
    ),
    PlantedVolume(
        "vault3:/srv/backup", 0.38, 0.001, "it was nearly full and was expanded twelve days ago",
        grown_ago=timedelta(days=12),
    ),
    PlantedVolume(
        "vault4:/srv/backup", 0.5, 0.001, "its host stopped to report three days ago",
        (("forecast_stale", "breached"), ("storage_nearly_full", "unknown"),
         ("storage_full_soon", "unknown")),
        silent=timedelta(days=3),
    ),
    PlantedVolume(
        "vault5:/srv/backup", 0.3, 0.001, "it is five days old: too young for a forecast",
        (("storage_full_soon", "unknown"),),
        history=timedelta(days=5),
    ),
    PlantedVolume(
        "bucket:backup-archive", 0.6, 0.001, "a bucket has no size: nobody knows when it is full",
        (("storage_nearly_full", "unknown"), ("storage_full_soon", "unknown")),
        sized=False,
    ),
)  # fmt: skip

_UNSEEN = "the inventory names it, and no source samples it"


def volume_incidents(unseen: Iterable[str]) -> Iterator[PlantedIncident]:
    """Yield the verdicts on volumes that are not ok; `unseen` ones are named and never sampled."""
    for planted in PLANTED:
        for rule, status in planted.verdicts:
            yield PlantedIncident(rule, "volume", planted.name, status, planted.story)
    for volume in unseen:
        for rule in ("forecast_stale", "storage_full_soon", "storage_nearly_full"):
            yield PlantedIncident(rule, "volume", volume, "unknown", _UNSEEN)


def storage_of(
    databases: Sequence[Database],
    sets: Sequence[BackupSet],
    *,
    unseen: str,
    start: datetime,
    now: datetime,
    seed: int,
) -> list[StorageSample]:
    """Return the fill of all volumes: backups fill them all day long, the cleanup makes room.

    Args:
        databases: The fleet; their volumes are sampled.
        sets: All sets that there ever were.
        unseen: A volume that nothing samples.
        start: Beginning of the backups' history, naive UTC.
        now: The end, naive UTC.
        seed: Seed of all chance.
    """
    on = {database.instance_id: database.volume for database in databases}
    held: dict[str, list[BackupSet]] = {volume: [] for volume in on.values() if volume != unseen}
    for one in sets:
        if on[one.instance_id] in held:
            held[on[one.instance_id]].append(one)
    found: list[StorageSample] = []
    for volume in sorted(held):
        chance = random.Random(f"{seed}/volume/{volume}")
        if volume == CATALOG_VOLUME and held[volume]:
            found += _by_catalog(volume, held[volume], start, now)
        else:
            found += _by_share(volume, _alive(held[volume], now), chance, now)
    for planted in PLANTED:
        found += _planted(planted, random.Random(f"{seed}/volume/{planted.name}"), now)
    return found


def _by_share(
    volume: str, held_bytes: int, chance: random.Random, now: datetime
) -> Iterator[StorageSample]:
    """A volume of which backups are but a part: a saw of a day, slow growth."""
    size = chance.choice(_SIZES)
    while size < 5 * held_bytes:
        size *= 2
    at_the_end, a_day = chance.uniform(0.45, 0.62), chance.uniform(0.0003, 0.0012)
    saw = chance.uniform(0.015, 0.03)
    for at in _ticks(now - _HISTORY, now):
        days = (at - now) / _DAY
        since_cleanup = ((at.hour - _CLEANUP_HOUR) % 24 + at.minute / 60) / 24
        weekly = 0.004 * math.sin(2 * math.pi * at.timetuple().tm_yday / 7)
        share = at_the_end + a_day * days + saw * (since_cleanup - 0.5) + weekly
        used = int(size * (share + chance.gauss(0, 0.0008)))
        yield StorageSample(volume, at, size, size - used)


def _by_catalog(
    volume: str, sets: Sequence[BackupSet], start: datetime, now: datetime
) -> Iterator[StorageSample]:
    """A volume of which backups are most; what was there before their history began is as large."""
    settled = min(start + KEEP_DUMPS + _DAY, now)
    events = [(one.finished_at, one.repo_bytes) for one in sets]
    events += [(one.gone_at, -one.repo_bytes) for one in sets if one.gone_at is not None]
    events.sort()
    moments, totals = [at for at, _ in events], [0, *accumulate(size for _, size in events)]
    most = _alive(sets, now)
    size, other = int(_ROOM * most), int(_UNTRACKED * most)
    for at in _ticks(now - _HISTORY, now):
        used = other + totals[bisect_right(moments, max(at, settled))]
        yield StorageSample(volume, at, size, max(size - used, 0))


def _planted(
    planted: PlantedVolume, chance: random.Random, now: datetime
) -> Iterator[StorageSample]:
    size = 20 * _TB
    for at in _ticks(now - planted.history, now - planted.silent):
        share = planted.share + planted.a_day * ((at - now) / _DAY) + chance.gauss(0, 0.0005)
        used = int(size * share)
        if not planted.sized:
            yield StorageSample(planted.name, at, None, None, used)
            continue
        is_small = planted.grown_ago is not None and at < now - planted.grown_ago
        now_size = size * 2 // 5 if is_small else size
        yield StorageSample(planted.name, at, now_size, now_size - used)


def _alive(sets: Sequence[BackupSet], at: datetime) -> int:
    return sum(
        one.repo_bytes
        for one in sets
        if one.finished_at <= at and (one.gone_at is None or one.gone_at > at)
    )


def _ticks(start: datetime, stop: datetime) -> Iterator[datetime]:
    """Yield moments from start to stop: often in the last two weeks, seldom before."""
    at = start
    while at < stop:
        yield at
        at += _FINE if at > stop - _FINE_FOR else _COARSE
    yield stop
