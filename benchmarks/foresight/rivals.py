"""The methods that others use for the same question, as they write them.

Belongs here: functions from a case to its path of AHEAD days, knowing nothing after its origin.
Does not belong here: the product's forecast, scoring.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean, median

from benchmarks.foresight.series import AHEAD, LAST, Case, Kept

Path = list[float]
_RECENT = 120


def seasonal_drift(case: Case, window: int = 357) -> Path:
    """The same weekday of the last week, and the drift of the mean of a week over `window` days."""
    used = case.history
    slope = (fmean(used[-7:]) - fmean(used[-7 - window : -window])) / window
    return [
        max(used[len(used) - 7 + (h - 1) % 7] + slope * 7 * math.ceil(h / 7), 0.0)
        for h in range(1, AHEAD + 1)
    ]


def predict_linear(case: Case, days: int = 30) -> Path:
    """Prometheus: least squares through the last thirty days, extended from the last one."""
    used = case.history[-days:]
    times = [index - days + 1 for index in range(days)]
    middle, level = fmean(times), fmean(used)
    slope = sum((t - middle) * (y - level) for t, y in zip(times, used, strict=True))
    slope /= sum((t - middle) ** 2 for t in times)
    return [max(level + slope * (h - middle), 0.0) for h in range(1, AHEAD + 1)]


def drift(case: Case, days: int = 90) -> Path:
    """The last value, and the mean step of the last quarter."""
    used = case.history
    slope = (used[-1] - used[-1 - days]) / days
    return [max(used[-1] + slope * h, 0.0) for h in range(1, AHEAD + 1)]


def seasonal_naive(case: Case) -> Path:
    """The last week again and again."""
    used = case.history
    return [used[len(used) - 7 + (h - 1) % 7] for h in range(1, AHEAD + 1)]


def structural_floor(case: Case) -> Path:
    """Catalog-aware as it was before: known expiries, backups to come, a constant rest.

    Without a catalog it is the seasonal drift.
    """
    if not case.sets:
        return seasonal_drift(case)
    alive = [one for one in case.sets if one.start <= LAST < one.end]
    rest = case.history[-1] - sum(one.size for one in alive)
    by_key: dict[tuple[str, str], list[Kept]] = defaultdict(list)
    for one in case.sets:
        by_key[one.instance, one.kind].append(one)
    growth = {
        name: _growths(sorted(rows, key=lambda one: one.start))
        for (name, kind), rows in by_key.items()
        if kind == "full"
    }
    coming = [0.0] * (AHEAD + 1)
    for (name, _), rows in by_key.items():
        recent = sorted(
            (one for one in rows if one.start > LAST - _RECENT), key=lambda one: one.start
        )
        for rate in growth.get(name, (0.0, 0.0, 0.0)):
            for start, size, keep in _planned(recent, rate):
                for h in range(start, min(start + keep, AHEAD + 1)):
                    coming[h] += size / 3
    return [
        max(rest + coming[h] + sum(one.size for one in alive if one.end > LAST + h), 0.0)
        for h in range(1, AHEAD + 1)
    ]


def _planned(recent: Sequence[Kept], rate: float) -> list[tuple[int, float, int]]:
    """Return (day ahead, bytes, days kept) of the backups to come of one instance and type."""
    if not recent:
        return []
    gaps = [b.start - a.start for a, b in pairwise(recent)]
    gap = median(gaps) if gaps else 7
    last = recent[-1].start
    if last < LAST - max(3 * gap, gap + 7):
        return []
    known = recent[:-1] or recent
    keep = round(median(one.end - one.start for one in known[-4 if gap >= 2 else -14 :]))
    found = []
    if gap >= 2:
        size = median(one.size * math.exp(-rate * (one.start - last)) for one in recent[-4:])
        at = max(last + gap, LAST + 1)
        while at <= LAST + AHEAD:
            found.append((round(at) - LAST, size * math.exp(rate * (at - last)), keep))
            at += gap
        return found
    by_day = {one.start: one.size for one in recent}
    first = recent[0].start
    for h in range(1, AHEAD + 1):
        slots = [LAST + h - 7 * week for week in range(1, 20)]
        slots = [slot for slot in slots if first <= slot <= LAST][:6]
        sizes = [by_day.get(slot, 0) * math.exp(rate * (LAST - slot)) for slot in slots]
        if sizes:
            found.append((h, fmean(sizes) * math.exp(rate * h), keep))
    return found


def _growths(fulls: Sequence[Kept]) -> tuple[float, float, float]:
    """Return three rates of growth of ln bytes a day: pairwise slopes, and two of median ends."""
    return _pairwise(fulls, 90), _ends(fulls, 182), _ends(fulls, 364)


def _clipped(rate: float) -> float:
    return min(max(rate, -0.004), 0.006)


def _pairwise(fulls: Sequence[Kept], window: int) -> float:
    known = [(one.start, math.log(one.size)) for one in fulls if one.start > LAST - window]
    slopes = [
        (b - a) / (t - s) for i, (s, a) in enumerate(known) for t, b in known[i + 1 :] if t > s
    ]
    return _clipped(median(slopes)) if len(known) >= 4 and slopes else 0.0


def _ends(fulls: Sequence[Kept], window: int) -> float:
    known = [(one.start, math.log(one.size)) for one in fulls if one.start > LAST - window]
    if len(known) < 8 or known[-1][0] - known[0][0] < 28:
        return 0.0
    count = max(len(known) // 8, 2)
    rise = median(y for _, y in known[-count:]) - median(y for _, y in known[:count])
    run = median(t for t, _ in known[-count:]) - median(t for t, _ in known[:count])
    return _clipped(rise / run)


RIVALS: dict[str, Callable[[Case], Path]] = {
    "structural floor": structural_floor,
    "seasonal drift 357 d": seasonal_drift,
    "predict_linear 30 d": predict_linear,
    "drift 90 d": drift,
    "seasonal naive": seasonal_naive,
}
