"""The outbox: messages on their way, who holds them, and what became of them.

Belongs here: queueing, leasing, marking, giving up. All of it runs in a transaction of the caller.
Does not belong here: sending (see `delivery`).

A message stays `pending` until its receiver has it, so it is delivered at least once. Messages of
one receiver and stream (a rule) never overtake each other: an episode that was resolved while the
receiver was down is told as firing first and as resolved right after it.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting.compose import Draft, Key
from cbcr_assets.alerting.message import Outgoing, Thread, Undelivered, decode, encode
from cbcr_assets.alerting.model import ChangeKind
from cbcr_assets.alerting.tables import episode, journal, outbox, outbox_member, pause

# Nobody waits longer than this; a moment further ahead was set before the clock went back.
LONGEST_WAIT = timedelta(hours=1)
_RESOLVED = ChangeKind.RESOLVED.value
_ANY = ("pending", "sent", "dead", "skipped")


@dataclass(frozen=True)
class Claimed:
    """A message that this process may send until its lease ends.

    Attributes:
        id: Its place in the outbox.
        receiver: Who is told.
        attempt: Number of this attempt, from 1.
        created_at: When it was queued, naive UTC.
        outgoing: What is sent; None when nobody is left who should hear it.
    """

    id: int
    receiver: str
    attempt: int
    created_at: datetime
    outgoing: Outgoing | None


def enqueue(con: sa.Connection, drafts: Iterable[Draft], *, stream: str, now: datetime) -> None:
    """Queue messages; one that is queued already stays as it is."""
    for draft in drafts:
        identity = draft.message.id
        if con.execute(sa.select(outbox.c.id).where(outbox.c.dedup_key == identity)).first():
            continue
        inserted = con.execute(
            outbox.insert().values(
                dedup_key=identity, receiver=draft.receiver, stream=stream, kind=draft.message.kind,
                payload=encode(draft.message), state="pending", attempts=0, created_at=now,
                not_before=now,
            )
        )  # fmt: skip
        key = inserted.inserted_primary_key
        outbox_id = key[0] if key else None
        members = [
            {"outbox_id": outbox_id, "fingerprint": fingerprint, "n": n}
            for fingerprint, n in draft.about
        ]
        con.execute(outbox_member.insert(), members)


def claim(
    con: sa.Connection, *, now: datetime, lease: timedelta, without: Collection[str]
) -> list[Claimed]:
    """Lease the next message of each receiver.

    Args:
        con: Writing transaction.
        now: Present, naive UTC.
        lease: How long nobody else may send it.
        without: Receivers to leave out.
    """
    earlier = outbox.alias("earlier")
    overtakes = sa.exists().where(
        earlier.c.receiver == outbox.c.receiver, earlier.c.stream == outbox.c.stream,
        earlier.c.state == "pending", earlier.c.id < outbox.c.id,
    )  # fmt: skip
    asked_to_wait = sa.exists().where(
        pause.c.receiver == outbox.c.receiver, sa.not_(_passed(pause.c.until, now))
    )
    ids: Sequence[int] = con.execute(
        sa.select(sa.func.min(outbox.c.id))
        .where(
            outbox.c.state == "pending",
            _passed(outbox.c.not_before, now),
            sa.or_(outbox.c.lease_until.is_(None), _passed(outbox.c.lease_until, now)),
            outbox.c.receiver.not_in(list(without)),
            sa.not_(overtakes),
            sa.not_(asked_to_wait),
        )
        .group_by(outbox.c.receiver)
    ).scalars().all()  # fmt: skip
    if not ids:
        return []
    con.execute(
        outbox.update().where(outbox.c.id.in_(ids))
        .values(lease_until=now + lease, attempts=outbox.c.attempts + 1)
    )  # fmt: skip
    rows = con.execute(sa.select(outbox).where(outbox.c.id.in_(ids)).order_by(outbox.c.id)).all()
    return [
        Claimed(row.id, row.receiver, row.attempts, row.created_at, _outgoing(con, row))
        for row in rows
    ]


def mark_sent(con: sa.Connection, claimed: Claimed, ref: str, *, now: datetime) -> None:
    """Record that a receiver has a message."""
    _finish(con, claimed, "sent", now=now, ref=ref)


def mark_skipped(con: sa.Connection, claimed: Claimed, *, now: datetime) -> None:
    """Record that nobody needs to hear a message: its receiver never heard the beginning."""
    _finish(con, claimed, "skipped", now=now, error="the beginning was never heard")


def mark_retry(con: sa.Connection, claimed: Claimed, why: str, *, not_before: datetime) -> None:
    """Give a message back; it is tried again later."""
    con.execute(
        outbox.update().where(*_mine(claimed))
        .values(lease_until=None, not_before=not_before, error=why)
    )  # fmt: skip


def mark_dead(con: sa.Connection, claimed: Claimed, why: str, *, now: datetime) -> bool:
    """Give a message up; it is kept. False when another process has taken it meanwhile."""
    return _finish(con, claimed, "dead", now=now, error=why)


def pause_receiver(con: sa.Connection, receiver: str, *, until: datetime) -> None:
    """Let a receiver's messages wait because it asked for that."""
    con.execute(pause.delete().where(pause.c.receiver == receiver))
    con.execute(pause.insert().values(receiver=receiver, until=until))


def pass_on(
    con: sa.Connection, claimed: Claimed, fallback: str, why: str, *, now: datetime
) -> None:
    """Queue for the fallback what a receiver did not get.

    The end of an episode is passed on only where the fallback heard the beginning, and once.
    """
    row = con.execute(sa.select(outbox).where(outbox.c.id == claimed.id)).one()
    about = _members(con, claimed.id)
    if row.kind == _RESOLVED:
        began = _heard(con, claimed.id, fallback, states=("sent", "pending"))
        ended = _heard(con, claimed.id, fallback, states=_ANY, resolved=True)
        got = _heard(con, claimed.id, claimed.receiver) if row.state != "dead" else {}
        about = [key for key in about if key in began and key not in ended and key not in got]
    if not about:
        return
    message = decode(row.payload).only({fingerprint for fingerprint, _ in about})
    identity = hashlib.sha256(f"{message.id}/{fallback}".encode()).hexdigest()[:32]
    undelivered = Undelivered(claimed.receiver, why)
    passed_on = replace(message, id=identity, undelivered=undelivered)
    enqueue(con, [Draft(fallback, passed_on, tuple(about))], stream=row.stream, now=now)


def count_pending(con: sa.Connection) -> int:
    """Return how many messages wait."""
    query = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.state == "pending")
    return int(con.execute(query).scalar_one())


def _passed(moment: sa.Column[datetime], now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(moment <= now, moment > now + LONGEST_WAIT)


def _mine(claimed: Claimed) -> Sequence[sa.ColumnElement[bool]]:
    """Return the condition that nobody else has taken the message since."""
    return (
        outbox.c.id == claimed.id,
        outbox.c.state == "pending",
        outbox.c.attempts == claimed.attempt,
    )


def _finish(
    con: sa.Connection,
    claimed: Claimed,
    state: str,
    *,
    now: datetime,
    ref: str | None = None,
    error: str | None = None,
) -> bool:
    # A late success counts even if another process has taken the message meanwhile.
    mine = _mine(claimed)[: 2 if state == "sent" else 3]
    done = con.execute(
        outbox.update().where(*mine)
        .values(state=state, lease_until=None, done_at=now, ref=ref, error=error)
    )  # fmt: skip
    if done.rowcount:
        con.execute(
            journal.insert().values(
                at=now, what=state, receiver=claimed.receiver, outbox_id=claimed.id, detail=error
            )
        )
    return bool(done.rowcount)


def _outgoing(con: sa.Connection, row: Any) -> Outgoing | None:
    message = decode(row.payload)
    if message.kind != _RESOLVED:
        return Outgoing(message)
    heard = _heard(con, row.id, row.receiver)
    if not heard:
        return None
    about = {fingerprint for fingerprint, _ in heard}
    if len(about) < message.total:
        message = message.only(about)
    return Outgoing(message, _thread(con, set(heard.values())))


def _heard(
    con: sa.Connection,
    outbox_id: int,
    receiver: str,
    *,
    states: Collection[str] = ("sent",),
    resolved: bool = False,
) -> dict[Key, int]:
    """Return the episodes of a message that `receiver` heard begin (or end), and where."""
    mine, told = outbox_member.alias("mine"), outbox_member.alias("told")
    same = (told.c.fingerprint == mine.c.fingerprint) & (told.c.n == mine.c.n)
    rows: Iterable[Any] = con.execute(
        sa.select(told.c.fingerprint, told.c.n, sa.func.max(outbox.c.id))
        .join_from(mine, told, same)
        .join(outbox, outbox.c.id == told.c.outbox_id)
        .where(
            mine.c.outbox_id == outbox_id, outbox.c.receiver == receiver,
            outbox.c.kind == _RESOLVED if resolved else outbox.c.kind != _RESOLVED,
            outbox.c.state.in_(list(states)),
        )
        .group_by(told.c.fingerprint, told.c.n)
    )  # fmt: skip
    return {(fingerprint, n): told_in for fingerprint, n, told_in in rows}


def _thread(con: sa.Connection, told_in: set[int]) -> Thread | None:
    if len(told_in) != 1:
        return None
    [parent] = told_in
    ref = con.execute(sa.select(outbox.c.ref).where(outbox.c.id == parent)).scalar()
    if not ref:
        return None
    keys = (episode.c.fingerprint == outbox_member.c.fingerprint) & (
        episode.c.n == outbox_member.c.n
    )
    total, over = con.execute(
        sa.select(sa.func.count(), sa.func.count(episode.c.resolved_at))
        .select_from(outbox_member).join(episode, keys)
        .where(outbox_member.c.outbox_id == parent)
    ).one()  # fmt: skip
    return Thread(ref, total, is_over=total == over)


def _members(con: sa.Connection, outbox_id: int) -> list[Key]:
    c = outbox_member.c
    rows: Iterable[Any] = con.execute(sa.select(c.fingerprint, c.n).where(c.outbox_id == outbox_id))
    return [(fingerprint, n) for fingerprint, n in rows]
