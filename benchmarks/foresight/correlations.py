"""What moves together, on fleets where the truth is known: false findings, power, speed.

    python -m benchmarks.analytics correlations

Belongs here: making fleets, running the product's SQL on them, the table. Nothing here is a test.
A fleet has components with metrics that follow the week, the hour, and a memory from day to day,
and instances whose backups follow the week, their size, and a disturbance that all of a component
share. In a null fleet nothing else moves the backups; else one metric a component does, an hour
ahead.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import numpy as np
import polars as pl

from benchmarks.foresight.compiled import compiled, connect

MODEL = "fct_performance_correlations"
NOW = datetime.fromisoformat("2026-06-15T12:00:00")
PLANTED = "m00"
FLEETS = 200
"""Of each null scene; a quarter of it with an effect."""


@dataclass(frozen=True)
class Shape:
    """A kind of fleet.

    Attributes:
        effect: Change of ln(duration) for one standard deviation of the planted metric.
        weekly: How strongly all follow the week.
        memory: Correlation of a metric with itself a day before.
        sized: Whether backups tell how much they moved.
    """

    instances: int = 60
    components: int = 5
    metrics: int = 20
    days: int = 60
    effect: float = 0.0
    weekly: float = 0.3
    memory: float = 0.7
    sized: bool = True


@dataclass(frozen=True)
class Found:
    """What was found in one fleet: planted pairs, of how many, and others."""

    planted: int
    of: int
    false: int
    seconds: float


def fleet(con: duckdb.DuckDBPyConnection, shape: Shape, seed: int) -> None:
    """Fill the relations that the model reads."""
    chance = np.random.default_rng(seed)
    metrics = _metrics(chance, shape)
    runs, hours = _runs(chance, shape, metrics)
    used = np.unique(np.concatenate([hours - lag for lag in range(3)]))
    component, metric, hour = np.meshgrid(
        np.arange(shape.components), np.arange(shape.metrics), used, indexing="ij"
    )
    measured = pl.DataFrame({
        "component": component.ravel(), "metric": metric.ravel(),
        "hour_no": hour.ravel(),
        "x": metrics[component.ravel(), metric.ravel(), hour.ravel()],
    })  # fmt: skip
    con.register("runs", runs)
    con.register("measured", measured)
    con.execute("""
        create or replace table marts.dim_instances as
        select distinct instance as instance_id, null as storage_volume, component as network_link
        from runs
    """)
    con.execute("""
        create or replace table intermediate.int_performance_runs as
        select instance as instance_id, '' as kind_of_run, 'backup_duration' as outcome, y, size,
            $start::timestamp + to_hours(hour_no) as hour, hour::date as day
        from runs
    """, {"start": _start(shape)})  # fmt: skip
    con.execute("""
        create or replace table intermediate.int_component_metrics as
        select 'network' as kind, component::varchar as component,
            printf('m%02d', metric) as metric, $start::timestamp + to_hours(hour_no) as hour, x
        from measured
    """, {"start": _start(shape)})  # fmt: skip


def _start(shape: Shape) -> datetime:
    return NOW.replace(hour=0) - timedelta(days=shape.days)


def _memory(chance: np.random.Generator, shape: tuple[int, ...], memory: float) -> np.ndarray:
    noise = chance.normal(size=shape)
    for day in range(1, shape[-1]):
        noise[..., day] = memory * noise[..., day - 1] + np.sqrt(1 - memory**2) * noise[..., day]
    return noise


def _metrics(chance: np.random.Generator, shape: Shape) -> np.ndarray:
    """Metrics by component, metric and hour; the first day is there for lags only."""
    who, days = (shape.components, shape.metrics), shape.days + 1
    day = _memory(chance, (*who, days), shape.memory)
    week = np.tile(chance.normal(0, 3 * shape.weekly, (*who, 7)), days // 7 + 1)[..., :days]
    hour = np.tile(chance.normal(size=(*who, 24)), days)
    return np.repeat(day + week, 24, axis=-1) + hour + chance.normal(0, 0.3, hour.shape)


def _runs(
    chance: np.random.Generator, shape: Shape, metrics: np.ndarray
) -> tuple[pl.DataFrame, np.ndarray]:
    who, days = shape.instances, shape.days
    component = np.arange(who) % shape.components
    size = chance.normal(0, 0.1, (who, days)) + chance.normal(0, 0.015, (who, days)).cumsum(axis=1)
    week = np.tile(chance.normal(0, shape.weekly, 7), days // 7 + 1)[:days]
    shared = 0.1 * _memory(chance, (shape.components, days), 0.7)[component]
    hour = chance.integers(3, 24, who)[:, None] + 24 * np.arange(days)
    y = 8 + 0.9 * size + week + shared + chance.normal(0, 0.25, (who, days))
    y += shape.effect * metrics[component[:, None], 0, hour - 1]
    frame = pl.DataFrame({
        "instance": np.repeat([f"db{i}" for i in range(who)], days),
        "component": np.repeat(component, days).astype(str),
        "y": y.ravel(), "hour_no": hour.ravel(),
        "size": size.ravel() if shape.sized else np.full(y.size, None, dtype=object),
    }, schema_overrides={"size": pl.Float64})  # fmt: skip
    return frame, hour.ravel()


def found(con: duckdb.DuckDBPyConnection, sql: str, shape: Shape) -> Found:
    """Run the model's statement on the fleet that is there."""
    begun = time.perf_counter()
    findings = con.execute(
        f"select component, metric from ({sql}) where is_finding"
    ).fetchall()  # fmt: skip
    took = time.perf_counter() - begun
    planted = sum(metric == PLANTED for _, metric in findings) if shape.effect else 0
    return Found(planted, shape.components, len(findings) - planted, took)


def many(sql: str, shape: Shape, fleets: int, *, seed: int = 1000) -> list[Found]:
    """Run the statement on several fleets of one shape."""
    con = connect(NOW.isoformat(sep=" "))
    results = []
    for number in range(fleets):
        fleet(con, shape, seed + number)
        results.append(found(con, sql, shape))
    con.close()
    return results


SCENES = {
    "null": Shape(),
    "null, metrics that drift": Shape(memory=0.98),
    "null, no weekly rhythm": Shape(weekly=0),
    "null, sizes unknown": Shape(sized=False),
    "effect 10 %": Shape(effect=0.1),
    "effect 20 %": Shape(effect=0.2),
    "effect 20 %, metrics that drift": Shape(effect=0.2, memory=0.98),
    "effect 20 %, 30 days": Shape(effect=0.2, days=30),
}
LARGE = Shape(instances=1000, components=20, metrics=20, days=90, effect=0.2)


def line(sql: str, name: str, shape: Shape, fleets: int) -> str:
    """Measure one kind of fleet; return its line of the table."""
    results = many(sql, shape, fleets)
    wrong = sum(one.false > 0 for one in results) / fleets
    false = sum(one.false for one in results) / fleets
    power = sum(one.planted for one in results) / sum(one.of for one in results)
    told = f"{power:.2f}" if shape.effect else ""
    return f"| {name} | {fleets} | {wrong:.1%} | {false:.3f} | {told} |"


def main() -> None:
    """Measure and print."""
    sql = compiled(MODEL)
    print("\n### What moves together\n")
    print("| 60 instances, 5 links, 20 metrics, 3 lags, 60 days | fleets | with a false finding"
          " | false findings a fleet | planted ones found |\n|---|---|---|---|---|")  # fmt: skip
    for name, shape in SCENES.items():
        number = FLEETS // 4 if shape.effect else FLEETS
        print(line(sql, name, shape, number), flush=True)
    [large] = many(sql, LARGE, 1)
    print(f"\n1,000 instances × 90 runs × 20 metrics × 3 lags: {large.seconds:.2f} s")


if __name__ == "__main__":
    main()
