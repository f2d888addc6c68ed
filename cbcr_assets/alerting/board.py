"""What people look at while alerts are open: incidents with their timers, messages on their way.

Belongs here: reading the store for pages, a page of rows at a time.
Does not belong here: anything that writes; what the command line lists (see `store.views`).

Moments come out as naive UTC: what the engine's clock says is counted from now.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting import heartbeat
from cbcr_assets.alerting.clock import Timer, present
from cbcr_assets.alerting.escalation import chain_from
from cbcr_assets.alerting.inputs import Silence
from cbcr_assets.alerting.load import read_silences
from cbcr_assets.alerting.model import Phase
from cbcr_assets.alerting.tables import (
    StoreError,
    alert_state,
    episode,
    open_store,
    outbox,
    outbox_member,
    pause,
    reading,
)

Row = dict[str, Any]
GROUPS = ("rule", "team", "severity", "subject_kind")
_e, _s, _o = episode.c, alert_state.c, outbox.c
_IS_OPEN = sa.and_(
    _e.resolved_at.is_(None), _s.episode == _e.n,
    _s.phase.not_in([Phase.RESOLVED.value, Phase.PENDING.value]),
)  # fmt: skip
_RANK = sa.case({"critical": 0, "warning": 1}, value=_e.severity, else_=2)
_NONE = {"pending": 0, "dead": 0}
_STEP_E = _e.resume_e + _e.remaining_s


class Board:
    """The store as pages see it, at one moment."""

    def __init__(self, engine: sa.Engine, timer: Timer, now: datetime) -> None:
        """Use `open_board` instead."""
        self._engine = engine
        self._timer = timer
        self._now = now

    def groups(self, by: str) -> list[Row]:
        """Return open alerts by one label, the worst and largest first.

        Args:
            by: One of `GROUPS`.

        Returns:
            member, alerts, critical, untaken (nobody takes care and nothing keeps them quiet),
            acked, muted, since, next_step_at.
        """
        if by not in GROUPS:
            raise ValueError(f"{by!r} is none of {', '.join(GROUPS)}")
        column = _e[by]
        is_acked, is_muted = _e.acked_by != "", _e.muted_by != ""
        query = (
            sa.select(
                column.label("member"), sa.func.count().label("alerts"),
                _count(_e.severity == "critical").label("critical"),
                _count(~is_acked & ~is_muted).label("untaken"),
                _count(is_acked).label("acked"), _count(is_muted & ~is_acked).label("muted"),
                sa.func.min(_e.started_at).label("since"), sa.func.min(_STEP_E).label("next_e"),
            )
            .join(alert_state, _s.fingerprint == _e.fingerprint)
            .where(_IS_OPEN)
            .group_by(column)
            .order_by(sa.desc("critical"), sa.desc("alerts"), column)
        )  # fmt: skip
        with reading(self._engine) as con:
            now_e = self._now_e(con)
            rows = [dict(row) for row in con.execute(query).mappings()]
        return [{**row, "next_step_at": self._at(row.pop("next_e"), now_e)} for row in rows]

    def incidents(
        self, where: Mapping[str, str] | None = None, *, word: str = "", rows: int, skip: int = 0
    ) -> list[Row]:
        """Return open alerts, the worst and oldest first; `total` counts all that match.

        Args:
            where: Only those whose labels have these values; names of `GROUPS`, or `fingerprint`.
            word: Only those whose subject contains it.
            rows: So many at most.
            skip: Leave the first out.

        Returns:
            fingerprint, n, rule, subject_kind, subject_id, team, severity, status, state, summary,
            started_at, acked_by, acked_until, muted_by, step, steps, next_receiver, next_step_at,
            pending, dead, total.
        """
        wanted = [_IS_OPEN]
        wanted += [_e[name] == value for name, value in (where or {}).items()]
        wanted += [_e.subject_id.icontains(word, autoescape=True)] if word else []
        query = (
            sa.select(
                _e.fingerprint, _e.n, _e.rule, _e.subject_kind, _e.subject_id, _e.team,
                _e.severity, _e.status, _s.phase.label("state"), _e.summary, _e.started_at,
                _e.acked_by, _e.ack_until_e, _e.muted_by, _e.step, _e.chain,
                _STEP_E.label("next_e"),
                sa.func.count().over().label("total"),
            )
            .join(alert_state, _s.fingerprint == _e.fingerprint)
            .where(*wanted)
            .order_by(_RANK, _e.started_at, _e.rule, _e.subject_id)
            .limit(rows).offset(skip)
        )  # fmt: skip
        with reading(self._engine) as con:
            now_e = self._now_e(con)
            found = [dict(row) for row in con.execute(query).mappings()]
            messages = _undelivered(con, [row["fingerprint"] for row in found])
        return [
            self._incident({**row, **messages.get((row["fingerprint"], row["n"]), _NONE)}, now_e)
            for row in found
        ]

    def channels(self) -> list[Row]:
        """Return each receiver that ever got a message: what arrived, waits, and was given up.

        Returns:
            receiver, sent, pending, retrying (waiting after a failed attempt), dead, last_sent_at,
            oldest_pending_at, paused_until.
        """
        waits = _o.state == "pending"
        query = (
            sa.select(
                _o.receiver, _count(_o.state == "sent").label("sent"),
                _count(waits).label("pending"),
                _count(waits & _o.error.is_not(None)).label("retrying"),
                _count(_o.state == "dead").label("dead"),
                sa.func.max(sa.case((_o.state == "sent", _o.done_at))).label("last_sent_at"),
                sa.func.min(sa.case((waits, _o.created_at))).label("oldest_pending_at"),
                sa.func.max(pause.c.until_e).label("until_e"),
            )
            .outerjoin(pause, pause.c.receiver == _o.receiver)
            .group_by(_o.receiver).order_by(_o.receiver)
        )  # fmt: skip
        with reading(self._engine) as con:
            now_e = self._now_e(con)
            rows = [dict(row) for row in con.execute(query).mappings()]
        for row in rows:
            until_e = row.pop("until_e")
            is_paused = until_e is not None and until_e > now_e
            row["paused_until"] = self._at(until_e, now_e) if is_paused else None
        return rows

    def deliveries(self, *, receiver: str = "", states: Sequence[str] = (), rows: int) -> list[Row]:
        """Return messages, the newest first; what they say is not told, only about how many.

        Args:
            receiver: Only to this one.
            states: pending, sent, dead, skipped; empty: all.
            rows: So many at most.

        Returns:
            id, receiver, kind, state, attempts, created_at, done_at, next_try_at, error, alerts.
        """
        wanted = [_o.receiver == receiver] if receiver else []
        wanted += [_o.state.in_(states)] if states else []
        about = (
            sa.select(sa.func.count()).where(outbox_member.c.outbox_id == _o.id).scalar_subquery()
        )
        query = (
            sa.select(
                _o.id, _o.receiver, _o.kind, _o.state, _o.attempts, _o.created_at, _o.done_at,
                _o.due_e, _o.error, about.label("alerts"),
            )
            .where(*wanted).order_by(_o.id.desc()).limit(rows)
        )  # fmt: skip
        with reading(self._engine) as con:
            now_e = self._now_e(con)
            found = [dict(row) for row in con.execute(query).mappings()]
        for row in found:
            due_e = row.pop("due_e")
            row["next_try_at"] = self._at(due_e, now_e) if row["state"] == "pending" else None
        return found

    def silences(self) -> list[Silence]:
        """Return the silences that last or will, the first to end first."""
        with reading(self._engine) as con:
            found = read_silences(con)
        return sorted((one for one in found if one.end > self._now), key=lambda one: one.end)

    def tick_age_s(self) -> float | None:
        """Return how long ago the last tick was, seconds; None: there never was one."""
        with reading(self._engine) as con:
            return heartbeat.tick_age_s(con, self._now_e(con))

    def _incident(self, row: Row, now_e: float) -> Row:
        chain, step = chain_from(row.pop("chain")), row["step"]
        next_e = row.pop("next_e")
        return {
            **row,
            "acked_until": self._at(row.pop("ack_until_e"), now_e),
            "steps": len(chain.steps),
            "next_receiver": chain.steps[step][1] if step < len(chain.steps) else "",
            "next_step_at": self._at(next_e, now_e),
        }

    def _now_e(self, con: sa.Connection) -> float:
        return present(con, self._now, self._timer).elapsed_e

    def _at(self, moment_e: float | None, now_e: float) -> datetime | None:
        return None if moment_e is None else self._now + timedelta(seconds=moment_e - now_e)


def open_board(store_url: str, *, timer: Timer, now: datetime, wait_s: float = 2.0) -> Board:
    """Open a store to look at it; one that is not there is not made.

    Raises:
        StoreError: There is none yet, or it cannot be read.
    """
    url = sa.make_url(store_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        raise StoreError("there is no alert store yet: nothing was evaluated here")
    return Board(open_store(store_url, wait_s=wait_s), timer, now)


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def _undelivered(
    con: sa.Connection, fingerprints: Sequence[str]
) -> dict[tuple[str, int], dict[str, int]]:
    """Count the messages about some alerts that wait, and that were given up."""
    c = outbox_member.c
    query = (
        sa.select(
            c.fingerprint, c.n, _count(_o.state == "pending").label("pending"),
            _count(_o.state == "dead").label("dead"),
        )
        .join_from(outbox_member, outbox, _o.id == c.outbox_id)
        .where(c.fingerprint.in_(fingerprints))
        .group_by(c.fingerprint, c.n)
    )  # fmt: skip
    return {
        (row.fingerprint, row.n): {"pending": row.pending, "dead": row.dead}
        for row in con.execute(query)
    }
