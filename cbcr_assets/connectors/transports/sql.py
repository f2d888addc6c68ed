"""SQL: read CBCR's own catalog tables from SQLite or PostgreSQL (docs/formats.md has their DDL).

Belongs here: connecting read-only, paging by change id, the cursor, errors without secrets.
Does not belong here: what a row means (`cbcr_assets.connectors.cbcr`).

Change ids are given out before their transaction commits, so a smaller one may appear later: each
reading looks back `OVERLAP` ids and skips those it has sent.
"""

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from cbcr_assets.connectors.transports.answer import Answer, Piece
from cbcr_assets.connectors.transports.text import clean, redact

OVERLAP = 1_000
"""How many change ids each reading looks back for transactions that committed late."""

PAGE = 5_000
"""Rows of one envelope."""

MAX_PAGES = 20
"""Most pages at a time; the next reading goes on from there."""

COMPLETE_ROWS = 500_000
"""A larger catalog is never listed whole."""

_SHORT = 3
_LIST_EVERY = timedelta(days=1)

_CATALOG = (
    "change_id instance repo label type started_at finished_at recovery_point_at log_archived"
    " parent_label log_start log_stop source_bytes repo_bytes repo_delta_bytes integrity expires_at"
    " lifecycle unusable_from"
)
_EVENTS = (
    "change_id event kind run_id instance type tool repo worker purpose label scheduled_at"
    " requested_at target_at started_at finished_at state rc duration_s bytes source_bytes"
    " transferred_bytes error_code error_class error_text"
)


@dataclass(frozen=True)
class _Feed:
    table: sa.TableClause
    lists: bool


def _feed(name: str, columns: str, *, lists: bool) -> _Feed:
    return _Feed(sa.table(name, *(sa.column(column) for column in columns.split())), lists)


FEEDS: dict[str, _Feed] = {
    "catalog": _feed("cbcr_backup_catalog", _CATALOG, lists=True),
    "job_log": _feed("cbcr_job_events", _EVENTS, lists=False),
}


class _Unreadable(Exception):
    """The feed cannot be read; the message is safe to show."""


def read_table(
    url: str,
    *,
    kind: str,
    cursor: Mapping[str, Any],
    now: datetime,
    timeout_s: float,
    page: int = PAGE,
) -> Answer:
    """Read what changed in CBCR's table of a kind.

    The catalog is listed whole at first, when rows have gone, and once a day; then what is absent
    is gone. In between only changed rows are read.

    Args:
        url: SQLAlchemy URL, `sqlite:///…` or `postgresql://…`.
        kind: `catalog` or `job_log`.
        cursor: `Answer.cursor` of the last reading, empty at first.
        now: Present, naive UTC.
        timeout_s: For connecting, and for each statement.
        page: Rows of one envelope.
    """
    try:
        feed = FEEDS.get(kind)
        if feed is None:
            raise _Unreadable(f"SQL feeds have the kinds {', '.join(FEEDS)}, not {kind!r}")
        engine = _engine(url, timeout_s)
        try:
            with engine.connect() as connection:
                _read_only(connection, timeout_s)
                return _Reading(connection, feed, cursor, page).answer(now)
        finally:
            engine.dispose()
    except _Unreadable as error:
        return Answer(error=str(error), cursor=cursor)
    except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError, ValueError) as error:
        told = _explain(error, url, kind)
        return Answer(error=told, cursor=cursor, transient=_may_pass(error))


def read_query(url: str, query: str, *, timeout_s: float) -> tuple[list[str], list[list[object]]]:
    """Return the columns and rows of one query, in a read-only transaction.

    Args:
        url: SQLAlchemy URL, `sqlite:///…` or `postgresql://…`.
        query: One statement.
        timeout_s: For connecting, and for the statement.

    Raises:
        ValueError: It cannot be answered; the message is safe to show.
    """
    try:
        engine = _engine(url, timeout_s)
        try:
            with engine.connect() as connection:
                _read_only(connection, timeout_s)
                answer = connection.exec_driver_sql(query)
                return list(answer.keys()), [[*row] for row in answer]
        finally:
            engine.dispose()
    except _Unreadable as error:
        raise ValueError(str(error)) from None
    except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError, ValueError) as error:
        raise ValueError(_told(error, url)) from None


class _Reading:
    """One reading inside one read-only transaction."""

    def __init__(
        self, connection: sa.Connection, feed: _Feed, cursor: Mapping[str, Any], page: int
    ) -> None:
        self._connection = connection
        self._feed = feed
        self._page = page
        self._rows = int(cursor.get("rows", 0))
        self._high = int(cursor.get("high", 0))
        self._recent = {int(i) for i in cursor.get("recent", [])}
        self._instances = {str(name) for name in cursor.get("instances", [])}
        self._listed_at = str(cursor.get("listed_at", ""))

    def answer(self, now: datetime) -> Answer:
        """Read what is due."""
        table = self._feed.table
        summary = sa.select(sa.func.count(), sa.func.max(table.c.change_id)).select_from(table)
        count, top = (int(value or 0) for value in self._connection.execute(summary).one())
        if top < self._high:
            self._high, self._recent = 0, set()  # another database, or an older copy of it
        pieces = self._listing(count, now) if self._must_list(count, now) else self._changes(count)
        empty = '{"complete":false,"backups":[]}' if self._feed.lists else ""
        return Answer(news=tuple(pieces), heartbeat=Piece(empty), cursor=self._cursor(count))

    def _must_list(self, count: int, now: datetime) -> bool:
        if not self._feed.lists or count > COMPLETE_ROWS:
            return False
        if not self._listed_at or count < self._rows:
            return True
        return abs(now - datetime.fromisoformat(self._listed_at)) >= _LIST_EVERY

    def _listing(self, count: int, now: datetime) -> list[Piece]:
        """The whole catalog, with the names of instances that have nothing left."""
        table = self._feed.table
        found = self._connection.execute(sa.select(table).order_by(table.c.change_id)).mappings()
        rows = [self._seen(row) for row in found]
        self._listed_at = now.isoformat()
        instances = sorted(self._instances)
        document = {"complete": True, "instances": instances, "backups": rows}
        return [Piece(_dump(document), cursor=self._cursor(count))]

    def _changes(self, count: int) -> list[Piece]:
        pieces: list[Piece] = []
        for _ in range(MAX_PAGES):
            rows = self._next_page()
            if not rows:
                break
            if self._feed.lists:
                text = _dump({"complete": False, "backups": rows})
            else:
                text = "".join(_dump(row) + "\n" for row in rows)
            pieces.append(Piece(text, cursor=self._cursor(count)))
        return pieces

    def _next_page(self) -> list[dict[str, Any]]:
        """Late rows below the cursor and new ones above it, at most a page."""
        column = self._feed.table.c.change_id
        query = (
            sa.select(self._feed.table)
            .where(column > self._high - OVERLAP, column.not_in(sorted(self._recent)))
            .order_by(column)
            .limit(self._page)
        )
        return [self._seen(row) for row in self._connection.execute(query).mappings().all()]

    def _seen(self, row: sa.RowMapping) -> dict[str, Any]:
        change_id = int(row["change_id"])
        self._recent.add(change_id)
        self._high = max(self._high, change_id)
        self._instances.add(str(row["instance"]))
        return {name: _plain(value) for name, value in row.items() if value is not None}

    def _cursor(self, count: int) -> dict[str, Any]:
        self._recent = {i for i in self._recent if i > self._high - OVERLAP}
        cursor: dict[str, Any] = {"high": self._high, "recent": sorted(self._recent), "rows": count}
        if self._feed.lists:
            cursor |= {"instances": sorted(self._instances), "listed_at": self._listed_at}
        return cursor


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _plain(value: object) -> object:
    """Turn a database value into a JSON one."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return clean(value)
    return value if isinstance(value, (bool, int, float)) else str(value)


def _engine(url: str, timeout_s: float) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        dialect = parsed.get_backend_name()
    except (sa.exc.ArgumentError, ValueError):
        raise _Unreadable(
            "the SQL feed's address is no SQLAlchemy URL; write sqlite:///file.db or"
            " postgresql://user:password@host/database (in the variable or file it refers to)"
        ) from None
    if dialect == "sqlite":
        return _sqlite(parsed.database or "", timeout_s)
    if dialect != "postgresql":
        raise _Unreadable(f"SQL feeds read sqlite and postgresql, not {dialect}")
    return sa.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        poolclass=sa.pool.NullPool,
        hide_parameters=True,
        connect_args={"connect_timeout": max(2, int(timeout_s))},
    )


def _sqlite(database: str, timeout_s: float) -> sa.Engine:
    def connect() -> sqlite3.Connection:
        # mode=ro: a wrong path must be an error, not a new empty database.
        con = sqlite3.connect(f"file:{quote(database)}?mode=ro", uri=True, timeout=timeout_s)
        deadline = time.monotonic() + timeout_s
        con.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        return con

    return sa.create_engine(
        "sqlite://", creator=connect, poolclass=sa.pool.NullPool, hide_parameters=True
    )


def _read_only(connection: sa.Connection, timeout_s: float) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("pragma query_only = on")
        connection.exec_driver_sql("begin")
        return
    connection.exec_driver_sql("set transaction isolation level repeatable read, read only")
    connection.exec_driver_sql(f"set local statement_timeout = {int(timeout_s * 1000)}")
    connection.exec_driver_sql("set local time zone 'UTC'")


def _may_pass(error: Exception) -> bool:
    """A connection that is refused or cut, a locked file; not a wrong password or statement."""
    origin = getattr(error, "orig", None) or error
    if isinstance(origin, sqlite3.OperationalError):
        return "locked" in str(origin) or "busy" in str(origin)
    if not isinstance(error, (sa.exc.OperationalError, OSError)):
        return False
    # A server that answered says so with a code; 57P: it is shutting down or starting up.
    code = getattr(origin, "sqlstate", None) or ""
    refused = "authentication failed" in str(origin) or "does not exist" in str(origin)
    return not refused and (not code or code.startswith(("08", "57P")))


def _explain(error: Exception, url: str, kind: str) -> str:
    hint = "check that the database answers, and its tables against docs/formats.md"
    return clean(f"SQL feed {kind}: {_told(error, url)}; {hint}")


def _told(error: Exception, url: str) -> str:
    """Say what went wrong without the address or its password."""
    origin = getattr(error, "orig", None) or error
    text = next((line for line in str(origin).splitlines() if line.strip()), "")
    for secret in _secrets(url):
        if len(secret) <= _SHORT and secret in text:
            text = ""  # masking a letter or two would show where it was
        text = text.replace(secret, "***")
    return clean(f"{type(origin).__name__}: {redact(text)[:500]}")


def _secrets(url: str) -> Sequence[str]:
    try:
        password = sa.make_url(url).password
    except (sa.exc.ArgumentError, ValueError):
        return (url,)
    return tuple(secret for secret in (url, str(password or "")) if secret)
