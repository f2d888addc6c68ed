"""Volumes whose future is known: real growth, pools driven by real growth, simulated pools.

Belongs here: making cases from a seed, each with its history, its catalog as it was known at the
end of the history, and what came then. Does not belong here: forecasts (see `rivals`, and the
product).

Every case has HISTORY days before its origin and AHEAD days after it. Tuning and test cases share
no package and no seed.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.foresight.growth import Growth, is_for_tuning, read

HISTORY, AHEAD = 455, 90
DAYS = HISTORY + AHEAD
LAST = HISTORY - 1
"""Index of the last day that a forecast may know."""
_WARM_UP = 420
_GB = 1e9


@dataclass(frozen=True)
class Kept:
    """One backup set as the catalog knew it at the origin; days count from the first day."""

    instance: str
    kind: str
    start: int
    size: int
    end: int


@dataclass(frozen=True)
class Case:
    """One volume.

    Attributes:
        group: real_append, real_pool or synthetic.
        used: Bytes by day, history first, then the truth.
        sets: The catalog at the origin, sets that were gone by then included; empty without one.
    """

    name: str
    group: str
    used: tuple[float, ...]
    sets: tuple[Kept, ...] = ()

    @property
    def history(self) -> list[float]:
        """What a forecast may know."""
        return list(self.used[:HISTORY])

    @property
    def future(self) -> list[float]:
        """What came."""
        return list(self.used[HISTORY:])

    def levels(self) -> list[float]:
        """Return capacities to ask for: three that are reached if it grows, one that is not."""
        start = max(self.used[LAST - 6 : HISTORY])
        top = max(self.future)
        rise = top - start
        asked = [start + share * rise for share in (0.25, 0.5, 0.8)] if rise > 0.002 * start else []
        return [*asked, 1.05 * max(top, start)]


def cases(seed: int, *, tuning: bool, pools: int = 60) -> list[Case]:
    """Make the cases of one side: `pools` simulated, as many driven by real growth, all real."""
    taken = read()
    growth = {name: days for name, days in taken.items() if is_for_tuning(name, taken) == tuning}
    chance = random.Random(f"{seed}/{tuning}")
    made = list(_appended(growth, chance))
    names = sorted(growth)
    for number in range(pools):
        picked = chance.sample(names, k=min(len(names), chance.randint(3, 10)))
        paths = [_window(growth[name], chance) for name in picked]
        made.append(_pool(f"real-{number:03d}", "real_pool", chance, paths))
        many = [_archetype(chance) for _ in range(chance.randint(2, 14))]
        made.append(_pool(f"made-{number:03d}", "synthetic", chance, many))
    return made


def _appended(growth: Growth, chance: random.Random) -> Iterator[Case]:
    """Two windows of each package: an append-only store of what was written."""
    for name, days in sorted(growth.items()):
        for number in range(2):
            path = _window(days, chance, warm_up=0)
            scaled = tuple(value * 1e6 for value in path)
            yield Case(f"{name}-{number}", "real_append", scaled)


def _window(days: dict[int, int], chance: random.Random, warm_up: int = _WARM_UP) -> list[float]:
    """Cumulated bytes over a window of the package's life in which something happened."""
    first, last, length = min(days), max(days), DAYS + warm_up
    for _ in range(50):
        at = chance.randint(first, max(first, last - length))
        if sum(at <= day < at + length for day in days) >= 12:
            break
    before = sum(size for day, size in days.items() if day < at) or next(iter(days.values()))
    path, total = [], float(before)
    for day in range(at, at + length):
        total += days.get(day, 0)
        path.append(total)
    return path


def _archetype(chance: random.Random) -> list[float]:
    """The size of one database: steady, exponential, saturating, stepping, or wandering."""
    kind = chance.choice(
        ("linear", "exponential", "saturating", "steps", "flat", "shrinking", "season", "walk")
    )
    pace, turn = chance.uniform(0.0002, 0.0035), chance.uniform(60, 300)
    steps = sorted(chance.sample(range(DAYS + _WARM_UP), k=6))
    wander, found = 0.0, []
    for day in range(DAYS + _WARM_UP):
        wander += chance.gauss(0.0006, 0.004)
        found.append(
            {
                "linear": 1 + pace * day,
                "exponential": math.exp(0.5 * pace * day),
                "saturating": 2 - math.exp(-day / turn),
                "steps": 1 + 0.25 * sum(day >= step for step in steps),
                "flat": 1.0,
                "shrinking": math.exp(-0.15 * pace * day),
                "season": 1 + 0.3 * pace * day + 0.1 * math.sin(2 * math.pi * day / 365),
                "walk": math.exp(wander),
            }[kind]
        )
    return found


@dataclass
class _Instance:
    """One database of a pool, with the policy of its backups."""

    name: str
    path: list[float]
    policy: str
    keep: int
    share: float
    born: int
    dies: int
    weekday: int
    made: list[tuple[str, int, int]] = field(default_factory=list)


def _pool(name: str, group: str, chance: random.Random, paths: list[list[float]]) -> Case:
    days = DAYS + _WARM_UP
    instances = [_instance(number, path, chance) for number, path in enumerate(paths)]
    change = chance.randrange(_WARM_UP, days) if chance.random() < 0.1 else None
    factor = chance.choice((0.5, 0.7, 1.4, 2.0))
    used = [0.0] * days
    sets: list[Kept] = []
    for one in instances:
        _back_up(one, chance)
        for kind, start, size in one.made:
            end = _end(one, kind, start, change, factor, known=days)
            for day in range(start, min(end, days)):
                used[day] += size
            if start < _WARM_UP + HISTORY:
                known = _end(one, kind, start, change, factor, known=_WARM_UP + LAST)
                sets.append(Kept(one.name, kind, start - _WARM_UP, size, known - _WARM_UP))
    _clutter(used, chance)
    return Case(name, group, tuple(used[_WARM_UP:]), tuple(sets))


def _instance(number: int, path: list[float], chance: random.Random) -> _Instance:
    days = DAYS + _WARM_UP
    size = chance.lognormvariate(4.5, 1.0) * _GB * 0.4
    base = sum(path) / len(path)
    is_new, ends = chance.random() < 0.15, chance.random() < 0.05
    return _Instance(
        f"db{number:02d}",
        [size * value / base for value in path],
        chance.choice(("weekly", "weekly", "daily", "monthly")),
        chance.choice((14, 21, 28, 30, 35, 45, 60)),
        chance.uniform(0.01, 0.08),
        chance.randrange(_WARM_UP, days) if is_new else chance.randrange(7),
        chance.randrange(_WARM_UP, days) if ends else days,
        chance.randrange(7),
    )


def _back_up(one: _Instance, chance: random.Random) -> None:
    for day in range(one.born, one.dies):
        is_full = one.policy == "daily" or day % 7 == one.weekday or not one.made
        if chance.random() < 0.02 and one.made:
            continue
        noise = chance.lognormvariate(0, 0.02 if is_full else 0.35)
        size = int(one.path[day] * noise * (1.0 if is_full else one.share))
        one.made.append(("full" if is_full else "incr", day, max(size, 1)))


def _end(
    one: _Instance, kind: str, start: int, change: int | None, factor: float, *, known: int
) -> int:
    """Return when a set goes, by what was known on a day: a full waits for its increments."""
    keep = one.keep
    if change is not None and change <= known:
        keep = max(7, int(one.keep * factor))
    before = max(one.keep, 1)

    def gone(at: int, days: int) -> int:
        planned = at + days
        if change is not None and change <= known and days != before:
            # What the old policy had removed by the change stays removed.
            return at + before if at + before <= change else max(planned, change)
        return planned

    if one.policy == "monthly" and kind == "full" and start % 30 < 7:
        return start + 365
    end = gone(start, keep)
    if kind == "full" and one.policy != "daily":
        following = [at for k, at, _ in one.made if at > start and at <= known]
        fulls = [at for k, at, _ in one.made if k == "full" and at > start]
        until = fulls[0] if fulls else known + 1
        last = max((at for at in following if at < until), default=start)
        end = max(end, gone(last, keep))
    return end


def _clutter(used: list[float], chance: random.Random) -> None:
    """Add what no catalog knows: orphans and their cleanup, a spike, another tenant's constant."""
    level = sum(used) / len(used)
    orphans, pace = 0.0, chance.uniform(0, 0.0004) * level
    cleanup = chance.randrange(len(used)) if chance.random() < 0.4 else -1
    spike = chance.randrange(len(used)) if chance.random() < 0.3 else -9
    fixed = chance.uniform(0, 0.15) * level
    for day in range(len(used)):
        orphans = 0.0 if day == cleanup else orphans + pace * chance.expovariate(1)
        extra = 0.15 * level if spike <= day < spike + 2 else 0.0
        used[day] += fixed + orphans + extra
