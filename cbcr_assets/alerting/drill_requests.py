"""Requests of restore drills: somebody wants it proven that an instance can be restored.

Belongs here: asking, withdrawing, answering, listing.
Does not belong here: which restore answers one (see `cbcr_assets.steps.drills`), the drill itself.

Everything that writes runs in a transaction of the caller (see `tables.writing`).
"""

from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from cbcr_assets.alerting.people import drill_request


@dataclass(frozen=True)
class DrillRequest:
    """A request; moments are naive UTC.

    Attributes:
        id: Its identity.
        instance_id: What shall be restored.
        team: Whose instance it is, may be empty.
        reason: Why.
        asked_by: Who asked.
        asked_at: When.
        closed_at: When it was answered or withdrawn; None: it waits.
        closed_by: Who withdrew it; empty: a restore answered it.
        evidence: The restore that answered it, may be empty.
    """

    id: str
    instance_id: str
    team: str
    reason: str
    asked_by: str
    asked_at: datetime
    closed_at: datetime | None = None
    closed_by: str = ""
    evidence: str = ""

    @property
    def state(self) -> str:
        """Return open, answered or withdrawn."""
        if self.closed_at is None:
            return "open"
        return "withdrawn" if self.closed_by else "answered"

    def row(self) -> dict[str, object]:
        """Return the columns of a listing."""
        return {"state": self.state, **asdict(self)}


def ask(con: sa.Connection, request: DrillRequest) -> DrillRequest | None:
    """Store a request.

    Returns:
        None; or the one for the same instance that waits already, and nothing was stored.
    """
    waiting = requests(con, instance_id=request.instance_id)
    if waiting:
        return waiting[0]
    con.execute(drill_request.insert().values(**asdict(request)))
    return None


def close(
    con: sa.Connection, identity: str, *, now: datetime, by: str = "", evidence: str = ""
) -> bool:
    """End a request.

    Args:
        con: Transaction.
        identity: The request.
        now: Present, naive UTC.
        by: Who withdraws it; empty: it is answered.
        evidence: The restore that answers it.

    Returns:
        False when it waits no longer, or there is none.
    """
    done = con.execute(
        drill_request.update()
        .where(drill_request.c.id == identity, drill_request.c.closed_at.is_(None))
        .values(closed_at=now, closed_by=by, evidence=evidence)
    )
    return int(done.rowcount) == 1


def requests(
    con: sa.Connection,
    *,
    instance_id: str = "",
    every: bool = False,
    closed_after: datetime | None = None,
) -> list[DrillRequest]:
    """Return requests, those that wait the longest first.

    Args:
        con: Transaction.
        instance_id: Only of this instance; empty: of all.
        every: Closed ones, too.
        closed_after: Closed ones only if they were closed later than this, naive UTC; None: all.
    """
    c = drill_request.c
    query = sa.select(drill_request).order_by(c.closed_at.is_not(None), c.asked_at, c.id)
    if instance_id:
        query = query.where(c.instance_id == instance_id)
    if not every:
        query = query.where(c.closed_at.is_(None))
    if closed_after is not None:
        query = query.where(sa.or_(c.closed_at.is_(None), c.closed_at > closed_after))
    return [DrillRequest(**row) for row in con.execute(query).mappings()]
