"""The audit of what people did: who, when, what, and what came of it.

Belongs here: appending and reading. Does not belong here: who may do what (see `streamlit_app`).

Everything that writes runs in a transaction of the caller (see `tables.writing`).
"""

from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from cbcr_assets.alerting.people import deed

ASKED, ENDED = "asked", "ended"
_CUT_OFF = "unknown"


@dataclass(frozen=True)
class Asked:
    """Something a person asked for.

    Attributes:
        key: Of the form that was submitted.
        name: Who, as people call them.
        subject: Who, as the login knows them.
        role: As what.
        action: What.
        target: About what.
        details: With which words, as JSON.
    """

    key: str
    name: str
    subject: str
    role: str
    action: str
    target: str
    details: str = "{}"


@dataclass(frozen=True)
class Deed:
    """One action as the audit shows it.

    Attributes:
        at: When it was asked for, naive UTC.
        name: Who, as people call them.
        subject: Who, as the login knows them.
        role: As what.
        action: What.
        target: About what.
        details: With which words, as JSON.
        outcome: done, nothing, refused, failed; unknown while its end was not written.
        result: What the person was told.
    """

    at: datetime
    name: str
    subject: str
    role: str
    action: str
    target: str
    details: str
    outcome: str
    result: str

    def row(self) -> dict[str, object]:
        """Return the columns of a listing."""
        return asdict(self)


def begin(con: sa.Connection, asked: Asked, *, now: datetime) -> str | None:
    """Append that something is asked for.

    Returns:
        None when it is asked for the first time; else what came of it then, empty while it is on
        its way.
    """
    before = con.execute(
        sa.select(deed.c.stage, deed.c.result).where(deed.c.key == asked.key).order_by(deed.c.id)
    ).all()
    if before:
        return str(before[-1].result)
    con.execute(deed.insert().values(at=now, stage=ASKED, **asdict(asked)))
    return None


def end(con: sa.Connection, asked: Asked, *, outcome: str, result: str, now: datetime) -> None:
    """Append how it ended."""
    con.execute(
        deed.insert().values(
            at=now, stage=ENDED, outcome=outcome, result=result, **asdict(asked)
        )
    )  # fmt: skip


def newest(con: sa.Connection, *, limit: int, action: str = "") -> list[Deed]:
    """Return what was done, the newest first.

    Args:
        con: Transaction.
        limit: How many at most.
        action: Only this action; empty: all.
    """
    first, last = deed.alias("first"), deed.alias("last")
    columns = [first.c[n] for n in ("name", "subject", "role", "action", "target", "details")]
    outcome = sa.func.coalesce(last.c.outcome, first.c.outcome, "")
    query = (
        sa.select(first.c.at, *columns, outcome.label("outcome"), last.c.result)
        .select_from(
            first.outerjoin(last, sa.and_(last.c.key == first.c.key, last.c.stage == ENDED))
        )
        .where(first.c.stage == ASKED)
        .order_by(first.c.id.desc())
        .limit(limit)
    )
    if action:
        query = query.where(first.c.action == action)
    return [
        Deed(row.at, row.name, row.subject, row.role, row.action, row.target, row.details,
             row.outcome or _CUT_OFF, row.result or "")
        for row in con.execute(query)
    ]  # fmt: skip
