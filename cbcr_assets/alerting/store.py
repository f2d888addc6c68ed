"""What was seen, and what people look at.

Belongs here: evaluations that were ingested, views of episodes.
Does not belong here: what the engine reads and writes (see `load`, `save`), messages (`outbox`),
letting ended alerts go (see `retention`).

Everything that writes runs in a transaction of the caller (see `tables.writing`).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting.core import Applied
from cbcr_assets.alerting.model import Evaluation, Phase
from cbcr_assets.alerting.reports import AlertView
from cbcr_assets.alerting.tables import (
    alert_group,
    alert_state,
    episode,
    meta,
    outbox,
    outbox_member,
    scope,
    seen_evaluation,
)
from cbcr_assets.config.alerting import Policy

_MOMENT_S = 0.001


def has_seen(con: sa.Connection, evaluation_id: str, rule: str) -> bool:
    """Tell whether an evaluation of a rule was ingested, or ignored as outdated."""
    seen = seen_evaluation.c
    query = sa.select(seen.rule).where(seen.evaluation_id == evaluation_id, seen.rule == rule)
    return con.execute(query).first() is not None


def newest(con: sa.Connection, rule: str) -> Applied | None:
    """Return the newest evaluation of a rule that was ingested."""
    seen = seen_evaluation.c
    row = con.execute(
        sa.select(seen.evaluated_at, seen.evaluation_id)
        .where(seen.rule == rule)
        .order_by(seen.evaluated_at.desc(), seen.evaluation_id.desc())
        .limit(1)
    ).first()
    return Applied(row.evaluated_at, row.evaluation_id) if row else None


def mark_seen(con: sa.Connection, evaluation: Evaluation, now: datetime) -> None:
    """Remember that an evaluation was ingested."""
    con.execute(
        seen_evaluation.insert().values(
            evaluation_id=evaluation.evaluation_id, rule=evaluation.rule,
            evaluated_at=evaluation.evaluated_at, seen_at=now,
        )
    )  # fmt: skip


def prune_seen(con: sa.Connection, *, before: datetime) -> int:
    """Forget evaluations that were ingested long ago, but never the newest of a rule.

    The newest one makes every older evaluation outdated, so a file of a forgotten evaluation that
    turns up again opens nothing.

    Returns:
        How many were forgotten.
    """
    newer = seen_evaluation.alias("newer")
    old = seen_evaluation.c
    exists_newer = sa.exists().where(
        newer.c.rule == old.rule,
        sa.or_(
            newer.c.evaluated_at > old.evaluated_at,
            (newer.c.evaluated_at == old.evaluated_at)
            & (newer.c.evaluation_id > old.evaluation_id),
        ),
    )
    done = con.execute(seen_evaluation.delete().where(old.seen_at < before, exists_newer))
    return int(done.rowcount)


def views(con: sa.Connection, *, only_open: bool) -> list[AlertView]:
    """Return episodes, the worst and oldest first."""
    waiting = _undelivered(con)
    query = sa.select(episode, alert_state.c.phase, alert_state.c.episode.label("newest")).join(
        alert_state, alert_state.c.fingerprint == episode.c.fingerprint
    )
    if only_open:
        query = query.where(episode.c.resolved_at.is_(None))
    found = []
    for row in con.execute(query):
        # The state is that of the newest episode; earlier ones are over.
        phase = row.phase if row.n == row.newest else Phase.RESOLVED.value
        pending, dead = (waiting.get((row.fingerprint, row.n, s), 0) for s in ("pending", "dead"))
        found.append(
            AlertView(
                row.rule, row.subject_kind, row.subject_id, phase, row.status, row.severity,
                row.started_at, row.opened_at, row.resolved_at, row.team, row.summary,
                pending, dead, row.acked_by, row.muted_by, row.step,
            )
        )  # fmt: skip
    order = {"critical": 0, "warning": 1, "info": 2}
    return sorted(
        found,
        key=lambda v: (not v.is_open, order[v.severity], v.started_at, v.rule, v.subject_id),
    )


def _undelivered(con: sa.Connection) -> dict[tuple[str, int, str], int]:
    c = outbox_member.c
    rows: Iterable[Any] = con.execute(
        sa.select(c.fingerprint, c.n, outbox.c.state, sa.func.count())
        .join(outbox, outbox.c.id == c.outbox_id)
        .where(outbox.c.state.in_(["pending", "dead"]))
        .group_by(c.fingerprint, c.n, outbox.c.state)
    )
    return {(fingerprint, n, state): count for fingerprint, n, state, count in rows}


def next_due_e(con: sa.Connection, policy: Policy) -> float | None:
    """Return when time alone brings something about: a timer, a flush, a message's turn.

    Args:
        con: Transaction.
        policy: Says when an alert is stale.

    Returns:
        The moment on the engine's clock; None: nothing happens by itself.
    """
    moments = [
        con.execute(sa.select(sa.func.min(column))).scalar()
        for column in (alert_state.c.due_e, episode.c.due_e, alert_group.c.flush_e)
    ]
    waiting = sa.select(sa.func.min(outbox.c.due_e)).where(outbox.c.state == "pending")
    moments.append(con.execute(waiting).scalar())
    for row in con.execute(sa.select(scope).where(scope.c.silent == 0)):
        limit_s = policy.stale_after(row.rule)
        moments.append(row.seen_e + limit_s + _MOMENT_S if limit_s else None)
    return min((moment for moment in moments if moment is not None), default=None)


def policy_in_force(con: sa.Connection) -> str:
    """Return the mark of the policy that alerts were routed by last."""
    query = sa.select(meta.c.value).where(meta.c.name == "policy")
    return con.execute(query).scalar() or ""


def seen_e(con: sa.Connection, name: str) -> float | None:
    """Return when a scope was spoken of last, on the engine's clock."""
    found: float | None = con.execute(
        sa.select(scope.c.seen_e).where(scope.c.name == name)
    ).scalar()
    return found


def is_open(con: sa.Connection, name: str) -> bool:
    """Tell whether any alert of a scope fires or waits to fire."""
    alive = (alert_state.c.scope == name) & (alert_state.c.phase != Phase.RESOLVED.value)
    return con.execute(sa.select(alert_state.c.scope).where(alive).limit(1)).first() is not None
