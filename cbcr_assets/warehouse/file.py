"""The file backend: one native DuckDB file for the one writer, published snapshots for readers.

Belongs here: transactions and loading on that file.
Does not belong here: who may open it when (see `turn`), what a snapshot is (see `publish`), or SQL
text of merges (see `merge`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from cbcr_assets.records import RawTable, raw_table
from cbcr_assets.warehouse import merge, publish
from cbcr_assets.warehouse.base import (
    LoadResult,
    Snapshot,
    WarehouseError,
)
from cbcr_assets.warehouse.migrations import migrate
from cbcr_assets.warehouse.settings import settle
from cbcr_assets.warehouse.turn import open_live, turn

_FEW = 100  # rows that are counted faster one by one
_MOST_ROWS = 500_000
"""Rows that are merged at a time: so much is held in memory twice."""
_MOST_PLACES = 10_000
"""Up to so many rows are fetched by their ids without reading the blocks between them."""


def _alone(frame: pl.DataFrame, key: Sequence[str]) -> tuple[pl.Expr | pl.Series, int]:
    """Say of each row whether no other one has its key (mostly that holds), and count the keys."""
    keys = frame.select(key)
    few = frame.height <= _FEW
    different = len(set(keys.iter_rows())) if few else keys.n_unique()
    alone = pl.lit(value=True) if different == frame.height else keys.is_unique()
    return alone, different


class DuckSession:
    """A transaction on one DuckDB connection (see `base.Session`)."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        """Wrap an open connection; whoever opened it commits and closes."""
        self._con = con

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run one statement with `$name` parameters."""
        self._run(sql, parameters)

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Run one query with `$name` parameters."""
        return self._run(sql, parameters).pl()

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one query and return plain tuples: cheaper than a frame for a few rows."""
        return self._run(sql, parameters).fetchall()

    def next_seq(self) -> int:
        """Return a fresh ingest sequence."""
        return int(self.rows("select nextval('state.ingest_seq')")[0][0])

    def load(self, table: str, frame: pl.DataFrame) -> LoadResult:
        """Merge `frame` into raw table `table`; loading it twice changes nothing.

        Raises:
            WarehouseError: The frame has not exactly the table's columns and types.
        """
        definition = raw_table(table)
        if dict(frame.schema) != definition.polars_schema:
            raise WarehouseError(f"raw.{table}: the frame's schema is {frame.schema}")
        if frame.is_empty():
            return LoadResult(table, 0, 0, 0)
        parts = [self._load(definition, part) for part in frame.iter_slices(_MOST_ROWS)]
        inserted, updated = (sum(counts) for counts in zip(*parts, strict=True))
        return LoadResult(table, frame.height, inserted, updated)

    def _load(self, definition: RawTable, frame: pl.DataFrame) -> tuple[int, int]:
        """Merge a part; return how many rows are new and how many improved."""
        seq, height = self.next_seq(), frame.height
        alone, keys = _alone(frame, definition.key)
        batch = frame.with_columns(alone_=alone).with_row_index("row_")
        self._con.register("batch_", batch.to_arrow())
        try:
            stored = self._find_stored(definition)
            fresh = 0
            if stored < keys:
                fresh = self._insert(definition, seq, known=stored > 0, several=keys < height)
            improved = 0
            if stored and definition.merged:
                improved = self._improve(definition, seq, most=height - fresh)
        finally:
            self._con.unregister("batch_")
        return fresh, improved

    def _find_stored(self, definition: RawTable) -> int:
        """Fetch what is stored of the keys of `batch_`; return how many rows that are."""
        stored = self._count(merge.places_sql(definition))
        if stored:
            self._run(merge.stored_sql(definition))
        return stored

    def _insert(self, definition: RawTable, seq: int, *, known: bool, several: bool) -> int:
        """Insert what has a new key; return how many rows that are."""
        if not definition.merged:
            return self._count(merge.append_sql(definition, seq, known=known, several=several))
        fresh = self._count(merge.alone_sql(definition, seq, known=known))
        return fresh + (self._count(merge.several_sql(definition, seq, known=known))
                        if several else 0)  # fmt: skip

    def _improve(self, definition: RawTable, seq: int, *, most: int) -> int:
        """Merge `batch_` with what is stored; return how many rows say something new.

        At most `most` rows of it have a key that is stored.
        """
        if definition.unwatched:
            find, touch = merge.known_sql(definition)
            known = self._count(find)
            if known:
                self._run(touch)
            if known == most:
                return 0
        self._run(merge.merge_sql(definition))
        improved = self._count("select count(*) from merged_ where changed_")
        if definition.unwatched:
            self._run(merge.touch_sql(definition))
        if improved and definition.remembered:
            self._run(merge.remember_sql(definition, seq))
        if improved:
            for statement in merge.replace_sql(definition, seq):
                self._run(statement)
        return improved

    def _count(self, sql: str, parameters: Mapping[str, Any] | None = None) -> int:
        row = self._run(sql, parameters).fetchone()
        return int(row[0]) if row else 0

    def _run(
        self, sql: str, parameters: Mapping[str, Any] | None = None
    ) -> duckdb.DuckDBPyConnection:
        # DuckDB imports pandas at its first parameterised statement, so none is made without need.
        return self._con.execute(sql, dict(parameters)) if parameters else self._con.execute(sql)


@dataclass(frozen=True)
class FileWarehouse:
    """One DuckDB file, written by one process at a time.

    Attributes:
        path: The live file; nobody but a writer ever opens it.
        serving: Folder of published snapshots and the pointer `CURRENT`.
        keep: Snapshots kept after a publish.
        wait_s: How long to wait for somebody who is not of CBCR.
    """

    path: Path
    serving: Path
    keep: int = 3
    wait_s: float = 30.0
    _kept: list[ExitStack] = field(default_factory=list, init=False, repr=False, compare=False)

    def turn(self, who: str = "a writer") -> AbstractContextManager[None]:
        """Keep other processes of CBCR from the live file, for several writes in a row.

        Args:
            who: What is done, for those who wait and wonder.
        """
        return turn(self.path, who=who)

    def keep_open(self) -> None:
        """Keep the file open after a write, for the next one, until `let_go`.

        Nobody else can write meanwhile, so who waits for something lets go first.

        Raises:
            WarehouseLocked: Somebody else kept the warehouse too long.
            WarehouseError: It cannot be opened.
        """
        if self._kept:
            return
        with ExitStack() as stack:
            stack.enter_context(self.turn())
            stack.enter_context(closing(open_live(self.path, wait_s=self.wait_s)))
            self._kept.append(stack.pop_all())

    def let_go(self) -> None:
        """Close the file when it was kept open."""
        while self._kept:
            self._kept.pop().close()

    @contextmanager
    def write(self) -> Iterator[DuckSession]:
        """Open an exclusive transaction (see `base.Warehouse.write`)."""
        with self._connection() as con:
            con.execute("begin")
            try:
                yield DuckSession(con)
            except BaseException:
                _rollback(con)
                raise
            _commit(con)

    @contextmanager
    def live(self, *, as_of: datetime) -> Iterator[DuckSession]:
        """Open the live file without a transaction (see `base.Warehouse.live`)."""
        with self._connection() as con:
            con.execute(f"set variable cbcr_as_of = timestamp '{as_of.isoformat(sep=' ')}'")
            yield DuckSession(con)

    @contextmanager
    def read(self, *, as_of: datetime | None = None) -> Iterator[DuckSession]:
        """Open the newest snapshot read-only (see `base.Warehouse.read`)."""
        con = publish.connect(publish.current(self.serving).path, as_of=as_of)
        try:
            yield DuckSession(con)
        finally:
            con.close()

    def publish(self, *, now: datetime) -> Snapshot:
        """Publish the present state as a new immutable version."""
        with self._connection() as con:
            con.execute("checkpoint")
            return publish.publish(self.path, self.serving, keep=self.keep, now=now)

    def stage(self, *, now: datetime) -> Path:
        """Copy the present state to where it can be tested before anybody reads it."""
        with self._connection() as con:
            con.execute("checkpoint")
            return publish.stage(self.path, self.serving, keep=self.keep, now=now)

    def publish_tested(self) -> Snapshot | None:
        """Publish the staged copy that passed its tests; None where there is none."""
        with self.turn():
            return publish.publish_tested(self.path, self.serving, keep=self.keep)

    def compact(self) -> None:
        """Write the file anew: a native file never shrinks by itself."""
        fresh = self.path.with_suffix(".compact")
        fresh.unlink(missing_ok=True)
        with self._connection() as con:
            con.execute("checkpoint")
            try:
                con.execute(f"attach '{fresh}' as fresh_")
                con.execute(f'copy from database "{self.path.stem}" to fresh_')
                con.execute("detach fresh_")
                # Renamed while the old file is still locked: no writer can come in between.
                fresh.replace(self.path)
            except (duckdb.Error, OSError) as error:
                raise WarehouseError(
                    f"{self.path} could not be written anew, it stays as it was: {error}"
                ) from error
            finally:
                fresh.unlink(missing_ok=True)

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self.turn(), closing(open_live(self.path, wait_s=self.wait_s)) as con:
            try:
                settle(con)
                con.execute(f"set dynamic_or_filter_threshold = {_MOST_PLACES}")
                migrate(con)
                yield con
            except duckdb.IOException as error:
                raise WarehouseError(
                    f"the warehouse {self.path} cannot be read or written: {error}"
                ) from error


def _rollback(con: duckdb.DuckDBPyConnection) -> None:
    try:
        con.execute("rollback")
    except duckdb.Error:
        return  # the failed statement has ended the transaction already


def _commit(con: duckdb.DuckDBPyConnection) -> None:
    try:
        con.execute("commit")
    except duckdb.Error as error:
        raise WarehouseError(f"nothing was stored, the commit failed: {error}") from error
