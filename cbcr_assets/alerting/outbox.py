"""The outbox: messages on their way, and what became of them.

Belongs here: queueing, marking, giving up. All of it runs in a transaction of the caller.
Does not belong here: which message is next (see `claiming`), sending (see `delivery`), joining two
messages (see `merge`), what of a message is said in the end (see `outgoing`).

A message stays `pending` until its receiver has it, so it is delivered at least once. Messages of
one receiver and stream (a group) never overtake each other, and none overtakes a digest. The next
message of a group takes the place of the one before, as long as nobody is sending that one; only
the end of an incident that was told stays by itself.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting.bulk import insert_many
from cbcr_assets.alerting.claiming import Claimed, unleased
from cbcr_assets.alerting.compose import DIGEST
from cbcr_assets.alerting.merge import Waiting, merge, says_of
from cbcr_assets.alerting.message import Message, Undelivered, decode, encode
from cbcr_assets.alerting.model import SEVERITIES, Moment
from cbcr_assets.alerting.outgoing import says_in
from cbcr_assets.alerting.snapshot import Draft
from cbcr_assets.alerting.tables import journal, outbox, outbox_member, pause
from cbcr_assets.alerting.threads import heard

# Nobody waits longer than this because a receiver asks for it.
LONGEST_WAIT_S = 3_600.0


def enqueue(con: sa.Connection, drafts: Iterable[Draft], *, now: Moment) -> None:
    """Queue messages; one takes the place of another of its group that nobody sends right now."""
    batch = list(drafts)
    waiting = _waiting(con, batch, now.elapsed_e)
    members: list[dict[str, Any]] = []
    for draft in batch:
        old = waiting.get((draft.receiver, draft.stream))
        if con.execute(_KNOWN, {"key": draft.message.id}).first():
            continue
        if old is not None and _gives_way(con, old, draft):
            outbox_id = old.id
            draft = _replace(con, old, draft, now)
        else:
            outbox_id = _insert(con, draft, now)
        members += [
            {"outbox_id": outbox_id, "fingerprint": name, "n": n, "says": says}
            for name, (n, says) in says_of(draft).items()
        ]
    insert_many(con, outbox_member, members)


def _waiting(
    con: sa.Connection, drafts: Sequence[Draft], now_e: float
) -> dict[tuple[str, str], Any]:
    receivers = {draft.receiver for draft in drafts}
    if not receivers:
        return {}
    rows = con.execute(
        sa.select(outbox)
        .where(outbox.c.state == "pending", outbox.c.receiver.in_(receivers), unleased(now_e))
        .order_by(outbox.c.id)
    )
    return {(row.receiver, row.stream): row for row in rows}


def _gives_way(con: sa.Connection, old: Any, draft: Draft) -> bool:
    """Tell whether the next message of a group says all that matters of the one that waits.

    The end of an incident that was told does not: nothing about a later opening ends it at a pager.
    """
    if "acknowledged" in (old.kind, draft.message.kind):
        return False
    if draft.stream == DIGEST:
        # In its place it would overtake what was queued since about the same alerts.
        since = (outbox.c.receiver == old.receiver) & (outbox.c.id > old.id)
        waits = sa.select(outbox.c.id).where(since, outbox.c.state == "pending").limit(1)
        return con.execute(waits).first() is None
    if old.kind != "resolved" or decode(old.payload).incident == draft.message.incident:
        return True
    return not heard(con, old.receiver, says_in(con, old.id), before=old.id)


def _insert(con: sa.Connection, draft: Draft, now: Moment) -> int:
    values = {
        "dedup_key": draft.message.id, "receiver": draft.receiver, "stream": draft.stream,
        "state": "pending", "attempts": 0,
        "created_at": now.wall, "created_e": now.elapsed_e, "due_e": now.elapsed_e,
    }  # fmt: skip
    inserted = con.execute(_INSERT, values | _content(draft.message))
    key = inserted.inserted_primary_key
    assert key is not None
    return int(key[0])


def _replace(con: sa.Connection, old: Any, draft: Draft, now: Moment) -> Draft:
    says = says_in(con, old.id)
    before = heard(con, old.receiver, says, before=old.id)
    joined = merge(Waiting(decode(old.payload), says, set(before)), draft)
    con.execute(
        outbox.update().where(outbox.c.id == old.id)
        .values(dedup_key=draft.message.id, lease_e=None, **_content(joined.message))
    )  # fmt: skip
    con.execute(outbox_member.delete().where(outbox_member.c.outbox_id == old.id))
    con.execute(
        journal.insert().values(
            at=now.wall, what="superseded", receiver=old.receiver, outbox_id=old.id, detail=old.kind
        )
    )
    return joined


def _content(message: Message) -> dict[str, Any]:
    rank = len(SEVERITIES) - 1 - SEVERITIES.index(message.severity)
    return {"kind": message.kind, "payload": encode(message), "rank": rank}


def mark_sent(con: sa.Connection, claimed: Claimed, ref: str, *, now: datetime) -> bool:
    """Record that a receiver has a message; False when another one is in its place meanwhile."""
    if claimed.ends:
        con.execute(outbox.update().where(outbox.c.id.in_(claimed.ends)).values(is_over=1))
    return _finish(con, claimed, "sent", now=now, ref=ref)


def mark_skipped(con: sa.Connection, claimed: Claimed, *, now: datetime) -> None:
    """Record that nobody needs to hear a message: its receiver never heard the beginning."""
    _finish(con, claimed, "skipped", now=now, error="the beginning was never heard")


def mark_retry(con: sa.Connection, claimed: Claimed, why: str, *, due_e: float) -> None:
    """Give a message back; it is tried again later."""
    given_back = outbox.update().where(*_IS_MINE).values(lease_e=None, due_e=due_e, error=why)
    con.execute(given_back, _mine(claimed))


def mark_dead(con: sa.Connection, claimed: Claimed, why: str, *, now: datetime) -> bool:
    """Give a message up; it is kept. False when another process has taken it meanwhile."""
    return _finish(con, claimed, "dead", now=now, error=why)


def pause_receiver(con: sa.Connection, receiver: str, *, until_e: float) -> None:
    """Let a receiver's messages wait because it asked for that."""
    con.execute(pause.delete().where(pause.c.receiver == receiver))
    con.execute(pause.insert().values(receiver=receiver, until_e=until_e))


def pass_on(con: sa.Connection, claimed: Claimed, fallback: str, why: str, *, now: Moment) -> None:
    """Queue for the fallback what a receiver did not get.

    The end of an episode is passed on only where the fallback heard the beginning, and once.
    """
    row = con.execute(sa.select(outbox).where(outbox.c.id == claimed.id)).one()
    says = says_in(con, claimed.id)
    firing = {name: n for name, (n, what) in says.items() if what != "resolved"}
    over = {name: n for name, (n, what) in says.items() if what == "resolved"}
    if row.state != "dead":  # what the receiver did hear is not passed on
        got = heard(con, claimed.receiver, over, before=claimed.id)
        over = {name: n for name, n in over.items() if name not in got}
        firing = {}
    began = heard(con, fallback, over, states=("sent", "pending"))
    over = {name: n for name, n in over.items() if name in began}
    kept = {**firing, **over}
    if not kept:
        return
    message = decode(row.payload).only(set(kept)) if row.kind == "resolved" else decode(row.payload)
    identity = hashlib.sha256(f"{message.id}/{fallback}".encode()).hexdigest()[:32]
    message = replace(message, id=identity, undelivered=Undelivered(claimed.receiver, why))
    both = frozenset(name for name in firing if says[name][1] == "both")
    ends = over | {name: firing[name] for name in both}
    draft = Draft(
        fallback, f"{row.stream}/{claimed.receiver}", message,
        tuple((name, n) for name, n in firing.items() if name not in both),
        tuple(ends.items()), both,
    )  # fmt: skip
    enqueue(con, [draft], now=now)


def count_pending(con: sa.Connection) -> int:
    """Return how many messages wait."""
    query = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.state == "pending")
    return int(con.execute(query).scalar_one())


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
    attempt = None if state == "sent" else claimed.attempt
    done = con.execute(
        _FINISH,
        _mine(claimed)
        | {"b_attempt": attempt, "state": state, "done_at": now, "ref": ref, "error": error},
    )
    if done.rowcount:
        con.execute(
            _NOTE,
            {"at": now, "what": state, "receiver": claimed.receiver, "outbox_id": claimed.id,
             "detail": error},
        )  # fmt: skip
    return bool(done.rowcount)


def _mine(claimed: Claimed) -> dict[str, Any]:
    """Return the parameters of `_IS_MINE`."""
    return {"b_id": claimed.id, "b_key": claimed.dedup_key, "b_attempt": claimed.attempt}


# Nobody else has taken the message since. Built once: building costs more than running them.
_attempt = sa.bindparam("b_attempt", type_=sa.Integer)
_IS_MINE = (
    outbox.c.id == sa.bindparam("b_id"), outbox.c.state == "pending",
    outbox.c.dedup_key == sa.bindparam("b_key"),
    sa.or_(_attempt.is_(None), outbox.c.attempts == _attempt),
)  # fmt: skip
_FINISH = (
    outbox.update().where(*_IS_MINE)
    .values(
        lease_e=None,
        **{name: sa.bindparam(name) for name in ("state", "done_at", "ref", "error")},
    )
)  # fmt: skip
_NOTE, _INSERT = journal.insert(), outbox.insert()
_KNOWN = sa.select(outbox.c.id).where(outbox.c.dedup_key == sa.bindparam("key"))
