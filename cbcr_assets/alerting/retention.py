"""How long ended alerts are remembered: what may go, and letting it go.

Belongs here: which rows of the alert store belong together and so go together.
Does not belong here: the age (see `cbcr_assets.config`), or when (see `cbcr_assets.steps`).

An episode goes once it ended before a midnight, no group holds it (to tell its end, or because its
receiver believes that it goes on) and no message about it must stay; a message once it is on its
way no longer and every episode it is about has ended before and is held by no group; what the
journal says of either goes with them. So whoever was told that an open episode began is still known
when it ends. A silence goes once it ended. The state of an alert stays, for it numbers the next
episode. Groups go by themselves when they are empty.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting.tables import (
    episode,
    group_member,
    journal,
    open_store,
    outbox,
    outbox_member,
    reading,
    silence,
    writing,
)

_LONG_AGO = datetime.fromisoformat("1970-01-01")


@dataclass(frozen=True)
class StorePart:
    """What may go of one table of the store.

    Attributes:
        table: Its name.
        rows: Rows that may go.
        bytes: Length of their values; indexes are not counted.
        of_rows: All rows.
        of_bytes: Length of all values.
        oldest: Oldest time in it, naive UTC.
    """

    table: str
    rows: int
    bytes: int
    of_rows: int
    of_bytes: int
    oldest: datetime | None


def plan_store(store_url: str, *, before: datetime | None) -> list[StorePart]:
    """Say what may go.

    Args:
        store_url: SQLAlchemy URL of the store.
        before: A midnight, naive UTC; None: everything is kept.

    Raises:
        StoreError: The store cannot be opened.
    """
    with reading(open_store(store_url)) as con:
        return _parts(con, before)


def prune_store(store_url: str, *, before: datetime) -> list[StorePart]:
    """Let go what ended before a midnight, in one transaction; return what went.

    Raises:
        StoreError: The store cannot be opened.
    """
    with writing(open_store(store_url)) as con:
        parts = _parts(con, before)
        # In this order each condition still finds what it looks at.
        for table, gone in _conditions(before):
            con.execute(table.delete().where(gone))
        return parts


def _conditions(before: datetime) -> list[tuple[sa.Table, sa.ColumnElement[bool]]]:
    messages = _ended_messages(before)
    return [
        (journal, _ended_entry(before, messages)),
        (episode, _ended_episode(episode, before, messages)),
        (outbox_member, outbox_member.c.outbox_id.in_(messages)),
        (outbox, outbox.c.id.in_(messages)),
        (silence, silence.c.ends_at < before),
    ]


def _ended_messages(before: datetime) -> sa.Select[tuple[int]]:
    ended, member, about = outbox.alias("ended"), outbox_member.alias(), episode.alias()
    later = sa.or_(about.c.resolved_at.is_(None), about.c.resolved_at >= before, _is_held(about))
    about_later = (
        sa.select(sa.literal(1))
        .select_from(member.join(about, _same_episode(member, about)))
        .where(member.c.outbox_id == ended.c.id, later)
        .correlate(ended)
        .exists()
    )
    return sa.select(ended.c.id).where(
        ended.c.state != "pending", ended.c.done_at < before, sa.not_(about_later)
    )


def _ended_episode(
    table: sa.FromClause, before: datetime, messages: sa.Select[tuple[int]]
) -> sa.ColumnElement[bool]:
    told = outbox_member.alias()
    staying = sa.exists().where(
        _same_episode(told, table), told.c.outbox_id.not_in(messages.correlate(None))
    )
    return sa.and_(table.c.resolved_at < before, sa.not_(_is_held(table)), sa.not_(staying))


def _ended_entry(before: datetime, messages: sa.Select[tuple[int]]) -> sa.ColumnElement[bool]:
    about, message = episode.alias(), outbox.alias()
    of_episode = sa.exists().where(
        _same_episode(journal, about), sa.not_(_ended_episode(about, before, messages))
    )
    of_message = sa.exists().where(
        message.c.id == journal.c.outbox_id, message.c.id.not_in(messages)
    )
    return sa.and_(journal.c.at < before, sa.not_(of_episode), sa.not_(of_message))


def _is_held(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that a group still needs an episode."""
    held = group_member.alias()
    return sa.exists().where(_same_episode(held, table))


def _same_episode(one: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(one.c.fingerprint == other.c.fingerprint, one.c.n == other.c.n)


def _parts(con: sa.Connection, before: datetime | None) -> list[StorePart]:
    moments = {
        "journal": "at", "episode": "opened_at", "outbox": "created_at", "silence": "starts_at"
    }  # fmt: skip
    found = []
    for table, gone in _conditions(before or _LONG_AGO):
        size = sum(
            (sa.func.coalesce(sa.func.length(sa.cast(c, sa.Text)), 0) for c in table.columns),
            start=sa.literal(0),
        )
        counted = (sa.func.count(), sa.func.coalesce(sa.func.sum(size), 0))
        name = moments.get(table.name)
        oldest = sa.func.min(table.c[name]) if name else sa.null()
        some: Any = con.execute(sa.select(*counted).select_from(table).where(gone)).one()
        whole: Any = con.execute(sa.select(*counted, oldest).select_from(table)).one()
        found.append(
            StorePart(table.name, some[0], int(some[1]), whole[0], int(whole[1]), whole[2])
        )
    return found
