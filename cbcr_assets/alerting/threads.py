"""Who heard what: which earlier message of a receiver a new one is about.

Belongs here: those queries, and which digests told of it.
Does not belong here: queueing and marking (see `outbox`).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting.load import chunks
from cbcr_assets.alerting.message import Message, Thread
from cbcr_assets.alerting.tables import episode, outbox, outbox_member

# Enough to find the newest name.
_PARENTS = 500


def heard(
    con: sa.Connection,
    receiver: str,
    fingerprints: Iterable[str],
    *,
    before: int | None = None,
    states: Collection[str] = ("sent",),
) -> dict[str, int]:
    """Return the alerts that fire as far as a receiver knows, and the message that said so.

    Args:
        con: Transaction.
        receiver: The receiver.
        fingerprints: Alerts to ask about.
        before: Only messages before this one count.
        states: States of messages that count.
    """
    c = outbox_member.c
    found: dict[str, int] = {}
    for chunk in chunks(sorted(set(fingerprints))):
        query = (
            sa.select(c.fingerprint, c.says, outbox.c.id, c.n)
            .join(outbox, outbox.c.id == c.outbox_id)
            .where(
                c.fingerprint.in_(chunk), outbox.c.receiver == receiver,
                outbox.c.state.in_(list(states)), outbox.c.kind != "acknowledged",
            )
            .order_by(outbox.c.id)
        )  # fmt: skip
        if before is not None:
            query = query.where(outbox.c.id < before)
        numbers: dict[str, int] = {}
        rows: Iterable[Any] = con.execute(query)
        for name, says, outbox_id, n in rows:
            if says != "firing":
                found.pop(name, None)
            elif name not in found or numbers[name] != n:
                # The first message of an episode is the one that others continue.
                found[name], numbers[name] = outbox_id, n
    return found


def thread(con: sa.Connection, told_in: Mapping[str, int]) -> Thread | None:
    """Return the message that a new one continues, if all of it was told in one.

    Args:
        con: Transaction.
        told_in: Where each alert was told.
    """
    if len(set(told_in.values())) != 1:
        return None
    [parent] = set(told_in.values())
    ref = con.execute(sa.select(outbox.c.ref).where(outbox.c.id == parent)).scalar()
    if not ref:
        return None
    keys = (episode.c.fingerprint == outbox_member.c.fingerprint) & (
        episode.c.n == outbox_member.c.n
    )
    row: Any = con.execute(
        sa.select(sa.func.count(), sa.func.count(episode.c.resolved_at))
        .select_from(outbox_member).join(episode, keys)
        .where(outbox_member.c.outbox_id == parent, outbox_member.c.says == "firing")
    ).one()  # fmt: skip
    total, over = row
    return Thread(ref, total, is_over=total == over)


def known_as(
    con: sa.Connection, receiver: str, firing: Mapping[str, int], message: Message, *, before: int
) -> str:
    """Return what a channel called the message that told all of this; empty: some of it is news.

    Args:
        con: Transaction.
        receiver: The receiver.
        firing: Episodes that are said to fire, by alert.
        message: What says so.
        before: Only messages before this one count.
    """
    told_in = heard(con, receiver, firing, before=before) if firing else {}
    if not told_in or firing.keys() - told_in.keys():
        return ""
    parents = sorted(set(told_in.values()))[-_PARENTS:]
    query = sa.select(outbox.c.ref).where(outbox.c.id.in_(parents)).order_by(outbox.c.id)
    rows: Iterable[str | None] = con.execute(query).scalars()
    refs = [ref for ref in rows if ref]
    # An incident of its own is continued by itself.
    return "" if message.incident in refs or not refs else refs[-1]


def digests(
    con: sa.Connection, receiver: str, alerts: Collection[str], *, said_in: int, ended: bool
) -> dict[int, str]:
    """Return the digests that told of alerts and of nothing else that still needs somebody.

    What counts is what the receiver was told: one that ended and began again between two messages
    goes on as far as it knows.

    Args:
        con: Transaction.
        receiver: The receiver.
        alerts: Alerts that are over, or that somebody takes care of.
        said_in: The message that says so.
        ended: All that they told of must be over; else it is enough that somebody takes care of it.

    Returns:
        What the channel called each, by its place in the outbox; none that was over before.
    """
    found: dict[int, str] = {}
    for chunk in chunks(sorted(alerts)):
        rows: Iterable[Any] = con.execute(
            sa.select(outbox.c.id, outbox.c.ref).distinct()
            .join(outbox_member, outbox.c.id == outbox_member.c.outbox_id)
            .where(
                outbox_member.c.fingerprint.in_(chunk), outbox_member.c.says == "firing",
                outbox.c.kind == "digest", outbox.c.receiver == receiver, outbox.c.id < said_in,
                outbox.c.state == "sent", outbox.c.is_over == 0, outbox.c.ref != "",
            )
        )  # fmt: skip
        found |= {row.id: row.ref for row in rows}
    if not found:
        return found
    open_ones = _told_open(receiver, said_in) if ended else _unanswered()
    return {
        number: ref for number, ref in found.items()
        if con.execute(open_ones.where(outbox_member.c.outbox_id == number)).first() is None
    }  # fmt: skip


def _told_open(receiver: str, said_in: int) -> sa.Select[Any]:
    """Select an alert of a digest whose end nobody told since."""
    later, message = outbox_member.alias(), outbox.alias()
    told_over = (
        sa.exists()
        .where(
            later.c.fingerprint == outbox_member.c.fingerprint, later.c.says != "firing",
            later.c.outbox_id > outbox_member.c.outbox_id, message.c.id == later.c.outbox_id,
            message.c.receiver == receiver,
            sa.or_(message.c.state == "sent", message.c.id == said_in),
        )
    )  # fmt: skip
    firing = outbox_member.c.says == "firing"
    return sa.select(outbox_member.c.n).where(firing, sa.not_(told_over)).limit(1)


def _unanswered() -> sa.Select[Any]:
    """Select an alert of a digest that goes on and that nobody takes care of."""
    same = episode.c.fingerprint == outbox_member.c.fingerprint
    return (
        sa.select(episode.c.n).join_from(outbox_member, episode, same)
        .where(
            outbox_member.c.says == "firing", episode.c.resolved_at.is_(None),
            episode.c.fired == 1, episode.c.acked_by == "",
        )
        .limit(1)
    )  # fmt: skip
