"""Write the history of a fleet straight into the raw tables of a CBCR warehouse.

Usage: python -m benchmarks.rpo.generate SIZE FOLDER    (SIZE: 1m, 10m, 100m)

Rows are written in the order in which they became news, with growing ingest sequence, as years of
pulls would have left them: what expired sits where its expiry was told. Memory is bounded by one
stretch of time. Belongs here: writing. Does not belong here: what is written (see `history`).
"""

import argparse
import time
from pathlib import Path

import duckdb

from benchmarks.rpo import fleet, history
from benchmarks.rpo.engines.timing import own_cpu, own_peak
from benchmarks.rpo.shape import SIZES, Place, Shape
from benchmarks.rpo.stretch import Stretch, cut
from cbcr_assets.warehouse import FileWarehouse

_ROWS = 500_000
_MEMORY = "4GB"


def generate(shape: Shape, place: Place) -> None:
    """Make a warehouse with the raw history of a fleet, and `cbcr_now()` fixed to its end.

    Args:
        shape: What to make.
        place: Where; files that are there already are replaced.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    for path in (place.warehouse, place.fleet):
        path.unlink(missing_ok=True)
        path.with_suffix(".duckdb.wal").unlink(missing_ok=True)
    with FileWarehouse(place.warehouse, place.serving).write():
        pass  # the product's own migrations make the tables
    _make_fleet(shape, place)
    with duckdb.connect(str(place.warehouse), config={"memory_limit": _MEMORY}) as con:
        con.execute("set TimeZone = 'UTC'")
        prepare(con, shape, place)
        fleet.describe(con, shape)
        for stretch in cut(shape, _ROWS):
            _write(con, stretch)
        _close(con, shape)


def prepare(con: duckdb.DuckDBPyConnection, shape: Shape, place: Place) -> None:
    """Make a connection ready for the statements of `history`: database `known`, macros."""
    con.execute(f"attach '{place.fleet}' as known")
    for statement in (fleet.draw_macro(shape), *history.macros()):
        con.execute(statement)


def set_clock(con: duckdb.DuckDBPyConnection, moment: str) -> None:
    """Fix the present of this warehouse, so that a build of it is no replay.

    Args:
        con: Connection to the warehouse.
        moment: Naive UTC, ISO 8601.
    """
    con.execute(
        "create or replace macro main.cbcr_now() as coalesce("
        f"try_cast(getvariable('cbcr_as_of') as timestamp), timestamp '{moment}')"
    )


def _make_fleet(shape: Shape, place: Place) -> None:
    with duckdb.connect(str(place.fleet)) as con:
        fleet.make_fleet(con, shape)
        con.execute(
            "create table late"
            " (n integer, k bigint, arrive_us bigint, gone_us bigint, corrupt_us bigint)"
        )


def _write(con: duckdb.DuckDBPyConnection, stretch: Stretch) -> None:
    con.execute(f"insert into known.late by name {stretch.new_late()}")
    for table, rows in (
        ("backup_jobs", (stretch.jobs(), stretch.late_jobs())),
        ("backup_sets", (stretch.sets(), stretch.gone_sets(), stretch.late_sets())),
    ):
        together = " union all by name ".join(f"({one})" for one in rows)
        con.execute(f"insert into raw.{table} by name from ({together}) order by ingest_seq")


def _close(con: duckdb.DuckDBPyConnection, shape: Shape) -> None:
    row = con.execute("select max(ingest_seq) from raw.backup_sets").fetchone()
    last = int(row[0]) if row else 0
    con.execute(f"create or replace sequence state.ingest_seq start with {last + 1_000}")
    set_clock(con, shape.end.isoformat(sep=" "))
    con.execute("checkpoint")


def main() -> None:
    """Generate and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    place = Place(given.folder)
    begun = time.perf_counter()
    generate(SIZES[given.size], place)
    took, cpu = time.perf_counter() - begun, own_cpu()
    with duckdb.connect(str(place.warehouse), read_only=True) as con:
        counted = con.execute(
            "select (select count(*) from raw.backup_jobs), (select count(*) from raw.backup_sets)"
        ).fetchone()
    attempts, sets = counted or (0, 0)
    print(
        f"{attempts:,} attempts, {sets:,} sets, {place.warehouse.stat().st_size / 2**20:,.0f} MiB,"
        f" {took:.0f} s, {cpu:.0f} CPU s: {took / attempts * 1e7:.0f} s and"
        f" {cpu / attempts * 1e7:.0f} CPU s for ten million attempts; peak {own_peak():,.0f} MiB"
    )


if __name__ == "__main__":
    main()
