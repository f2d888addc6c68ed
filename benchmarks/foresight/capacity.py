"""Capacity: days until full, paths and bands beside the methods that others use, and the speed.

Belongs here: scoring and the tables. Does not belong here: series (`series`), methods (`rivals`),
the fleet of the speed test (`capacity_speed`).
"""

import json
import os
import random
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

from benchmarks.foresight import capacity_speed
from benchmarks.foresight.fleet import build, load, open_empty, read_paths
from benchmarks.foresight.rivals import RIVALS
from benchmarks.foresight.series import AHEAD, Case, cases

OURS = "CBCR"
ETS = "AutoETS(7)"
_NEVER = AHEAD + 1
_SEEDS = (202, 203)
"""Seeds that no choice has seen; 101 was measured more than once."""
_TIMES = 1_000
_BANDS = {"80 %": ("lo80_bytes", "hi80_bytes"), "95 %": ("lo95_bytes", "hi95_bytes")}
_ETS_BANDS = {"80 %": ("lo-80", "hi-80"), "95 %": ("lo-95", "hi-95")}

Paths = Mapping[str, Sequence[float]]
Bands = Mapping[str, Mapping[str, Sequence[float]]]


@dataclass(frozen=True)
class Score:
    """How one method did on one case.

    Attributes:
        days: Mean error of the days until full over its capacities, both sides at most 91.
        hits, told, came: Capacities reached in 90 days that were foretold; foretold; reached.
        mase: Mean error of the path in mean weekly changes of the last year.
    """

    days: float
    hits: int
    told: int
    came: int
    mase: float


def days_until(path: Sequence[float], level: float) -> int:
    """Return the first day on which a path reaches a level, 91 if none does."""
    return next((day for day, used in enumerate(path, start=1) if used >= level), _NEVER)


def score(case: Case, path: Sequence[float]) -> Score:
    """Score one path."""
    pairs = [(days_until(path, x), days_until(case.future, x)) for x in case.levels()]
    used = case.history[-365:]
    change = fmean(abs(b - a) for a, b in zip(used, used[7:], strict=False)) or 1.0
    errors = [abs(a - b) for a, b in zip(path, case.future, strict=True)]
    return Score(
        fmean(abs(ours - true) for ours, true in pairs),
        sum(ours < _NEVER and true < _NEVER for ours, true in pairs),
        sum(ours < _NEVER for ours, _ in pairs),
        sum(true < _NEVER for _, true in pairs),
        fmean(errors) / change,
    )


def covered(case: Case, bands: Mapping[str, Sequence[float]], edges: tuple[str, str]) -> float:
    """Return the share of the days to come that lie within a band."""
    low, high = (bands[edge] for edge in edges)
    inside = [a <= y <= b for a, y, b in zip(low, case.future, high, strict=True)]
    return sum(inside) / len(inside)


def early(case: Case, bands: Mapping[str, Sequence[float]]) -> list[bool]:
    """Say of each capacity that was reached whether days_to_full_p10 came no later."""
    reached = [level for level in case.levels() if days_until(case.future, level) < _NEVER]
    return [
        days_until(bands["p90_bytes"], level) <= days_until(case.future, level) for level in reached
    ]


def bootstrap(differences: Sequence[float], seed: int = 1) -> tuple[float, float, float]:
    """Return the mean of paired differences with its 95 % interval, cases drawn with repetition."""
    chance, count = random.Random(seed), len(differences)
    means = sorted(fmean(chance.choices(differences, k=count)) for _ in range(_TIMES))
    return fmean(differences), means[int(0.025 * len(means))], means[int(0.975 * len(means))]


def ours(made: Sequence[Case]) -> dict[str, dict[str, list[float]]]:
    """Return the product's paths: its own models, built by dbt as of the origin."""
    with tempfile.TemporaryDirectory() as folder:
        platform = open_empty(Path(folder))
        load(platform, made)
        build(platform)
        return read_paths(platform)


def auto_ets(made: Sequence[Case]) -> dict[str, dict[str, list[float]]] | None:
    """Return AutoETS's paths, by the Python that STATSFORECAST_PYTHON names; None without one."""
    python = os.environ.get("STATSFORECAST_PYTHON")
    if not python:
        return None
    asked = {"ahead": AHEAD, "series": {case.name: case.history for case in made}}
    done = subprocess.run(
        [python, str(Path(__file__).with_name("autoets.py"))],
        input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def accuracy() -> None:
    """Print the tables of accuracy, on cases that no choice has seen."""
    made = [
        replace(case, name=f"{seed}/{case.name}")
        for seed in _SEEDS
        for case in cases(seed, tuning=False)
    ]
    paths = ours(made)
    methods: dict[str, Paths] = {OURS: {name: p["mean_bytes"] for name, p in paths.items()}}
    for name, method in RIVALS.items():
        methods[name] = {case.name: method(case) for case in made}
    ets = auto_ets(made)
    if ets is not None:
        methods[ETS] = {name: path["mean"] for name, path in ets.items()}
    scores = {
        name: {case.name: score(case, told[case.name]) for case in made}
        for name, told in methods.items()
    }
    _table(made, scores, lambda s: fmean(x.days for x in s), "days until full, mean error")
    _table(made, scores, lambda s: median(x.mase for x in s), "path, median MASE of 90 days")
    _hits(scores)
    _differences(made, scores)
    _coverage(made, paths, _BANDS, OURS)
    if ets is not None:
        _coverage(made, ets, _ETS_BANDS, ETS)
    told = [answer for case in made for answer in early(case, paths[case.name])]
    below = [
        y <= edge
        for case in made
        for y, edge in zip(case.future, paths[case.name]["p90_bytes"], strict=True)
    ]
    print(f"\ndays on which it was no more than p90_bytes: {fmean(below):.3f}")
    print(
        f"days_to_full_p10 no later than the day it was full: {fmean(told):.3f} of {len(told)}"
        " capacities that were reached"
    )


def _groups(made: Sequence[Case]) -> dict[str, list[Case]]:
    groups: dict[str, list[Case]] = {"all": list(made)}
    for case in made:
        groups.setdefault(case.group, []).append(case)
    return groups


def _table(
    made: Sequence[Case],
    scores: Mapping[str, Mapping[str, Score]],
    of: Callable[[list[Score]], float],
    title: str,
) -> None:
    groups = _groups(made)
    heads = " | ".join(f"{name} ({len(members)})" for name, members in groups.items())
    print(f"\n| {title} | {heads} |\n|---|{'---|' * len(groups)}")
    for name, by_case in scores.items():
        cells = [of([by_case[case.name] for case in members]) for members in groups.values()]
        print(f"| {name} | {' | '.join(f'{cell:.2f}' for cell in cells)} |")


def _hits(scores: Mapping[str, Mapping[str, Score]]) -> None:
    print("\n| full within 90 days | precision | recall |\n|---|---|---|")
    for name, by_case in scores.items():
        found = list(by_case.values())
        hits, told = sum(x.hits for x in found), sum(x.told for x in found)
        came = sum(x.came for x in found)
        print(f"| {name} | {hits / max(told, 1):.2f} | {hits / max(came, 1):.2f} |")


def _differences(made: Sequence[Case], scores: Mapping[str, Mapping[str, Score]]) -> None:
    groups = _groups(made)
    print(f"\n| days until full, {OURS} minus | {' | '.join(groups)} |")
    print(f"|---|{'---|' * len(groups)}")
    for name, by_case in scores.items():
        if name == OURS:
            continue
        cells = []
        for members in groups.values():
            pairs = [scores[OURS][c.name].days - by_case[c.name].days for c in members]
            middle, low, high = bootstrap(pairs)
            sure = "" if low * high > 0 else ", not significant"
            cells.append(f"{middle:+.1f} [{low:+.1f}, {high:+.1f}]{sure}")
        print(f"| {name} | {' | '.join(cells)} |")


def _coverage(
    made: Sequence[Case], bands: Bands, edges: Mapping[str, tuple[str, str]], title: str
) -> None:
    groups = _groups(made)
    print(f"\n| {title}: days within the band | {' | '.join(groups)} |")
    print(f"|---|{'---|' * len(groups)}")
    for name, pair in edges.items():
        cells = [
            fmean(covered(c, bands[c.name], pair) for c in members) for members in groups.values()
        ]
        print(f"| {name} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")
        sides = [
            [fmean(_missed(c, bands[c.name], pair)[side] for c in members) for side in (0, 1, 2)]
            for members in groups.values()
        ]
        told = (f"{under:.3f}, {over:.3f}, {on:.3f}" for under, over, on in sides)
        print(f"| {name}: below, above, on the lower edge | {' | '.join(told)} |")


def _missed(
    case: Case, bands: Mapping[str, Sequence[float]], edges: tuple[str, str]
) -> tuple[float, float, float]:
    """Return the shares of the days to come below a band, above it, and on its lower edge."""
    low, high = (bands[edge] for edge in edges)
    days = list(zip(low, case.future, high, strict=True))
    return (
        sum(y < a for a, y, _ in days) / len(days),
        sum(y > b for _, y, b in days) / len(days),
        sum(y == a for a, y, _ in days) / len(days),
    )


def main() -> None:
    """Print everything about capacity."""
    print("## Capacity")
    accuracy()
    capacity_speed.main()
