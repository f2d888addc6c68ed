"""What happened, for those who ask how alerting itself does: the journal, in portions.

Belongs here: reading it. Does not belong here: the warehouse it goes to.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting.load import chunks
from cbcr_assets.alerting.tables import episode, journal, outbox, outbox_member

_PORTION = 20_000
Rows = list[dict[str, Any]]


def read_history(con: sa.Connection, after: int) -> Mapping[str, Rows]:
    """Return the journal's next lines, and the episodes and deliveries that they are about.

    Args:
        con: Reading transaction.
        after: The last line that is known already.
    """
    j = journal.c
    columns = (
        j.id, j.at.label("happened_at"), j.what, j.fingerprint, j.n, j.rule, j.severity,
        j.receiver, j.outbox_id, j.detail,
    )  # fmt: skip
    lines = _rows(con, sa.select(*columns).where(j.id > after).order_by(j.id).limit(_PORTION))
    names = {line["fingerprint"] for line in lines if line["fingerprint"]}
    sent = {line["outbox_id"] for line in lines if line["outbox_id"]}
    return {
        "alert_journal": lines,
        "alert_episodes": _episodes(con, names),
        "alert_deliveries": _deliveries(con, sent),
    }


def _episodes(con: sa.Connection, fingerprints: Iterable[str]) -> Rows:
    e = episode.c
    query = sa.select(
        e.fingerprint, e.n, e.rule, e.subject_kind, e.subject_id, e.team, e.severity, e.started_at,
        e.opened_at, e.resolved_at, e.raised, (e.flapping == 1).label("flapping"),
    ).where(e.fired == 1)  # fmt: skip
    found: Rows = []
    for chunk in chunks(sorted(fingerprints)):
        found += _rows(con, query.where(e.fingerprint.in_(chunk)))
    return found


def _deliveries(con: sa.Connection, ids: Iterable[int]) -> Rows:
    m = outbox_member.c
    query = sa.select(
        m.outbox_id, m.fingerprint, m.n, outbox.c.receiver, outbox.c.kind, m.says,
        outbox.c.created_at, outbox.c.done_at, outbox.c.state,
    ).join_from(outbox_member, outbox, outbox.c.id == m.outbox_id)  # fmt: skip
    found: Rows = []
    for chunk in chunks(sorted(ids)):
        done = outbox.c.done_at.is_not(None)
        found += _rows(con, query.where(m.outbox_id.in_(chunk), done))
    return found


def _rows(con: sa.Connection, query: sa.Select[Any]) -> Rows:
    return [dict(row._mapping) for row in con.execute(query)]
