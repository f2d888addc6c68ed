"""What of a message is said at the moment it is sent, and what it continues.

Belongs here: leaving out ends that nobody heard begin; threads; what a digest told before.
Does not belong here: queueing and marking (see `outbox`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting.message import Message, Outgoing
from cbcr_assets.alerting.tables import outbox_member
from cbcr_assets.alerting.threads import digests, heard, known_as, thread

_SAYS = sa.select(outbox_member.c.fingerprint, outbox_member.c.n, outbox_member.c.says).where(
    outbox_member.c.outbox_id == sa.bindparam("outbox_id")
)
_SAYS_OVER = _SAYS.where(outbox_member.c.says != "firing")
_BEGINS = ("opened", "worsened")
_IN_THREAD = ("escalation", "acknowledged")
_SAYS_AGAIN = ("repeat", "digest")


def says_in(con: sa.Connection, outbox_id: int) -> Mapping[str, tuple[int, str]]:
    """Return what a message says about each alert: the episode, and firing, resolved or both."""
    return _says(con, _SAYS, outbox_id)


def _over_in(con: sa.Connection, outbox_id: int) -> Mapping[str, tuple[int, str]]:
    return _says(con, _SAYS_OVER, outbox_id)


def _says(
    con: sa.Connection, query: sa.Select[Any], outbox_id: int
) -> Mapping[str, tuple[int, str]]:
    rows: Iterable[Any] = con.execute(query, {"outbox_id": outbox_id}).all()
    return {name: (n, says) for name, n, says in rows}


def outgoing_of(
    con: sa.Connection, row: Any, message: Message
) -> tuple[Outgoing | None, tuple[int, ...]]:
    """Return what is sent: nothing about an end whose beginning was never heard.

    Args:
        con: Transaction.
        row: The message's row of the outbox.
        message: The message.

    Returns:
        What is sent, None: nothing; and the digests that are over with it.
    """
    # What begins fires, all of it, and continues nothing: only what is over beside it is looked at.
    begins = row.kind in _BEGINS
    says = _over_in(con, row.id) if begins else says_in(con, row.id)
    over = {name: n for name, (n, what) in says.items() if what == "resolved"}
    fires = {name: n for name, (n, what) in says.items() if what == "firing"}
    told = heard(con, row.receiver, over, before=row.id) if over else {}
    if unheard := over.keys() - told.keys():
        kept = says.keys() - unheard - fires.keys()
        if row.kind == "resolved" and not kept:
            return None, ()
        message = _without(message, unheard, kept, is_end=row.kind == "resolved")
    ended = digests(con, row.receiver, over, said_in=row.id, ended=True)
    out = Outgoing(message, ends=tuple(ended.values()))
    if row.kind == "resolved":
        out = replace(out, thread=thread(con, told))
    elif row.kind in _IN_THREAD:
        out = replace(out, thread=thread(con, heard(con, row.receiver, fires, before=row.id)))
    elif row.kind in _SAYS_AGAIN:
        out = replace(out, known_as=known_as(con, row.receiver, fires, message, before=row.id))
    if row.kind == "acknowledged":
        answered = digests(con, row.receiver, fires, said_in=row.id, ended=False)
        out = replace(out, answers=tuple(answered.values()))
    return out, tuple(ended)


def _without(message: Message, unheard: set[str], kept: set[str], *, is_end: bool) -> Message:
    if is_end:
        return message.only(kept)
    others = tuple(m for m in message.others if m.fingerprint not in unheard)
    return replace(message, others=others, others_total=max(message.others_total - len(unheard), 0))
