"""Odd sizes, on series whose odd backups are known: the product beside what others do.

    python -m benchmarks.analytics anomalies

Belongs here: making series, running the product's models on them, the other rules, the table.
Nothing here is a test. A series is a daily dump for 400 days: growth, a weekly rhythm, noise with a
heavy tail that remembers the day before. Planted from day 60 on: jumps of 2 to 8 times, drops to a
tenth to a half, near-empty dumps, lasting shifts. The twelve days after a shift are not judged.
Thresholds were chosen on seeds 1 and 2; the table is made with others.
"""

import math
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import mean, median, stdev

import numpy as np
import polars as pl

from cbcr_assets.records import typed_frame
from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import open_platform

SERIES, DAYS, FIRST = 60, 400, 60
SETTLING = 12
SEEDS = (101, 102, 103, 104)
START = datetime.fromisoformat("2025-01-01T02:00:00")
KINDS = ("jump", "drop", "empty", "shift")

Series = list[tuple[float, str]]
"""By day: the size in bytes, and what was planted, empty for nothing."""


def series(seed: int) -> list[Series]:
    """Make the series of one fleet."""
    chance = np.random.default_rng(seed)
    return [_one(chance) for _ in range(SERIES)]


def _one(chance: np.random.Generator) -> Series:
    base, growth = math.log(10 ** chance.uniform(8, 12)), chance.uniform(-0.0005, 0.004)
    noise = chance.choice([0.02, 0.05, 0.1, 0.15])
    week = chance.normal(0, chance.choice([0, 0.1, 0.3]), 7)
    memory = level = 0.0
    made: Series = []
    for day in range(DAYS):
        memory = 0.6 * memory + chance.normal(0, noise * 0.8) + chance.standard_t(3) * noise * 0.5
        kind, change = _planted(chance) if day >= FIRST else ("", 0.0)
        level += change if kind == "shift" else 0
        x = base + growth * day + week[day % 7] + memory + level
        x += change if kind in ("jump", "drop") else 0
        size = math.exp(change) if kind == "empty" else math.exp(x)
        made.append((float(round(size)), kind))
    return made


def _planted(chance: np.random.Generator) -> tuple[str, float]:
    dice = chance.random()
    if dice < 0.004:
        return "jump", math.log(chance.uniform(2, 8))
    if dice < 0.008:
        return "drop", math.log(chance.uniform(0.1, 0.5))
    if dice < 0.010:
        return "empty", math.log(chance.uniform(200, 5000))
    if dice < 0.0105:
        return "shift", math.log(chance.choice([3, 2, 0.4]))
    return "", 0.0


# What others do: each says of every day whether it is odd, by the days before it.


def twice(sizes: list[float]) -> list[bool]:
    """Twice or half of the backup before."""
    pairs = pairwise(sizes)
    return [False, *(now >= 2 * before or now <= before / 2 for before, now in pairs)]


def z_score(sizes: list[float]) -> list[bool]:
    """Three standard deviations from the mean of the last 30."""

    def odd(day: int) -> bool:
        past = sizes[max(0, day - 30) : day]
        return len(past) > 13 and abs(sizes[day] - mean(past)) >= 3 * (stdev(past) or 1)

    return [odd(day) for day in range(len(sizes))]


def mad(sizes: list[float]) -> list[bool]:
    """Five robust deviations from the median of the last 30, in logarithms."""
    logs = [math.log(size) for size in sizes]

    def odd(day: int) -> bool:
        past = logs[max(0, day - 30) : day]
        if len(past) < 14:
            return False
        centre = median(past)
        spread = max(1.4826 * median(abs(x - centre) for x in past), 0.08)
        return abs(logs[day] - centre) >= 5 * spread

    return [odd(day) for day in range(len(sizes))]


def product(fleet: list[Series]) -> list[list[tuple[str, float]]]:
    """What CBCR says: by series and day the kind and z, by its own models."""
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "cbcr.yaml"
        config.write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n")
        platform = open_platform({"CBCR_CONFIG": str(config), "PATH": "/usr/bin:/bin"})
        analytics.prepare(platform)
        rows = [_attempt(n, day, size) for n, one in enumerate(fleet)
                for day, (size, _) in enumerate(one)]  # fmt: skip
        with platform.warehouse.write() as session:
            session.load("backup_jobs", typed_frame("backup_jobs", rows))
        wanted = ["--select", "+fct_backup_anomalies"]
        report = analytics.dbt(platform, ["run", "--full-refresh", *wanted])
        if not report.ok:
            raise SystemExit(report.output[-5000:])
        with platform.warehouse.live(as_of=START + timedelta(days=DAYS + 1)) as session:
            odd = session.query(
                "select native_key, kind, z from marts.fct_backup_anomalies"
                " where measure = 'source_bytes'"
            )
    told = [[("", 0.0)] * DAYS for _ in fleet]
    for key, kind, z in odd.iter_rows():
        number, day = map(int, key.split("-"))
        told[number][day] = (kind, abs(z or 0))
    return told


def _attempt(number: int, day: int, size: float) -> dict[str, object]:
    began = START + timedelta(days=day)
    return {
        "source_id": "a", "attempt_key": f"{number}-{day}", "native_instance": f"db{number}",
        "instance_id": f"db{number}", "tool": "t", "backup_type": "dump", "state": "succeeded",
        "started_at": began, "finished_at": began + timedelta(hours=1), "duration_s": 3600.0,
        "source_bytes": int(size), "first_seen_at": began, "last_seen_at": began,
    }  # fmt: skip


class Score:
    """How often a rule was right, over all series."""

    def __init__(self) -> None:
        """Begin with nothing judged."""
        self.right = self.wrong = self.days = 0
        self.planted = dict.fromkeys(KINDS, 0)
        self.seen = dict.fromkeys(KINDS, 0)

    def add(self, one: Series, odd: list[bool]) -> None:
        """Judge the days of one series."""
        settled = 0
        for day in range(FIRST, DAYS):
            kind = one[day][1]
            settled = day + SETTLING if kind == "shift" else settled
            if kind:
                self.planted[kind] += 1
                self.seen[kind] += odd[day]
            elif day >= settled:
                self.wrong += odd[day]
            self.days += bool(kind) or day >= settled

    def row(self, name: str) -> str:
        """One line of the table."""
        seen, planted = sum(self.seen.values()), sum(self.planted.values())
        by_kind = " | ".join(f"{self.seen[k] / max(self.planted[k], 1):.2f}" for k in KINDS)
        precision = seen / max(seen + self.wrong, 1)
        false = 1000 * self.wrong / self.days
        return f"| {name} | {precision:.2f} | {seen / planted:.2f} | {false:.1f} | {by_kind} |"


RULES: dict[str, Callable[[list[float]], list[bool]]] = {
    "twice or half of the one before": twice,
    "mean and standard deviation, z ≥ 3": z_score,
    "median and MAD of logarithms, z ≥ 5": mad,
}


def main() -> None:
    """Measure and print."""
    fleets = [series(seed) for seed in SEEDS]
    print(
        "\n### Odd sizes\n\n| rule | precision | recall | false per 1000 | "
        + " | ".join(KINDS)
        + " |"
    )
    print("|---" * (4 + len(KINDS)) + "|")
    scores = {name: Score() for name in (*RULES, "CBCR, warning", "CBCR, critical")}
    for fleet in fleets:
        told = product(fleet)
        for one, verdicts in zip(fleet, told, strict=True):
            sizes = [size for size, _ in one]
            for name, rule in RULES.items():
                scores[name].add(one, rule(sizes))
            scores["CBCR, warning"].add(one, [bool(kind) for kind, _ in verdicts])
            worst = [kind == "empty" or (bool(kind) and z >= 7) for kind, z in verdicts]
            scores["CBCR, critical"].add(one, worst)
    for name, score in scores.items():
        print(score.row(name))
    planted = pl.Series([kind for fleet in fleets for one in fleet for _, kind in one if kind])
    counts = ", ".join(f"{count} {kind}s" for kind, count in planted.value_counts(sort=True).rows())
    print(f"\nPlanted in {len(fleets) * SERIES} series of {DAYS} days: {counts}.")


if __name__ == "__main__":
    main()
