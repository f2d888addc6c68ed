"""Parse and load a million records: records a second, beside DuckDB reading the same text itself.

Usage: python benchmarks/ingest.py [--records 1000000]

Prints a line a step, each with its ratio to the baseline `read_json`, which neither checks a value
nor keeps what is wrong. Belongs here: the measurement. Nothing here is a test.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.registry import connector
from cbcr_assets.warehouse import FileWarehouse

START = datetime.fromisoformat("2026-01-01")
PIECE = 50_000


def lines(count: int) -> list[str]:
    """Return finished backups of 500 instances, one JSON line each."""
    found = []
    for index in range(count):
        begun = START + timedelta(seconds=20 * index)
        ended = begun + timedelta(seconds=50)
        found.append(json.dumps({
            "event": "end", "run_id": f"r{index}", "instance": f"db{index % 500}",
            "kind": "backup", "type": "full", "started_at": f"{begun.isoformat()}Z",
            "finished_at": f"{ended.isoformat()}Z", "state": "succeeded", "rc": 0,
            "bytes": 12_345_678 + index,
        }))  # fmt: skip
    return found


def timed(work: Callable[[], object]) -> float:
    """Return how long something took, seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    count = parser.parse_args().records
    text = lines(count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "log.jsonl").write_text("\n".join(text) + "\n")
        raw = duckdb.connect()
        base = timed(lambda: raw.execute(
            f"create table t as from read_json('{folder / 'log.jsonl'}')"))  # fmt: skip
        frames: list[pl.DataFrame] = []
        parsing = timed(lambda: frames.extend(parse(text)))
        frame = pl.concat(frames)
        warehouse = FileWarehouse(folder / "cbcr.duckdb", folder / "serving")

        def load() -> None:
            with warehouse.write() as session:
                session.load("backup_jobs", frame)

        with warehouse.write():
            pass
        steps = {"read_json": base, "parse": parsing, "load": timed(load), "again": timed(load)}
    for step, took in steps.items():
        print(f"{step:10} {count / took:10,.0f} records/s, {took / base:5.1f} x read_json")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MiB")


def parse(text: list[str]) -> list[pl.DataFrame]:
    """Read the lines as a pull does, in pieces."""
    found = []
    for first in range(0, len(text), PIECE):
        payload = "\n".join(text[first : first + PIECE]) + "\n"
        envelope = Envelope(
            "s", "job_log", "f", payload, START, START + timedelta(days=999), stream="l"
        )
        parsed = connector("cbcr").parse(envelope)
        assert parsed.rejects == (), parsed.rejects[0]
        found.append(parsed.frames["backup_jobs"])
    return found


if __name__ == "__main__":
    main()
