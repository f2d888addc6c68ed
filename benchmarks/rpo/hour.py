"""The hour after the end of a fleet's history, as the frames that pulls would load.

Belongs here: the batch, and loading it the way a pull does. Does not belong here: facts (see
`history`), or timing.

The batch holds what ended or began to run, what expired or was found corrupt, and what arrives days
to a year late. To compare warehouses of different size it can be thinned to the same rows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import polars as pl

from benchmarks.rpo.generate import prepare, set_clock
from benchmarks.rpo.shape import Place, Shape, micros
from benchmarks.rpo.stretch import Stretch
from cbcr_assets.records import raw_table
from cbcr_assets.warehouse import FileWarehouse

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Batch:
    """What one hour brought.

    Attributes:
        frames: Rows by raw table, in the schema that `Session.load` takes.
        ends: The moment at which it is complete, naive UTC.
    """

    frames: dict[str, pl.DataFrame]
    ends: datetime

    @property
    def rows(self) -> dict[str, int]:
        """Rows by raw table."""
        return {name: frame.height for name, frame in self.frames.items()}


def next_hour(shape: Shape, place: Place, *, after: int = 0, instances: int | None = None) -> Batch:
    """Make an hour that follows the history.

    Args:
        shape: The fleet whose history was generated.
        place: Where it was generated.
        after: Hours between the end of the history and the begin of this one.
        instances: Take only what concerns the first so many instances, and none of the busiest
            class, whose chains of hundreds of sets make hours uneven; None takes all.
    """
    ends = shape.end + (after + 1) * HOUR
    stretch = Stretch(shape, micros(ends - HOUR), micros(ends), micros(ends))
    few = f" where n < {instances} and every_s > 900" if instances else ""
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        prepare(con, shape, place)
        con.execute(f"create temp table few as from known.fleet{few}")
        frames = {
            "backup_jobs": _frame(con, "backup_jobs", stretch.jobs(), stretch.late_jobs()),
            "backup_sets": _frame(
                con, "backup_sets", stretch.sets(), stretch.gone_sets(), stretch.late_sets()
            ),
            "pulls": _pulls(shape, ends),
        }
    return Batch(frames, ends)


def load(batch: Batch, warehouse: FileWarehouse) -> None:
    """Load a batch in one transaction and move the present of the warehouse to its end."""
    with warehouse.write() as session:
        for table, frame in batch.frames.items():
            session.load(table, frame)
    with duckdb.connect(str(warehouse.path)) as con:
        set_clock(con, batch.ends.isoformat(sep=" "))


def _frame(con: duckdb.DuckDBPyConnection, table: str, *rows: str) -> pl.DataFrame:
    schema = raw_table(table).polars_schema
    together = " union all by name ".join(f"({one})" for one in rows)
    wanted = f"from ({together}) where instance_id in (select instance_id from few)"
    found = con.execute(wanted).pl()
    missing = [
        pl.lit(None, dtype=kind).alias(name)
        for name, kind in schema.items()
        if name not in found.columns
    ]
    return found.with_columns(missing).select(pl.col(n).cast(k) for n, k in schema.items())


def _pulls(shape: Shape, ends: datetime) -> pl.DataFrame:
    schema = raw_table("pulls").polars_schema
    rows = [
        {
            "pull_id": f"{ends.isoformat()}-{source}-{tick}",
            "source_id": f"source{source}",
            "kind": "catalog",
            "started_at": ends - timedelta(minutes=5 * tick, seconds=2),
            "finished_at": ends - timedelta(minutes=5 * tick, seconds=1),
            "ok": True,
            "complete": True,
            "row_count": 10,
        }
        for source in range(shape.sources)
        for tick in range(12)
    ]
    return pl.DataFrame(rows, schema=schema)
