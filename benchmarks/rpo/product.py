"""What CBCR itself does on a fleet: build its models, load an hour, build again, publish.

Belongs here: calling the product's own steps and reading dbt's account of each model.
Does not belong here: the live view and one instance's history (see `engines/on_cbcr`).
"""

import json
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import duckdb
import psutil

from benchmarks.rpo.engines.timing import peak_of
from benchmarks.rpo.hour import Batch, load
from benchmarks.rpo.shape import Place
from cbcr_assets.config import load_config
from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import DBT_PROJECT, Platform

# Names of models, for the sums; whatever exists of them is counted.
POINT_MODELS = ("int_backup_chains", "int_archive_*", "int_recovery_*", "fct_recovery_points")
"""Which recovery points there are, and until when: the other engines get this for free."""
INTERVAL_MODELS = ("int_rpo_*", "fct_rpo_violations")
"""Violation intervals, with expiry, onboarding, maintenance and causes."""
DAILY_MODELS = ("fct_rpo_compliance_*",)
"""Compliance by day."""

_DATA_TESTS = ("--exclude-resource-type", "unit_test")
KEPT_SNAPSHOTS = 2
"""So many are there before a publish is measured: an old one is made the new one."""

_CONFIG = """\
sources:
  source0:
    tool: cbcr
    feeds: [{{drop: inbox}}]
warehouse:
  path: {warehouse}
  serving: {serving}
  keep_snapshots: {keep}
"""


@dataclass(frozen=True)
class Build:
    """One dbt build.

    Attributes:
        wall_s: From the call to its end, dbt's own start included.
        cpu_s: Processor time of the child.
        peak_mib: Largest memory of the child, MiB.
        models: Seconds by model (dbt's execution_time: its own work on the model included).
        sql: Seconds in which the database worked on the statements of a model, by model.
        tests_s: Seconds of all data tests together (execution_time).
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    models: dict[str, float]
    sql: dict[str, float]
    tests_s: float

    @property
    def models_s(self) -> float:
        """Seconds of all models together."""
        return sum(self.models.values())

    @property
    def sql_s(self) -> float:
        """SQL seconds of all models together."""
        return sum(self.sql.values())

    def seconds_of(self, patterns: Sequence[str]) -> float:
        """SQL seconds of the models with such names."""
        return sum(
            seconds
            for name, seconds in self.sql.items()
            if any(fnmatch(name, pattern) for pattern in patterns)
        )


def platform_on(place: Place) -> Platform:
    """Return a platform whose warehouse is the generated one."""
    file = place.folder / "cbcr.yaml"
    file.write_text(
        _CONFIG.format(warehouse=place.warehouse, serving=place.serving, keep=KEPT_SNAPSHOTS)
    )
    return Platform(load_config(file, environ=os.environ), os.environ)


def build(platform: Platform, *, memory: str, full_refresh: bool, tests: bool = True) -> Build:
    """Build all models, then run their tests, as the product does, within so much memory.

    Raises:
        RuntimeError: dbt failed; the message is its output.
    """
    options = ["--profiles-dir", _profiles(platform, memory)]
    options += ["--log-format-file", "json", "--log-level-file", "debug"]
    log = Path(analytics.dbt_environment(platform)["DBT_LOG_PATH"]) / "dbt.log"
    log.unlink(missing_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    with _peak_of_children() as peak:
        models = _ran(platform, "run", *(["--full-refresh"] if full_refresh else []), *options)
        tested = _ran(platform, "test", *_DATA_TESTS, *options) if tests else {}
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Build(wall, cpu, max(peak), models, _statements(log), sum(tested.values()))


def _ran(platform: Platform, *arguments: str) -> dict[str, float]:
    """Run a command of dbt; return seconds by what it ran."""
    report = analytics.dbt(platform, arguments)
    if not report.ok:
        raise RuntimeError(report.output)
    results = json.loads((platform.dbt_target / "run_results.json").read_text())["results"]
    return {node["unique_id"].split(".")[2]: node["execution_time"] for node in results}


@contextmanager
def _peak_of_children() -> Iterator[list[float]]:
    """Look again and again; each process itself keeps its maximum, so the last look counts."""
    peak, done = [0.0], threading.Event()

    def look() -> None:
        while not done.wait(0.1):
            peak.append(
                max((peak_of(child.pid) for child in psutil.Process().children()), default=0)
            )

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _statements(log: Path) -> dict[str, float]:
    """Seconds of the statements of each model, as dbt logged them."""
    found: dict[str, float] = {}
    for line in log.read_text().splitlines():
        event = json.loads(line) if '"SQLQueryStatus"' in line else {}
        node = event.get("data", {}).get("node_info", {}).get("unique_id", "")
        if node.startswith("model."):
            name = node.split(".")[2]
            found[name] = found.get(name, 0.0) + event["data"]["elapsed"]
    if not found:
        raise RuntimeError(f"dbt logged no statement of a model in {log}")
    return found


def _profiles(platform: Platform, memory: str) -> str:
    """The product's profile, with a limit of memory."""
    folder = platform.home / "profiles"
    folder.mkdir(parents=True, exist_ok=True)
    profile = (DBT_PROJECT / "profiles.yml").read_text()
    limited = profile.replace("TimeZone: UTC", f"TimeZone: UTC, memory_limit: {memory}")
    if limited == profile:
        raise RuntimeError("the profile has no place for a memory limit any more")
    (folder / "profiles.yml").write_text(limited)
    return str(folder)


def load_hour(platform: Platform, batch: Batch) -> float:
    """Load an hour's batch; return seconds."""
    return _timed(lambda: load(batch, platform.warehouse))


def publish(platform: Platform, now: datetime) -> float:
    """Publish the warehouse; return seconds."""
    return _timed(lambda: analytics.publish(platform, now=now))


def sizes(place: Place) -> dict[str, Any]:
    """Count rows and intervals that CBCR holds, and the file's size."""
    with duckdb.connect(str(place.warehouse), read_only=True) as con:
        counts = {
            name: _one(con, f"select count(*) from {name}")
            for name in (
                "raw.instances", "raw.backup_jobs", "raw.backup_sets", "marts.fct_rpo_violations"
            )
        }  # fmt: skip
    return {**counts, "file_mib": place.warehouse.stat().st_size / 2**20}


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
