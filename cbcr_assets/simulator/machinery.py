"""Worker pools, queues and network links: what a Prometheus tells of them, hour by hour.

Belongs here: their samples, and what is planted among them.
Does not belong here: storage volumes (see `samples`), what follows for their health (see
`truth_health`).
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cbcr_assets.simulator.model import FleetSpec, PlantedIncident

METRICS = "metrics"
"""The source that tells of them."""

EVERY = timedelta(hours=1)
_POOL_DIED_AGO = timedelta(hours=9, minutes=12)
_FULL_SINCE = timedelta(hours=9)
_CAPACITY = 1.25e9
LINKS = {"nas1": "nas1:bond0", "nas2": "backup01:eth0"}
"""The link that backups to a volume go over."""

POOLS = ("backup01:main", "backup02:nightly")
QUEUES = POOLS
_DEAD = POOLS[1]
_FULL = LINKS["nas1"]
_CROWDED = LINKS["nas2"]
_CROWD = 0.35
_SLOWED_BY = 4.0

INCIDENTS = (
    PlantedIncident("worker_down", "worker_pool", _DEAD, "breached",
                    "the workers of the nightly pool were killed nine hours ago; nothing said so"),
    PlantedIncident("queue_backlog", "queue", _DEAD, "breached",
                    "its jobs wait since the workers of the nightly pool are gone"),
    PlantedIncident("network_saturated", "network_link", _FULL, "breached",
                    "somebody copies an archive over the link of the first NAS since nine hours"),
)  # fmt: skip


def slowed(volume: str, started: datetime) -> float:
    """Return how many times longer a backup to a volume takes, for others share its link.

    Nobody reports it: the load of the link and the backups over it just move together.
    """
    crowd = _crowd(started) - _CROWD / 2
    return math.exp(_SLOWED_BY * crowd) if LINKS.get(volume) == _CROWDED else 1.0


def _crowd(at: datetime) -> float:
    return random.Random(f"crowd/{at.date()}").uniform(0, _CROWD)


@dataclass(frozen=True)
class Point:
    """One value of one series at a moment.

    Attributes:
        kind: workers, queue or network, as the prometheus connector calls them.
        subject: HOST:NAME of the pool, queue or link.
        name: The series, as the connector calls it.
        at: When, naive UTC.
        value: Counts, seconds, bytes a second; of a heartbeat seconds since 1970.
    """

    kind: str
    subject: str
    name: str
    at: datetime
    value: float


def machinery_of(spec: FleetSpec, *, now: datetime) -> tuple[Point, ...]:
    """Return the samples of all days up to `now`, one an hour."""
    count = spec.days * 24
    moments = [now - EVERY * back for back in range(count, -1, -1)]
    things: tuple[tuple[tuple[str, ...], _Maker], ...] = (
        (POOLS, _pool), (QUEUES, _queue), (tuple(sorted(LINKS.values())), _link),
    )  # fmt: skip
    return tuple(
        point
        for names, make in things
        for name in names
        for at in moments
        for point in make(name, at, random.Random(f"{spec.seed}/{make.__name__}/{name}/{at}"), now)
    )


_Maker = Callable[[str, datetime, random.Random, datetime], Iterator[Point]]


def _pool(name: str, at: datetime, chance: random.Random, now: datetime) -> Iterator[Point]:
    is_dead = name == _DEAD and at > now - _POOL_DIED_AGO
    beat = now - _POOL_DIED_AGO if is_dead else at - timedelta(seconds=chance.randrange(5, 40))
    yield Point("workers", name, "busy", at, 0 if is_dead else chance.randrange(0, 7))
    yield Point("workers", name, "total", at, 8)
    seconds = (beat - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 - naive UTC by contract
    yield Point("workers", name, "heartbeat", at, round(seconds))


def _queue(name: str, at: datetime, chance: random.Random, now: datetime) -> Iterator[Point]:
    waiting = (at - (now - _POOL_DIED_AGO)).total_seconds() if name == _DEAD else 0.0
    if waiting > 0:
        yield Point("queue", name, "depth", at, 4 + round(waiting / 900))
        yield Point("queue", name, "oldest_wait", at, round(waiting))
        return
    depth = chance.randrange(0, 6)
    yield Point("queue", name, "depth", at, depth)
    yield Point("queue", name, "oldest_wait", at, chance.randrange(10, 600) if depth else 0)


def _link(name: str, at: datetime, chance: random.Random, now: datetime) -> Iterator[Point]:
    is_full = name == _FULL and at > now - _FULL_SINCE
    share = chance.uniform(0.985, 0.995) if is_full else chance.uniform(0.05, 0.55)
    if name == _CROWDED:
        share = chance.uniform(0.05, 0.2) + _crowd(at)
    yield Point("network", name, "rx", at, round(share * _CAPACITY))
    yield Point("network", name, "tx", at, round(0.02 * _CAPACITY))
    yield Point("network", name, "speed", at, _CAPACITY)
