"""Where the dashboards read: the newest published snapshot, cached by its version.

Belongs here: which snapshot, its connection, running a query. Does not belong here: any query.

A snapshot is immutable and its version is part of every cache key, so a page never mixes versions
and never meets the writer's lock. Live views compute *now* when they are read.
"""

import os
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import streamlit as st

from cbcr_assets.warehouse import (
    DuckSession,
    Snapshot,
    WarehouseMissing,
    connect,
    current,
    settle,
)

_LIVE_S = 5
_SLOW_S = 30
_last: ContextVar[tuple[str, dict[str, Any]]] = ContextVar("last query")


def serving() -> Path:
    """Return the folder of published snapshots: `CBCR_SERVING`, else `.cbcr/serving` here."""
    return Path(os.environ.get("CBCR_SERVING", ".cbcr/serving"))


def snapshot() -> Snapshot | None:
    """Return the newest published snapshot, or None."""
    try:
        return current(serving())
    except WarehouseMissing:
        return None


def history(at: Snapshot, sql: str, parameters: dict[str, Any] | None = None) -> pl.DataFrame:
    """Run a query whose answer is the same as long as the snapshot is: tables of the past."""
    _last.set((sql, parameters or {}))
    return _history(str(at.path), sql, parameters)


def last_query() -> tuple[str, dict[str, Any]]:
    """Return statement and parameters of the query that this run of a page made last."""
    return _last.get()


def live(at: Snapshot, sql: str, parameters: dict[str, Any] | None = None) -> pl.DataFrame:
    """Run a query whose answer depends on *now*; the answer is kept for five seconds."""
    _last.set((sql, parameters or {}))
    return _live(str(at.path), sql, parameters)


def slow(at: Snapshot, sql: str, parameters: dict[str, Any] | None = None) -> pl.DataFrame:
    """Run a query that depends on *now* and costs a second: the answer is kept for half a minute.

    Every rule at once is such a one: planning its two dozen views takes longer than any page.
    """
    _last.set((sql, parameters or {}))
    return _slow(str(at.path), sql, parameters)


class Reports(DuckSession):
    """The session that `cbcr_assets.reports` reads from: a snapshot, through the cache of *now*."""

    def __init__(self, at: Snapshot) -> None:
        """Read from one snapshot."""
        super().__init__(_connection(str(at.path)).cursor())
        self._at = at

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Run one query with `$name` parameters."""
        return live(self._at, sql, dict(parameters or {}))


@st.cache_resource(max_entries=2, show_spinner=False)
def _connection(path: str) -> duckdb.DuckDBPyConnection:
    return connect(Path(path))


def _run(path: str, sql: str, parameters: dict[str, Any] | None) -> pl.DataFrame:
    cursor = _connection(path).cursor()
    settle(cursor)
    return cursor.execute(sql, parameters or {}).pl()


@st.cache_data(max_entries=256, ttl=600, show_spinner=False)
def _history(path: str, sql: str, parameters: dict[str, Any] | None) -> pl.DataFrame:
    return _run(path, sql, parameters)


@st.cache_data(max_entries=64, ttl=_LIVE_S, show_spinner=False)
def _live(path: str, sql: str, parameters: dict[str, Any] | None) -> pl.DataFrame:
    return _run(path, sql, parameters)


@st.cache_data(max_entries=64, ttl=_SLOW_S, show_spinner=False)
def _slow(path: str, sql: str, parameters: dict[str, Any] | None) -> pl.DataFrame:
    return _run(path, sql, parameters)
