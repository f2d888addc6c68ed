"""The tables of the alert store, and how a store is opened.

Belongs here: schema, version, and what SQLite and PostgreSQL need to serve many processes.
Does not belong here: queries (see `store` and `outbox`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

VERSION = 4
_LOCK = 72_616_274
_READ_ONLY = "cbcr_read_only"
_META = sa.MetaData()


class StoreError(Exception):
    """The store cannot be used; the message says what to do."""


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime, nullable=nullable)


def _word(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _count(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=str(default))


def _elapsed(name: str) -> sa.Column[float]:
    """Seconds on the engine's clock."""
    return sa.Column(name, sa.Float, nullable=False, server_default="0")


def _due(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float)


meta = sa.Table("meta", _META, sa.Column("name", sa.Text, primary_key=True), _text("value"))

# One row for each alert that was seen bad at least once.
alert_state = sa.Table(
    "alert_state", _META,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False, index=True),  # rule of the evaluations
    _text("subject_kind"), _text("subject_id"), _word("rule"),
    sa.Column("episode", sa.Integer, nullable=False),
    _text("phase"), _text("status"), _text("severity"),
    sa.Column("level", sa.Integer, nullable=False),
    _elapsed("since_e"), _elapsed("seen_e"), _due("due_e"), sa.Column("flips", sa.Text),
    sa.Index("alert_state_due", "due_e"),
)  # fmt: skip

# One row for each opening.
episode = sa.Table(
    "episode", _META,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    _text("rule"), _text("subject_kind"), _text("subject_id"),
    _text("status"), _text("severity"), _text("team"), _text("labels"), _text("summary"),
    _text("runbook"), _moment("started_at"), _moment("opened_at"),
    _moment("resolved_at", nullable=True),
    _word("was"), sa.Column("value", sa.Float), sa.Column("objective", sa.Float), _word("unit"),
    _count("fired", 1), _count("raised"), _count("flapping"),
    _word("acked_by"), _due("ack_until_e"),
    _word("chain"), _count("step"), _elapsed("remaining_s"), _due("resume_e"), _due("due_e"),
    _word("muted_by"),
    sa.Index("episode_open", "resolved_at"), sa.Index("episode_due", "due_e"),
)  # fmt: skip

# What is told together to one receiver, and when it is looked at next.
alert_group = sa.Table(
    "alert_group", _META,
    sa.Column("key", sa.Text, primary_key=True),
    _text("receiver"), _text("route"), _text("labels"),
    _elapsed("anchor_e"), _due("flush_e"), _due("last_flush_e"), _due("notified_e"),
    sa.Index("alert_group_due", "flush_e"),
)  # fmt: skip

group_member = sa.Table(
    "group_member", _META,
    sa.Column("group_key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, primary_key=True),
    _count("n"), _count("active"), _count("in_last"), _count("heard"), _count("told_raised"),
    _count("step"), _count("told_step"), _count("flushed"),
    sa.Index("group_member_alert", "fingerprint"),
)  # fmt: skip

silence = sa.Table(
    "silence", _META,
    sa.Column("id", sa.Text, primary_key=True),
    _text("matchers"), _moment("starts_at"), _moment("ends_at"), _text("made_by"), _text("comment"),
)  # fmt: skip

# When each rule was spoken of last.
scope = sa.Table(
    "scope", _META,
    sa.Column("name", sa.Text, primary_key=True), _word("rule"), _elapsed("seen_e"),
    _count("silent"),
)  # fmt: skip

# How many groups a receiver was told about in its present window.
storm = sa.Table(
    "storm", _META,
    sa.Column("receiver", sa.Text, primary_key=True),
    _elapsed("since_e"), _count("groups"), _count("digest"),
)  # fmt: skip

# How many messages a receiver with a limit may be sent right now.
bucket = sa.Table(
    "bucket", _META,
    sa.Column("receiver", sa.Text, primary_key=True), _elapsed("tokens"), _elapsed("at_e"),
)  # fmt: skip

engine_clock = sa.Table(
    "engine_clock", _META,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    _elapsed("elapsed_e"), _moment("wall"), _word("boot_id"), _elapsed("boot_s"),
)  # fmt: skip

outbox = sa.Table(
    "outbox", _META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("dedup_key", sa.Text, nullable=False, unique=True),
    _text("receiver"),
    _text("stream"),  # messages of one receiver and stream never overtake each other
    _text("kind"), _text("payload"),
    _text("state"),  # pending, sent, dead, skipped
    _count("attempts"), _count("rank", 1),  # the most severe go first
    _moment("created_at"), _moment("done_at", nullable=True),
    _elapsed("created_e"), _elapsed("due_e"), _due("lease_e"),
    sa.Column("ref", sa.Text), sa.Column("error", sa.Text),
    _count("is_over"),  # a digest all of which has ended, as its receiver knows
    sa.Index("outbox_waiting", "state", "receiver", "stream", "id"),
    sqlite_autoincrement=True,  # an id is never given twice: see retention
)  # fmt: skip

# Which episodes a message is about: all of them, not only those it lists.
outbox_member = sa.Table(
    "outbox_member", _META,
    sa.Column("outbox_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("fingerprint", sa.Text, primary_key=True),
    sa.Column("n", sa.Integer, nullable=False),
    _word("says", "firing"),  # firing, resolved, both
    sa.Index("outbox_member_episode", "fingerprint", "n"),
)  # fmt: skip

# Receivers that asked us to wait.
pause = sa.Table("pause", _META, sa.Column("receiver", sa.Text, primary_key=True),
                 _elapsed("until_e"))  # fmt: skip

# Append-only: what happened to episodes and messages, and when.
journal = sa.Table(
    "journal", _META,
    sa.Column("id", sa.Integer, primary_key=True),
    _moment("at"), _text("what"),
    sa.Column("fingerprint", sa.Text), sa.Column("n", sa.Integer), sa.Column("rule", sa.Text),
    sa.Column("subject_kind", sa.Text), sa.Column("subject_id", sa.Text),
    sa.Column("status", sa.Text), sa.Column("severity", sa.Text),
    sa.Column("evaluation_id", sa.Text), sa.Column("receiver", sa.Text),
    sa.Column("outbox_id", sa.Integer), sa.Column("detail", sa.Text),
    sqlite_autoincrement=True,  # the warehouse reads on from the last id it has
)  # fmt: skip

seen_evaluation = sa.Table(
    "seen_evaluation", _META,
    sa.Column("evaluation_id", sa.Text, primary_key=True),
    sa.Column("rule", sa.Text, primary_key=True),
    _moment("evaluated_at"), _moment("seen_at"),
    sa.Index("seen_evaluation_newest", "rule", "evaluated_at", "evaluation_id"),
)  # fmt: skip


def open_store(url: str, *, wait_s: float = 30.0) -> sa.Engine:
    """Open a store; make its tables the first time, and bring an older one up to date.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.
        wait_s: How long to wait for others that write, seconds.

    Raises:
        StoreError: It cannot be reached, or a newer CBCR wrote it.
    """
    engine = sa.create_engine(url, poolclass=NullPool)
    _prepare_postgresql(engine, wait_s)
    if engine.dialect.name == "sqlite":
        if engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        _prepare_sqlite(engine, wait_s)
    try:
        version = _version(engine)
        if version is None:
            _create(engine)
        elif version < VERSION:
            _migrate(engine)
        version = _version(engine)
    except sa.exc.OperationalError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise StoreError(f"the alert store {where} cannot be opened: {error.orig}") from None
    if version != VERSION:
        raise StoreError(
            f"the alert store has version {version}, this CBCR knows {VERSION}: update CBCR"
        )
    return engine


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open the one writing transaction; other writers wait for its end."""
    with engine.begin() as con:
        if engine.dialect.name == "postgresql":
            con.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        yield con


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a reading transaction; it waits for nobody and nobody waits for it."""
    with engine.connect().execution_options(**{_READ_ONLY: True}) as con:
        yield con


def _prepare_postgresql(engine: sa.Engine, wait_s: float) -> None:
    if engine.dialect.name != "postgresql":
        return

    @sa.event.listens_for(engine, "begin")
    def _begun(con: sa.Connection) -> None:
        con.exec_driver_sql(f"set local lock_timeout = {int(wait_s * 1000)}")


def _prepare_sqlite(engine: sa.Engine, wait_s: float) -> None:
    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        # The driver must not begin transactions of its own: see `_begun`.
        connection.isolation_level = None
        connection.execute(f"pragma busy_timeout = {int(wait_s * 1000)}")
        connection.execute("pragma synchronous = normal")

    @sa.event.listens_for(engine, "begin")
    def _begun(con: sa.Connection) -> None:
        # A deferred transaction that starts to write fails at once when another one writes.
        reads = con.get_execution_options().get(_READ_ONLY, False)
        con.exec_driver_sql("begin" if reads else "begin immediate")


def _version(engine: sa.Engine) -> int | None:
    with reading(engine) as con:
        if not sa.inspect(con).has_table(meta.name):
            return None
        value = con.execute(sa.select(meta.c.value).where(meta.c.name == "version")).scalar()
    return int(value) if value is not None else None


def _create(engine: sa.Engine) -> None:
    if engine.dialect.name == "sqlite":
        with engine.connect() as con:
            raw = con.connection.dbapi_connection
            if raw is not None:
                raw.cursor().execute("pragma journal_mode = wal").close()
    _know_people()
    with writing(engine) as con:
        _META.create_all(con)
        if con.execute(sa.select(meta.c.value).where(meta.c.name == "version")).first() is None:
            con.execute(meta.insert().values(name="version", value=str(VERSION)))


def _migrate(engine: sa.Engine) -> None:
    """Bring a store of an earlier version up to date; several processes may try at once."""
    from cbcr_assets.alerting.migrations import STEPS

    _know_people()
    with writing(engine) as con:
        query = sa.select(meta.c.value).where(meta.c.name == "version")
        value: str = con.execute(query).scalar_one()
        for version in range(int(value) + 1, VERSION + 1):
            STEPS[version](con)
        _META.create_all(con)
        now = meta.update().where(meta.c.name == "version").values(value=str(VERSION))
        con.execute(now)


def _know_people() -> None:
    """Let the tables of what people do be part of the schema; their module needs this one."""
    import_module("cbcr_assets.alerting.people")
