"""The same rows in other engines, each query in a process of its own, and that all agree.

Belongs here: exporting, spawning, comparing. Does not belong here: queries (see `engines`).

The others get for free what CBCR has worked out itself: each attempt carries its recovery point and
until when that could be used (chains, expiry and corruption resolved), and instances that are not
protected now are left out.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.rpo.shape import Place, micros

ENGINES = Path(__file__).parent / "engines"
QUERIES: dict[str, tuple[str, ...]] = {
    "cbcr": ("rpo_now", "opened", "history"),
    "duckdb": ("rpo_now", "violations", "sort", "history"),
    "polars": ("rpo_now", "violations", "history"),
    "chdb": ("rpo_now", "violations", "history"),
    "postgresql": ("rpo_now", "lateral", "violations", "history"),
}
# What each engine leaves in the folder: removed once it was asked, for 100m fills a disk.
_OWN = {"duckdb": "plain.duckdb", "chdb": "chdb", "postgresql": "postgresql"}
# Queries that ask the same question under different names.
_SAME = {"opened": "rpo_now", "lateral": "rpo_now"}


class Disagreement(Exception):
    """Two engines gave different answers to one question."""


@dataclass(frozen=True)
class Asked:
    """What all engines are asked about.

    Attributes:
        place: Where the rows are.
        now_us: The present, microseconds since 1970.
        instance: Number of the instance whose history is read.
    """

    place: Place
    now_us: int
    instance: int


def export(place: Place) -> Asked:
    """Write what every engine gets as Parquet: jobs in order of arrival, and instances."""
    with duckdb.connect(str(place.warehouse), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"copy ({_JOBS}) to '{place.folder / 'jobs.parquet'}'")
        con.execute(f"copy ({_INSTANCES}) to '{place.folder / 'instances.parquet'}'")
        row = con.execute(f"select cbcr_now(), ({_TYPICAL})").fetchone()
        assert row is not None
    return Asked(place, micros(row[0]), int(row[1]))


_JOBS = """
select substr(jobs.instance_id, 3)::integer as instance, jobs.backup_type, jobs.state,
  jobs.started_at, jobs.finished_at,
  case when points.usable_until is null or points.usable_until > points.usable_from
    then points.recovery_point_at end as recovery_point_at,
  points.usable_until
from raw.backup_jobs as jobs
left join marts.fct_recovery_points as points
  on jobs.source_id = points.source_id and jobs.backup_label = points.label
order by jobs.ingest_seq, jobs.attempt_key"""
_INSTANCES = """
select substr(instance_id, 3)::integer as instance, (rpo_s * 1000000)::bigint as rpo_us
from raw.instances
where protect_from <= cbcr_now() and coalesce(retired_at > cbcr_now(), true)
order by instance"""
# Three backups a day since the beginning: about the mean.
_TYPICAL = """
select substr(arg_min(instance_id, protect_from), 3)::integer from raw.instances
where grace_s = 3600 and retired_at is null"""


def run(asked: Asked, engine: str, chdb: Path | None) -> dict[str, dict[str, Any]]:
    """Ask one engine everything.

    Args:
        asked: About what.
        engine: Which one.
        chdb: Environment that has chDB.

    Returns:
        What each query cost and found; empty where the engine is not to be had.
    """
    python = str(chdb / "bin" / "python") if engine == "chdb" and chdb else sys.executable
    if engine == "chdb" and not has_module(python, "chdb"):
        print("chDB is skipped: make an environment with `uv venv DIR` and")
        print("`uv pip install --python DIR/bin/python chdb`, and give it as --chdb DIR")
        return {}
    prepared = {} if engine == "cbcr" else {"prepare": _ask(python, engine, "prepare", asked)}
    found = prepared | {query: _ask(python, engine, query, asked) for query in QUERIES[engine]}
    if engine in _OWN:
        _remove(asked.place.folder / _OWN[engine])
    return found


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def has_module(python: str, name: str) -> bool:
    """Say whether an interpreter can import a module."""
    return subprocess.run([python, "-c", f"import {name}"], capture_output=True).returncode == 0


def _ask(python: str, engine: str, query: str, asked: Asked) -> dict[str, Any]:
    script = ENGINES / f"on_{engine}.py"
    words = [python, script, asked.place.folder, query, asked.now_us, asked.instance]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{engine} {query}: {done.stderr[-4000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(found: dict[str, dict[str, dict[str, Any]]]) -> dict[str, list[int]]:
    """Check that all engines found the same, and return it by query.

    Raises:
        Disagreement: They did not.
    """
    agreed: dict[str, list[int]] = {}
    first: dict[str, str] = {}
    for engine, queries in found.items():
        for query, result in queries.items():
            figures, asked = result.get("figures"), _SAME.get(query, query)
            if not figures:
                continue
            if agreed.setdefault(asked, figures) != figures:
                raise Disagreement(
                    f"{query}: {first[asked]} found {agreed[asked]}, {engine} {figures}"
                )
            first.setdefault(asked, engine)
    return agreed
