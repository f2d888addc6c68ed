"""The raw tables: one definition each, from which DDL, Polars schemas and the merge rules follow.

Belongs here: column names, kinds, units, keys and how two observations of one row are merged.
Does not belong here: SQL that runs, files, connections (see `cbcr_assets.warehouse`).

Every timestamp is naive UTC with microseconds, bytes are BIGINT, durations DOUBLE seconds, ids
text. Each table also carries `ingest_seq BIGINT`, the watermark of incremental models, which the
load assigns.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import polars as pl

_EXCLUSION: dict[str, Any] = {
    "start": pl.Datetime("us"),
    "stop": pl.Datetime("us"),
    "reason": pl.String,
}

_KINDS: dict[str, tuple[str, Any]] = {
    "text": ("varchar", pl.String),
    "timestamp": ("timestamp", pl.Datetime("us")),
    "bigint": ("bigint", pl.Int64),
    "integer": ("integer", pl.Int32),
    "double": ("double", pl.Float64),
    "boolean": ("boolean", pl.Boolean),
    "exclusions": (
        'struct("start" timestamp, "stop" timestamp, reason varchar)[]',
        pl.List(pl.Struct(_EXCLUSION)),
    ),
}


class Merge(StrEnum):
    """How the value of a column follows from several observations of one row."""

    FILL = "fill"  # the value of the observation that knows best, nulls never overwrite
    REPLACE = "replace"  # the newest observation wins, nulls included
    LEAST = "least"
    GREATEST = "greatest"
    WORST = "worst"  # integrity: what was once found corrupt stays so


@dataclass(frozen=True)
class Column:
    """One column of a raw table.

    Attributes:
        name: Column name; `_at` is naive UTC, `_s` seconds, `_bytes` bytes.
        kind: One of text, timestamp, bigint, integer, double, boolean, exclusions.
        meaning: What the value says, for the data dictionary.
        merge: How two observations of the same row are combined.
    """

    name: str
    kind: str
    meaning: str
    merge: Merge = Merge.FILL

    @property
    def sql_type(self) -> str:
        """The DuckDB type."""
        return _KINDS[self.kind][0]

    @property
    def polars_type(self) -> Any:
        """The Polars type."""
        return _KINDS[self.kind][1]


@dataclass(frozen=True)
class RawTable:
    """One raw table: key, columns and what decides between two observations of one row.

    Attributes:
        name: Table name inside schema `raw`.
        key: Key columns, all of them not null.
        columns: All columns without `ingest_seq`, key first.
        meaning: What one row is.
        merged: False for append-only evidence (first writer wins), True where later observations
            improve a row.
        precedence: SQL expression over the columns, larger knows better; ties go to the newcomer.
        unwatched: Columns whose change alone is no news for incremental models.
        remembered: Columns kept, with key and ingest sequence, of each row that a later one
            replaces, so that incremental models find what they said of it.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    meaning: str
    merged: bool = False
    precedence: str = "0"
    unwatched: frozenset[str] = frozenset()
    remembered: tuple[str, ...] = ()

    @property
    def polars_schema(self) -> dict[str, Any]:
        """Column name to Polars type."""
        return {column.name: column.polars_type for column in self.columns}

    @property
    def ddl(self) -> str:
        """The `create table` statement."""
        lines = [
            f'    "{c.name}" {c.sql_type}{" not null" if c.name in self.key else ""}'
            for c in self.columns
        ]
        body = ",\n".join([*lines, "    ingest_seq bigint not null"])
        return f"create table if not exists raw.{self.name} (\n{body}\n)"

    @property
    def replaced_ddl(self) -> str:
        """The `create table` statement of what is remembered of replaced rows."""
        kinds = {c.name: c.sql_type for c in self.columns}
        names = ", ".join(f'"{name}" {kinds[name]}' for name in (*self.key, *self.remembered))
        return (
            f"create table if not exists state.replaced_{self.name}"
            f" ({names}, replaced_seq bigint not null, ingest_seq bigint not null)"
        )

    @property
    def replaced_growth(self) -> tuple[str, ...]:
        """Statements that bring an older table of replaced rows to what is remembered today."""
        if not self.remembered:
            return ()
        kinds = {c.name: c.sql_type for c in self.columns}
        grown = (
            f'alter table state.replaced_{self.name} add column if not exists "{n}" {kinds[n]}'
            for n in self.remembered
        )
        return (self.replaced_ddl, *grown)


def columns(spec: str, merge: dict[str, Merge] | None = None) -> tuple[Column, ...]:
    """Read `name kind meaning` lines; a table is easier to check as a table."""
    rules = merge or {}
    rows = (line.split(None, 2) for line in spec.strip().splitlines())
    return tuple(Column(n, k, m, rules.get(n, Merge.FILL)) for n, k, m in rows)
