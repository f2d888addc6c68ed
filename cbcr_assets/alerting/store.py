"""The alert store: knowledge, episodes, outbox and journal, one transaction at a time.

Belongs here: tables and SQL, the same on SQLite and PostgreSQL.
Does not belong here: what to store (see `core`), or sending.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting.model import AlertView, Change, Identity, Known, Transition

_META = sa.MetaData()
_IDENTITY = ("rule", "subject_kind", "subject_id")


def _identity() -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String, primary_key=True) for name in _IDENTITY]


alert = sa.Table(
    "alert", _META, *_identity(),
    sa.Column("episode", sa.Integer, nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("severity", sa.String, nullable=False),
    sa.Column("evaluated_at", sa.DateTime, nullable=False),
    sa.Column("is_stale", sa.Boolean, nullable=False),
)  # fmt: skip
episode = sa.Table(
    "episode", _META, *_identity(), sa.Column("episode", sa.Integer, primary_key=True),
    sa.Column("started_at", sa.DateTime, nullable=False),
    sa.Column("opened_at", sa.DateTime, nullable=False),
    sa.Column("resolved_at", sa.DateTime),
    sa.Column("severity", sa.String, nullable=False),
    sa.Column("team", sa.String),
    sa.Column("summary", sa.String, nullable=False),
    sa.Column("told", sa.String, nullable=False),  # receivers that heard it fire, JSON
)  # fmt: skip
outbox = sa.Table(
    "outbox", _META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("dedup_key", sa.String, nullable=False, unique=True),
    sa.Column("receiver", sa.String, nullable=False),
    sa.Column("content", sa.String, nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("not_before", sa.DateTime, nullable=False),
    sa.Column("lease_until", sa.DateTime),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # pending, sent, dead
    sa.Column("ref", sa.String),
    sa.Column("error", sa.String),
    sa.Column("sent_at", sa.DateTime),
)  # fmt: skip
journal = sa.Table(
    "journal", _META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime, nullable=False),
    *(sa.Column(name, sa.String, nullable=False) for name in _IDENTITY),
    sa.Column("episode", sa.Integer, nullable=False),
    sa.Column("change", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("severity", sa.String, nullable=False),
)  # fmt: skip
seen = sa.Table(
    "seen", _META,
    sa.Column("evaluation_id", sa.String, primary_key=True),
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("evaluated_at", sa.DateTime, nullable=False),
)  # fmt: skip


@dataclass(frozen=True)
class Waiting:
    """One claimed message."""

    id: int
    receiver: str
    content: dict[str, Any]
    dedup_key: str
    attempts: int


def connect(url: str) -> sa.Engine:
    """Open a store and make its tables.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.
    """
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        _teach_sqlite(engine)
    with engine.begin() as con:
        _META.create_all(con)
    return engine


def _teach_sqlite(engine: sa.Engine) -> None:
    """One writer at a time, who waits instead of failing, and readers who never block him."""

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("pragma busy_timeout = 30000")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("begin immediate")


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open the one writing transaction; on PostgreSQL others wait on an advisory lock."""
    with engine.begin() as con:
        if engine.dialect.name == "postgresql":
            con.execute(sa.text("select pg_advisory_xact_lock(7261)"))
        yield con


def claim_evaluation(con: sa.Connection, evaluation_id: str, rule: str, at: datetime) -> bool:
    """Record that an evaluation is being ingested; False when it was before."""
    if has_seen(con, evaluation_id, rule):
        return False
    con.execute(seen.insert().values(evaluation_id=evaluation_id, rule=rule, evaluated_at=at))
    return True


def has_seen(con: sa.Connection, evaluation_id: str, rule: str) -> bool:
    """Tell whether an evaluation was ingested."""
    where = (seen.c.evaluation_id == evaluation_id) & (seen.c.rule == rule)
    return con.execute(sa.select(sa.literal(1)).where(where)).first() is not None


def load_known(con: sa.Connection, rule: str) -> dict[Identity, Known]:
    """Return everything known about a rule's identities."""
    rows = con.execute(sa.select(alert).where(alert.c.rule == rule))
    return {
        Identity(r.rule, r.subject_kind, r.subject_id): Known(
            r.episode, r.is_open, r.status, r.severity, r.evaluated_at, r.is_stale
        )
        for r in rows
    }


def store_known(
    con: sa.Connection, before: Mapping[Identity, Known], changed: Mapping[Identity, Known]
) -> None:
    """Store knowledge that differs from before."""
    rows = [{**_keys(i), **vars(known)} for i, known in changed.items()]
    fresh = [row for row, i in zip(rows, changed, strict=True) if i not in before]
    old = [
        {f"k_{name}" if name in _IDENTITY else name: value for name, value in row.items()}
        for row, i in zip(rows, changed, strict=True)
        if i in before
    ]
    if fresh:
        con.execute(alert.insert(), fresh)
    if old:
        where = sa.and_(*(alert.c[n] == sa.bindparam(f"k_{n}") for n in _IDENTITY))
        names = ("episode", "is_open", "status", "severity", "evaluated_at", "is_stale")
        con.execute(alert.update().where(where).values({n: sa.bindparam(n) for n in names}), old)


def store_transitions(con: sa.Connection, transitions: Sequence[Transition], at: datetime) -> None:
    """Open, worsen or resolve episodes, and write each change into the journal."""
    for transition in transitions:
        keys = {**_keys(transition.verdict.identity), "episode": transition.episode}
        where = sa.and_(*(episode.c[name] == value for name, value in keys.items()))
        verdict = transition.verdict
        facts = {"severity": verdict.severity, "summary": verdict.summary, "team": verdict.team}
        match transition.change:
            case Change.OPENED:
                values = {"started_at": transition.started_at, "opened_at": at, "told": "[]"}
                con.execute(episode.insert().values(**keys, **facts, **values))
            case Change.WORSENED:
                con.execute(episode.update().where(where).values(**facts))
            case Change.RESOLVED:
                con.execute(episode.update().where(where).values(resolved_at=at))
    if transitions:
        con.execute(
            journal.insert(),
            [
                {
                    "at": at, **_keys(t.verdict.identity), "episode": t.episode,
                    "change": t.change.value, "status": t.verdict.status,
                    "severity": t.verdict.severity,
                }
                for t in transitions
            ],
        )  # fmt: skip


def told(con: sa.Connection, transition: Transition) -> set[str]:
    """Return the receivers that were told that this episode fires."""
    row = con.execute(sa.select(episode.c.told).where(_episode_is(transition))).first()
    return set(json.loads(row.told)) if row is not None else set()


def add_told(con: sa.Connection, transition: Transition, receivers: set[str]) -> None:
    """Remember who is told that this episode fires."""
    everybody = sorted(told(con, transition) | receivers)
    con.execute(episode.update().where(_episode_is(transition)).values(told=json.dumps(everybody)))


def _episode_is(transition: Transition) -> sa.ColumnElement[bool]:
    keys = {**_keys(transition.verdict.identity), "episode": transition.episode}
    return sa.and_(*(episode.c[name] == value for name, value in keys.items()))


def enqueue(
    con: sa.Connection, receiver: str, content: Mapping[str, Any], dedup_key: str, at: datetime
) -> None:
    """Put one message into the outbox; the same key twice is one message."""
    if con.execute(sa.select(outbox.c.id).where(outbox.c.dedup_key == dedup_key)).first():
        return
    con.execute(
        outbox.insert().values(
            dedup_key=dedup_key, receiver=receiver, content=json.dumps(content), created_at=at,
            not_before=at, attempts=0, state="pending",
        )
    )  # fmt: skip


def claim(con: sa.Connection, *, now: datetime, lease: timedelta, count: int) -> list[Waiting]:
    """Lease the oldest due messages, in order: none overtakes an older one of its receiver."""
    pending = con.execute(
        sa.select(outbox).where(outbox.c.state == "pending").order_by(outbox.c.id)
    ).all()
    blocked: set[str] = set()
    claimed: list[Waiting] = []
    for row in pending:
        is_leased = row.lease_until is not None and row.lease_until > now
        if row.receiver in blocked or is_leased or row.not_before > now:
            blocked.add(row.receiver)
            continue
        if len(claimed) < count:
            attempts = row.attempts + 1
            content = json.loads(row.content)
            claimed.append(Waiting(row.id, row.receiver, content, row.dedup_key, attempts))
    if claimed:
        con.execute(
            outbox.update().where(outbox.c.id.in_([w.id for w in claimed]))
            .values(lease_until=now + lease, attempts=outbox.c.attempts + 1)
        )  # fmt: skip
    return claimed


def mark_sent(con: sa.Connection, waiting: Waiting, ref: str, at: datetime) -> None:
    """Record that a message was accepted."""
    values = {"state": "sent", "ref": ref, "sent_at": at, "error": None}
    con.execute(outbox.update().where(outbox.c.id == waiting.id).values(**values))


def mark_retry(con: sa.Connection, waiting: Waiting, why: str, not_before: datetime) -> None:
    """Give a message back; its receiver waits with it."""
    values = {"lease_until": None, "not_before": not_before, "error": why}
    con.execute(outbox.update().where(outbox.c.id == waiting.id).values(**values))


def mark_dead(con: sa.Connection, waiting: Waiting, why: str) -> None:
    """Keep a message that nobody wants, visibly."""
    con.execute(outbox.update().where(outbox.c.id == waiting.id).values(state="dead", error=why))


def pending_count(con: sa.Connection) -> int:
    """Return how many messages wait."""
    query = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.state == "pending")
    return int(con.execute(query).scalar_one())


def views(con: sa.Connection, *, only_open: bool) -> list[AlertView]:
    """Return episodes, the newest first."""
    newest = sa.and_(*(alert.c[n] == episode.c[n] for n in _IDENTITY))
    query = sa.select(
        episode, alert.c.status, alert.c.is_stale, alert.c.episode.label("newest")
    ).join(alert, newest)
    if only_open:
        query = query.where(episode.c.resolved_at.is_(None))
    waiting = (
        con.execute(sa.select(outbox.c.content).where(outbox.c.state != "sent")).scalars().all()
    )
    undelivered: dict[tuple[str, str], int] = {}
    for content in map(json.loads, waiting):
        for member in content["members"]:
            key = (content["rule"], member["subject"])
            undelivered[key] = undelivered.get(key, 0) + 1
    return [
        AlertView(
            r.rule, r.subject_kind, r.subject_id,
            "resolved" if r.resolved_at else "stale" if r.is_stale else "open",
            "ok" if r.resolved_at else r.status, r.severity, r.started_at, r.opened_at,
            r.resolved_at, r.team, r.summary, undelivered.get((r.rule, r.subject_id), 0),
        )
        for r in con.execute(query.order_by(episode.c.opened_at.desc(), episode.c.subject_id))
    ]  # fmt: skip


def prune(con: sa.Connection, *, before: datetime) -> int:
    """Clear away records of evaluations and sent messages that nobody will ask for."""
    done = con.execute(seen.delete().where(seen.c.evaluated_at < before)).rowcount
    sent = (outbox.c.state == "sent") & (outbox.c.sent_at < before)
    return int(done) + int(con.execute(outbox.delete().where(sent)).rowcount)


def _keys(identity: Identity) -> dict[str, str]:
    return {name: getattr(identity, name) for name in _IDENTITY}
