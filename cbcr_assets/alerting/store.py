"""The state of alerts: what is known, what changes, what was seen.

Belongs here: queries about alerts and episodes, the same on SQLite and PostgreSQL.
Does not belong here: what to change (see `core`), waiting messages (see `outbox`).

Everything that writes runs in a transaction of the caller (see `tables.writing`), so that state,
outbox and journal change together or not at all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from cbcr_assets.alerting.compose import Episode, Key, started_at
from cbcr_assets.alerting.core import Applied
from cbcr_assets.alerting.model import (
    AlertState,
    Change,
    ChangeKind,
    Evaluation,
    Phase,
    Row,
    Subject,
)
from cbcr_assets.alerting.reports import AlertView
from cbcr_assets.alerting.tables import (
    alert_state,
    episode,
    journal,
    outbox,
    outbox_member,
    seen_evaluation,
)

_Item = TypeVar("_Item")
_CHUNK = 5_000


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


def states(con: sa.Connection, rule: str) -> dict[Subject, AlertState]:
    """Return everything known about the alerts of a rule."""
    c = alert_state.c
    rows: Iterable[Any] = con.execute(
        sa.select(
            c.subject_kind, c.subject_id, c.fingerprint, c.episode, c.phase, c.status,
            c.severity, c.level,
        ).where(c.scope == rule)
    )  # fmt: skip
    phases = {phase.value: phase for phase in Phase}
    return {
        Subject(kind, name): AlertState(fingerprint, n, phases[phase], status, severity, level)
        for kind, name, fingerprint, n, phase, status, severity, level in rows
    }


def open_episodes(con: sa.Connection, changes: Sequence[Change]) -> dict[Key, Episode]:
    """Return the episodes that were open before and that people must hear about now."""
    told = (ChangeKind.WORSENED, ChangeKind.RESOLVED)
    keys = {(c.after.fingerprint, c.after.episode) for c in changes if c.kind in told}
    heard: dict[Key, set[str]] = {}
    found: dict[Key, Episode] = {}
    for chunk in _chunks(sorted({fingerprint for fingerprint, _ in keys})):
        for fingerprint, n, receiver in _told(con, chunk):
            heard.setdefault((fingerprint, n), set()).add(receiver)
        c = episode.c
        rows: Iterable[Any] = con.execute(
            sa.select(c.fingerprint, c.n, c.started_at, c.team, c.severity, c.summary).where(
                c.fingerprint.in_(chunk), c.resolved_at.is_(None)
            )
        )
        for fingerprint, n, started, team, severity, summary in rows:
            key = (fingerprint, n)
            if key in keys:
                by = frozenset(heard.get(key, ()))
                found[key] = Episode(started, team, severity, summary, heard_by=by)
    return found


def _told(con: sa.Connection, fingerprints: Sequence[str]) -> Iterable[Any]:
    """Return who was told, or is about to be, that episodes of these alerts began."""
    c = outbox_member.c
    return con.execute(
        sa.select(c.fingerprint, c.n, outbox.c.receiver)
        .distinct()
        .join(outbox, outbox.c.id == c.outbox_id)
        .where(
            c.fingerprint.in_(fingerprints),
            outbox.c.kind != ChangeKind.RESOLVED.value,
            outbox.c.state.in_(["pending", "sent"]),
        )
    )


def apply(
    con: sa.Connection,
    evaluation: Evaluation,
    changes: Sequence[Change],
    known: Mapping[Subject, AlertState],
    *,
    now: datetime,
) -> None:
    """Write changes: state, episodes, journal.

    Args:
        con: Writing transaction.
        evaluation: The evaluation that causes them.
        changes: The changes.
        known: The states before.
        now: Present, naive UTC.
    """
    fresh = [c for c in changes if c.subject not in known]
    old = [c for c in changes if c.subject in known]
    at = evaluation.evaluated_at
    _many(con, alert_state.insert(), (_state(evaluation.rule, c) for c in fresh))
    _many(con, _by_key(alert_state, "fingerprint"), (_state(None, c) for c in old))
    opened = [c for c in changes if c.kind is ChangeKind.OPENED]
    _many(con, episode.insert(), (_opened(c, c.row, at) for c in opened if c.row))
    # A subject that vanished keeps the words that were true last.
    changed = [c for c in changes if c.kind is not ChangeKind.OPENED]
    for kind in (ChangeKind.WORSENED, ChangeKind.QUIET):
        some = [c for c in changed if c.kind is kind]
        _many(con, _by_key(episode, "fingerprint", "n"), (_facts(c) for c in some))
    over = ({"b_fingerprint": c.after.fingerprint, "b_n": c.after.episode, "status": "ok",
             "resolved_at": at} for c in changed if c.kind is ChangeKind.RESOLVED)  # fmt: skip
    _many(con, _by_key(episode, "fingerprint", "n"), over)
    _many(con, journal.insert(), (_entry(evaluation, c, now) for c in changes))


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
                pending, dead,
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


def _state(scope: str | None, change: Change) -> dict[str, Any]:
    after = change.after
    values: dict[str, Any] = {
        "episode": after.episode, "phase": after.phase.value, "status": after.status,
        "severity": after.severity, "level": after.level,
    }  # fmt: skip
    if scope is None:
        return values | {"b_fingerprint": after.fingerprint}
    subject = {"subject_kind": change.subject.kind, "subject_id": change.subject.id}
    return values | subject | {"fingerprint": after.fingerprint, "scope": scope}


def _facts(change: Change) -> dict[str, Any]:
    row, after = change.row, change.after
    assert row is not None  # only a stale change has no row
    return {
        "b_fingerprint": after.fingerprint, "b_n": after.episode, "status": after.status,
        "severity": after.severity, "team": row.team, "labels": row.labels,
        "summary": row.summary, "runbook": row.runbook,
    }  # fmt: skip


def _opened(change: Change, row: Row, evaluated_at: datetime) -> dict[str, Any]:
    return {
        "fingerprint": change.after.fingerprint, "n": change.after.episode, "rule": row.rule,
        "subject_kind": row.subject.kind, "subject_id": row.subject.id, "status": row.status,
        "severity": row.severity, "team": row.team, "labels": row.labels,
        "summary": row.summary, "runbook": row.runbook,
        "started_at": started_at(row, evaluated_at), "opened_at": evaluated_at,
    }  # fmt: skip


def _entry(evaluation: Evaluation, change: Change, now: datetime) -> dict[str, Any]:
    return {
        "at": now, "what": change.kind.value, "fingerprint": change.after.fingerprint,
        "n": change.after.episode, "rule": evaluation.rule, "subject_kind": change.subject.kind,
        "subject_id": change.subject.id, "status": change.after.status,
        "severity": change.after.severity, "evaluation_id": evaluation.evaluation_id,
    }  # fmt: skip


def _by_key(table: sa.Table, *keys: str) -> sa.Update:
    """Return an update by key; the parameters `b_<key>` name the row, all others are set."""
    return table.update().where(*(table.c[key] == sa.bindparam(f"b_{key}") for key in keys))


def _many(
    con: sa.Connection, statement: sa.Insert | sa.Update, rows: Iterable[dict[str, Any]]
) -> None:
    batch = list(rows)
    if batch:
        con.execute(statement, batch)


def _chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk
