"""One size from the first row to the last figure.

Belongs here: the order of steps, and what is kept of them (plain values, as JSON).
Does not belong here: how a step is done, or how figures are shown (see `table`).
"""

import json
import os
import platform
import time
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from benchmarks.rpo import product, rivals
from benchmarks.rpo.generate import generate
from benchmarks.rpo.hour import Batch, next_hour
from benchmarks.rpo.shape import SIZES, Place
from cbcr_assets.steps.platform import Platform

# The same batch for all sizes, to see whether its cost grows with history.
_FEW = 5_000


def measure(
    size: str, folder: Path, *, engines: Collection[str], chdb: Path | None, memory: str
) -> dict[str, Any]:
    """Measure one size.

    Args:
        size: Which of `SIZES`.
        folder: A folder of its own; the fleet is made anew in it.
        engines: Which engines to ask.
        chdb: Environment that has chDB.
        memory: Limit of DuckDB's memory in dbt, such as 6GB.

    Raises:
        RuntimeError: A build or an engine failed.
        rivals.Disagreement: Two engines gave different answers.
    """
    shape, place = SIZES[size], Place(folder)
    _say(size, "makes the fleet")
    begun = time.perf_counter()
    generate(shape, place)
    facts: dict[str, Any] = {"size": size, "days": shape.days, "memory": memory}
    facts["machine"] = _machine()
    facts["generated_s"] = time.perf_counter() - begun
    on = product.platform_on(place)
    _say(size, "builds all models")
    facts["full"] = _built(product.build(on, memory=memory, full_refresh=True))
    for _ in range(product.KEPT_SNAPSHOTS):
        product.publish(on, shape.end)
    _say(size, "an hour, all of it")
    facts["hour"] = _hour(on, next_hour(shape, place), memory)
    _say(size, "the hour after, of the same instances in every size")
    facts["same_hour"] = _hour(on, next_hour(shape, place, after=1, instances=_FEW), memory)
    facts["held"] = product.sizes(place)
    asked = rivals.export(place)
    facts["engines"] = {}
    for engine in engines:
        _say(size, f"asks {engine}")
        facts["engines"][engine] = rivals.run(asked, engine, chdb)
    facts["agreed"] = rivals.compare(facts["engines"])
    facts["machine"]["load"] = max(facts["machine"]["load"], os.getloadavg()[1])
    (folder / "result.json").write_text(json.dumps(facts, indent=1))
    return facts


def _hour(on: Platform, batch: Batch, memory: str) -> dict[str, Any]:
    loaded = product.load_hour(on, batch)
    built = _built(product.build(on, memory=memory, full_refresh=False))
    published = product.publish(on, batch.ends)
    return {"rows": batch.rows, "load_s": loaded, "publish_s": published, **built}


def _built(build: product.Build) -> dict[str, Any]:
    return {
        **asdict(build),
        "models_s": build.models_s,
        "sql_s": build.sql_s,
        "points_s": build.seconds_of(product.POINT_MODELS),
        "intervals_s": build.seconds_of(product.INTERVAL_MODELS),
        "daily_s": build.seconds_of(product.DAILY_MODELS),
    }


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "memory_gib": psutil.virtual_memory().total / 2**30,
        "system": platform.system(),
        "python": platform.python_version(),
        "load": os.getloadavg()[1],
    }


def _say(size: str, what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {size}: {what}", flush=True)
