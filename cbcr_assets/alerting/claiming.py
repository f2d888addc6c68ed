"""Which message is sent next, and who holds it meanwhile.

Belongs here: the order of messages, and leases. All of it runs in a transaction of the caller.
Does not belong here: queueing and marking (see `outbox`), sending (see `delivery`).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting.compose import DIGEST
from cbcr_assets.alerting.message import Outgoing, decode
from cbcr_assets.alerting.outgoing import outgoing_of
from cbcr_assets.alerting.tables import outbox, outbox_member, pause


@dataclass(frozen=True)
class Claimed:
    """A message that this process may send until its lease ends.

    Attributes:
        id: Its place in the outbox.
        receiver: Who is told.
        attempt: Number of this attempt, from 1.
        created_e: When it was queued, on the engine's clock.
        dedup_key: Its identity; another message may take its place.
        is_end: It says that something is over.
        outgoing: What is sent; None when nobody is left who should hear it.
        ends: Digests that are over with it, by their place in the outbox.
    """

    id: int
    receiver: str
    attempt: int
    created_e: float
    dedup_key: str
    is_end: bool
    outgoing: Outgoing | None
    ends: tuple[int, ...] = ()


def claim(
    con: sa.Connection, *, now_e: float, lease_s: float, without: Collection[str]
) -> list[Claimed]:
    """Lease the next message of each receiver, the most severe first.

    Args:
        con: Writing transaction.
        now_e: Present on the engine's clock.
        lease_s: How long nobody else may send it, seconds.
        without: Receivers to leave out.
    """
    rows: Iterable[Any] = con.execute(_NEXT, {"now_e": now_e, "without": list(without)})
    ids = list(dict(iter(rows)).values())
    if not ids:
        return []
    con.execute(_LEASE, {"ids": ids, "until_e": now_e + lease_s})
    return [_claimed(con, row) for row in con.execute(_LEASED, {"ids": ids}).all()]


def unleased(now_e: float | sa.ColumnElement[float]) -> sa.ColumnElement[bool]:
    """Return the condition that nobody is sending a message right now."""
    return sa.or_(outbox.c.lease_e.is_(None), outbox.c.lease_e <= now_e)


def _claimed(con: sa.Connection, row: Any) -> Claimed:
    message = decode(row.payload)
    is_end = row.kind == "resolved" or (row.kind == DIGEST and not message.total)
    outgoing, ends = outgoing_of(con, row, message)
    return Claimed(
        row.id, row.receiver, row.attempts, row.created_e, row.dedup_key, is_end, outgoing, ends
    )


def _next() -> sa.Select[tuple[str, int]]:
    earlier, now_e = outbox.alias("earlier"), sa.bindparam("now_e", type_=sa.Float)
    overtakes = sa.exists().where(
        earlier.c.receiver == outbox.c.receiver, earlier.c.state == "pending",
        earlier.c.id < outbox.c.id,
        sa.or_(
            earlier.c.stream == outbox.c.stream, earlier.c.stream == DIGEST,
            sa.and_(outbox.c.stream == DIGEST, _share_an_alert(earlier.c.id, outbox.c.id)),
        ),
    )  # fmt: skip
    asked_to_wait = sa.exists().where(
        pause.c.receiver == outbox.c.receiver, pause.c.until_e > now_e
    )
    return (
        sa.select(outbox.c.receiver, outbox.c.id)
        .where(
            outbox.c.state == "pending", outbox.c.due_e <= now_e, unleased(now_e),
            outbox.c.receiver.not_in(sa.bindparam("without", expanding=True)),
            sa.not_(overtakes), sa.not_(asked_to_wait),
        )
        .order_by(outbox.c.rank.desc(), outbox.c.id.desc())
    )  # fmt: skip


def _share_an_alert(
    one: sa.ColumnElement[int], other: sa.ColumnElement[int]
) -> sa.ColumnElement[bool]:
    mine, theirs = outbox_member.alias(), outbox_member.alias()
    return sa.exists().where(
        mine.c.outbox_id == one, theirs.c.outbox_id == other,
        theirs.c.fingerprint == mine.c.fingerprint,
    )  # fmt: skip


# Built once: building such a statement costs more than running it.
_ids = outbox.c.id.in_(sa.bindparam("ids", expanding=True))
_NEXT = _next()
_LEASE = (
    outbox.update().where(_ids)
    .values(lease_e=sa.bindparam("until_e", type_=sa.Float), attempts=outbox.c.attempts + 1)
)  # fmt: skip
_LEASED = sa.select(outbox).where(_ids).order_by(outbox.c.id)
