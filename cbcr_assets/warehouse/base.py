"""The seam between CBCR and where its facts are kept.

Belongs here: what a backend promises (sessions, loads, publishing) and the errors it raises.
Does not belong here: how a backend keeps its promise (see `file`), or meaning of the facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import polars as pl


class WarehouseError(Exception):
    """The warehouse cannot do what was asked; the message says what to do."""


class WarehouseLocked(WarehouseError):
    """Another process holds the live warehouse longer than we were willing to wait."""


class WarehouseMissing(WarehouseError):
    """There is no warehouse, or nothing was published yet."""


@dataclass(frozen=True)
class LoadResult:
    """What one load changed.

    Attributes:
        table: Raw table.
        seen: Rows handed in.
        inserted: Rows with a new key.
        updated: Rows whose content improved.
    """

    table: str
    seen: int
    inserted: int
    updated: int

    @property
    def changed(self) -> int:
        """Rows that got a new ingest sequence."""
        return self.inserted + self.updated


@dataclass(frozen=True)
class Snapshot:
    """One published, immutable copy of the warehouse."""

    version: int
    path: Path
    published_at: datetime


class Session(Protocol):
    """One exclusive transaction on the live warehouse: all of it is kept, or nothing."""

    def load(self, table: str, frame: pl.DataFrame) -> LoadResult:
        """Merge a frame with the raw table's schema; loading it twice changes nothing."""
        ...

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run one statement with `$name` parameters."""
        ...

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Run one query with `$name` parameters."""
        ...

    def next_seq(self) -> int:
        """Return a fresh ingest sequence; larger than any handed out before."""
        ...


class Warehouse(Protocol):
    """A backend. Callers see only this."""

    def write(self) -> AbstractContextManager[Session]:
        """Open an exclusive transaction; commits at the end, rolls back on an exception.

        Raises:
            WarehouseLocked: Somebody else kept the warehouse too long.
            WarehouseError: It cannot be opened: not a warehouse, no space, no permission.
        """
        ...

    def live(self, *, as_of: datetime) -> AbstractContextManager[Session]:
        """Open the live warehouse exclusively at a moment, each statement on its own.

        One failing statement leaves the others alone: the way to evaluate rules.
        """
        ...

    def publish(self, *, now: datetime) -> Snapshot:
        """Make the present state readable for everybody, as a new version, atomically."""
        ...

    def read(self, *, as_of: datetime | None = None) -> AbstractContextManager[Session]:
        """Open the newest published snapshot read-only, optionally as seen at a moment.

        Raises:
            WarehouseMissing: Nothing was published yet.
        """
        ...
