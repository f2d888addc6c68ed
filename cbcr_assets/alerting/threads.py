"""Who heard what: which earlier message of a receiver a new one is about.

Belongs here: those queries. Does not belong here: queueing and marking (see `outbox`).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting.load import chunks
from cbcr_assets.alerting.message import Thread
from cbcr_assets.alerting.tables import episode, outbox, outbox_member


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
