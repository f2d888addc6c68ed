"""What people asked the watch lane to do in the warehouse, which only its runs may write.

Belongs here: leaving an errand, taking it, saying what came of it.
Does not belong here: doing it (see `cbcr_assets.steps.errands`).

Everything that writes runs in a transaction of the caller (see `tables.writing`).
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from cbcr_assets.alerting.people import errand

RELEASE = "release"


@dataclass(frozen=True)
class Errand:
    """Something to do; moments are naive UTC.

    Attributes:
        id: Its identity.
        kind: What to do; `release` lets a row in quarantine count.
        target: With what.
        asked_by: Who asked.
        asked_at: When.
        done_at: When it was done; None: it waits.
        outcome: done, nothing or failed; empty while it waits.
        result: What came of it, in words.
    """

    id: str
    kind: str
    target: str
    asked_by: str
    asked_at: datetime
    done_at: datetime | None = None
    outcome: str = ""
    result: str = ""


def leave(con: sa.Connection, one: Errand) -> Errand | None:
    """Leave an errand.

    Returns:
        None; or the same one that waits already, and nothing was stored.
    """
    c = errand.c
    same = sa.select(errand).where(
        c.kind == one.kind, c.target == one.target, c.done_at.is_(None)
    )  # fmt: skip
    waiting = con.execute(same).mappings().first()
    if waiting is not None:
        return Errand(**waiting)
    con.execute(
        errand.insert().values(
            id=one.id, kind=one.kind, target=one.target, asked_by=one.asked_by,
            asked_at=one.asked_at,
        )
    )  # fmt: skip
    return None


def waiting(con: sa.Connection) -> list[Errand]:
    """Return what is to be done, the oldest first."""
    c = errand.c
    query = sa.select(errand).where(c.done_at.is_(None)).order_by(c.asked_at, c.id)
    return [Errand(**row) for row in con.execute(query).mappings()]


def newest(con: sa.Connection, *, kind: str, limit: int) -> list[Errand]:
    """Return errands of a kind, the newest first."""
    c = errand.c
    query = sa.select(errand).where(c.kind == kind).order_by(c.asked_at.desc(), c.id).limit(limit)
    return [Errand(**row) for row in con.execute(query).mappings()]


def finish(con: sa.Connection, identity: str, *, outcome: str, result: str, now: datetime) -> None:
    """Say what came of an errand."""
    con.execute(
        errand.update()
        .where(errand.c.id == identity, errand.c.done_at.is_(None))
        .values(done_at=now, outcome=outcome, result=result)
    )
