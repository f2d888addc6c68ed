"""The ledger: which offered files are in the warehouse, and where each feed stands.

Belongs here: acknowledgements and feed state, in one SQLite file that many processes share.
Does not belong here: facts about backups (warehouse) or alerts (alert store).

Losing the ledger loses nothing: files are offered again and loading them again changes nothing.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cbcr_assets.connectors.transports.drop import OfferedFile

_SCHEMA = """
create table if not exists acknowledged (
    path text primary key, size integer not null, mtime_ns integer not null) without rowid;
create table if not exists feeds (
    feed text primary key, state text not null, ran_at text) without rowid;
pragma user_version = 1;
"""
_KNOWN = (
    "select path, size, mtime_ns from acknowledged where path in (select value from json_each(?))"
)
_RAN_AT = "select feed, ran_at from feeds where feed in (select value from json_each(?))"
_JITTER_S = 1.0

# SQLite lets contenders try again by chance: of many threads one could wait beyond its patience.
_one_at_a_time = threading.Lock()


class LedgerError(Exception):
    """The ledger cannot be read or written; the message says what to do."""


@dataclass(frozen=True)
class Ledger:
    """The ledger file; every call opens it for itself, so threads and processes may share it.

    Attributes:
        path: Where it is, usually CBCR_HOME/ledger.db; made when missing.
        busy_s: How long to wait for another process.
    """

    path: Path
    busy_s: float = 10.0

    def pending(self, files: Sequence[OfferedFile]) -> list[OfferedFile]:
        """Return the files that are not acknowledged in just this size and time, in order."""
        known: set[tuple[str, int, int]] = set()
        if not files:
            return []
        with self._open() as con:
            names = json.dumps([str(file.path) for file in files])
            known.update(con.execute(_KNOWN, (names,)))
        return [f for f in files if (str(f.path), f.size, f.mtime_ns) not in known]

    def acknowledge(self, files: Iterable[OfferedFile]) -> None:
        """Record that the content of these files is stored, as they were when offered."""
        rows = [(str(file.path), file.size, file.mtime_ns) for file in files]
        with self._open() as con:
            con.executemany("insert or replace into acknowledged values (?, ?, ?)", rows)

    def acknowledged(self, path: Path) -> bool:
        """Say whether this file was acknowledged, in whatever size."""
        with self._open() as con:
            row = con.execute("select 1 from acknowledged where path = ?", (str(path),)).fetchone()
        return row is not None

    def forget(self, missing: Iterable[Path]) -> None:
        """Drop the acknowledgement of files that are gone."""
        with self._open() as con:
            con.executemany(
                "delete from acknowledged where path = ?", [(str(path),) for path in missing]
            )

    def forget_missing(self, folder: Path) -> int:
        """Drop the acknowledgements of files below `folder` that exist no more.

        Returns:
            How many were dropped.
        """
        prefix = f"{folder}/"
        with self._open() as con:
            rows = con.execute(
                "select path from acknowledged where path >= ? and path < ?",
                (prefix, f"{folder}0"),  # "0" follows "/"
            ).fetchall()
        gone = [Path(path) for (path,) in rows if not Path(path).exists()]
        self.forget(gone)
        return len(gone)

    def state(self, feed: str) -> dict[str, Any]:
        """Return what was stored for a feed, empty if nothing."""
        with self._open() as con:
            row = con.execute("select state from feeds where feed = ?", (feed,)).fetchone()
        return dict(json.loads(row[0])) if row else {}

    def set_state(
        self, feed: str, state: Mapping[str, Any], *, ran_at: datetime | None = None
    ) -> None:
        """Store a feed's state (JSON); `ran_at` None keeps the time of its last run."""
        with self._open() as con:
            con.execute(
                "insert into feeds values (?, ?, ?) on conflict (feed) do update set"
                " state = excluded.state, ran_at = coalesce(excluded.ran_at, ran_at)",
                (feed, json.dumps(state), ran_at.isoformat() if ran_at else None),
            )

    def due(self, feed: str, *, now: datetime, every_s: float) -> bool:
        """Say whether a feed may run again.

        A second of jitter is forgiven, and a run in the future (the clock was set back) too.
        """
        return bool(self.due_of({feed: every_s}, now=now))

    def due_of(self, every_s: Mapping[str, float], *, now: datetime) -> frozenset[str]:
        """Return those of many feeds that may run again.

        Args:
            every_s: By feed, seconds between two runs.
            now: Present, naive UTC.
        """
        with self._open() as con:
            ran_at = dict(con.execute(_RAN_AT, (json.dumps(list(every_s)),)))
        return frozenset(
            feed for feed, seconds in every_s.items() if _is_due(ran_at.get(feed), now, seconds)
        )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with _one_at_a_time, self._transaction() as con:
            yield con

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            con = sqlite3.connect(self.path, timeout=self.busy_s, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise self._failure(error) from error
        try:
            _prepare(con, self.busy_s)
            con.execute("begin immediate")
            yield con
            con.execute("commit")
        except sqlite3.Error as error:
            raise self._failure(error) from error
        finally:
            con.close()

    def _failure(self, error: Exception) -> LedgerError:
        text = str(error)
        if "locked" in text or "busy" in text:
            hint = "another process holds it; try again, or look for a hanging `cbcr` process"
        elif "full" in text or "No space" in text:
            hint = "make room on its disk; nothing is lost, files are offered again"
        elif "not a database" in text or "malformed" in text:
            hint = "move it away; all files are offered again, which changes nothing"
        else:
            hint = "check that its folder exists and may be written"
        return LedgerError(f"the ledger {self.path} cannot be used: {text}; {hint}")


def _is_due(ran_at: str | None, now: datetime, every_s: float) -> bool:
    if ran_at is None:
        return True
    last = datetime.fromisoformat(ran_at)
    return now < last or now - last >= timedelta(seconds=every_s - min(_JITTER_S, every_s / 10))


def _prepare(con: sqlite3.Connection, busy_s: float) -> None:
    """Switch to WAL and make the tables. Two first openers collide without the busy handler."""
    deadline = time.monotonic() + busy_s
    while True:
        try:
            if con.execute("pragma journal_mode").fetchone()[0] != "wal":
                con.execute("pragma journal_mode = wal")
            if con.execute("pragma user_version").fetchone()[0] == 0:
                con.executescript(_SCHEMA)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
            time.sleep(0.02)
        else:
            return
