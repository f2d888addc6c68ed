"""The alert service: what the rest of CBCR calls.

Belongs here: transactions around the pure decision, and the order of deliveries.
Does not belong here: SQL (see `store`), HTTP (see `receivers`).
"""

import hashlib
import json
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from cbcr_assets.alerting import render, store
from cbcr_assets.alerting.core import decide
from cbcr_assets.alerting.model import (
    AlertView,
    Change,
    DeliveryReport,
    Evaluation,
    Identity,
    IngestReport,
    Links,
    TickReport,
    Transition,
    Verdict,
)
from cbcr_assets.alerting.receivers import Delivered, Rejected, Retry, Sender, senders
from cbcr_assets.config import Policy

_LEASE = timedelta(seconds=30)
_BATCH = 20
_FIRST_RETRY_S = 5.0
_LONGEST_RETRY_S = 300.0
_KEEP = timedelta(days=7)
_TICK_BUDGET_S = 25.0
_WORST_FIRST = {"critical": 0, "warning": 1, "info": 2}


class AlertService:
    """Turns evaluations into messages that arrive."""

    def __init__(
        self, engine: sa.Engine, policy: Policy, links: Links, channels: Mapping[str, Sender]
    ) -> None:
        """Use `open_service` instead."""
        self._engine = engine
        self._policy = policy
        self._links = links
        self._channels = channels

    def ingest(self, evaluation: Evaluation, *, now: datetime) -> IngestReport:
        """Apply one evaluation of one rule; doing it again changes nothing.

        State, outbox and journal are written in one transaction: a transition is never lost and
        never told twice by two processes.

        Args:
            evaluation: All rows of the rule.
            now: Present, naive UTC.
        """
        verdicts = _verdicts(evaluation)
        at = evaluation.evaluated_at
        with store.writing(self._engine) as con:
            if not store.claim_evaluation(con, evaluation.evaluation_id, evaluation.rule, at):
                return IngestReport(0, 0, 0, 0, seen_before=True)
            known = store.load_known(con, evaluation.rule)
            decision = decide(known, verdicts, evaluated_at=at)
            store.store_known(con, known, decision.known)
            store.store_transitions(con, decision.transitions, now)
            self._enqueue(con, evaluation, decision.transitions, now)
        counts = dict.fromkeys(Change, 0)
        for transition in decision.transitions:
            counts[transition.change] += 1
        return IngestReport(
            counts[Change.OPENED],
            counts[Change.WORSENED],
            counts[Change.RESOLVED],
            decision.unchanged,
            seen_before=False,
        )

    def deliver(self, *, now: datetime, budget_s: float) -> DeliveryReport:
        """Send what is due, oldest first, until nothing is due or the budget is spent.

        Args:
            now: Present, naive UTC.
            budget_s: No message is begun after this many seconds.
        """
        began = time.monotonic()
        delivered = retried = rejected = 0
        while time.monotonic() - began < budget_s:
            moment = now + timedelta(seconds=time.monotonic() - began)
            with store.writing(self._engine) as con:
                claimed = store.claim(con, now=moment, lease=_LEASE, count=1)
            if not claimed:
                break
            match self._send(claimed[0], moment):
                case Delivered():
                    delivered += 1
                case Retry():
                    retried += 1
                case Rejected():
                    rejected += 1
        with self._engine.connect() as con:
            pending = store.pending_count(con)
        return DeliveryReport(delivered, retried, rejected, pending)

    def tick(self, *, now: datetime) -> TickReport:
        """Deliver what waits and clear old records away."""
        delivery = self.deliver(now=now, budget_s=_TICK_BUDGET_S)
        with store.writing(self._engine) as con:
            pruned = store.prune(con, before=now - _KEEP)
        return TickReport(delivery, pruned)

    def alerts(self, *, only_open: bool = True) -> list[AlertView]:
        """Return episodes, the newest first."""
        with self._engine.connect() as con:
            return store.views(con, only_open=only_open)

    def has_seen(self, evaluation_id: str, rule: str) -> bool:
        """Tell whether this evaluation of this rule was ingested."""
        with self._engine.connect() as con:
            return store.has_seen(con, evaluation_id, rule)

    def _send(self, waiting: store.Waiting, now: datetime) -> Delivered | Retry | Rejected:
        sender = self._channels.get(waiting.receiver)
        if sender is None:
            outcome: Delivered | Retry | Rejected = Rejected("the policy has no such receiver now")
        else:
            outcome = sender.send(waiting.content, key=waiting.dedup_key)
        with store.writing(self._engine) as con:
            match outcome:
                case Delivered(ref):
                    store.mark_sent(con, waiting, ref, now)
                case Retry(after_s, why):
                    wait = after_s if after_s is not None else _backoff_s(waiting)
                    store.mark_retry(con, waiting, why, now + timedelta(seconds=wait))
                case Rejected(why):
                    store.mark_dead(con, waiting, why)
                    self._fall_back(con, waiting, why, now)
        return outcome

    def _fall_back(
        self, con: sa.Connection, waiting: store.Waiting, why: str, now: datetime
    ) -> None:
        fallback = self._policy.fallback
        if fallback is None or fallback == waiting.receiver:
            return
        content = {**waiting.content, "undeliverable": f"{waiting.receiver} refused this: {why}"}
        store.enqueue(con, fallback, content, f"{waiting.dedup_key}/fallback", now)

    def _enqueue(
        self,
        con: sa.Connection,
        evaluation: Evaluation,
        transitions: Sequence[Transition],
        now: datetime,
    ) -> None:
        """One message for each receiver, kind of change and team: a storm is one message."""
        groups: dict[tuple[str, Change, str], list[Transition]] = {}
        for transition in transitions:
            for receiver in self._told_about(con, transition):
                key = (receiver, transition.change, transition.verdict.team or "")
                groups.setdefault(key, []).append(transition)
        for (receiver, change, team), members in groups.items():
            members.sort(key=lambda t: (_WORST_FIRST.get(t.verdict.severity, 1), t.started_at))
            content = render.message(
                change, evaluation.rule, team, members,
                links=self._links, resolved_at=evaluation.evaluated_at,
            )  # fmt: skip
            identity = f"{evaluation.evaluation_id}/{evaluation.rule}/{receiver}/{change}/{team}"
            digest = hashlib.sha256(identity.encode()).hexdigest()[:32]
            store.enqueue(con, receiver, content, digest, now)

    def _told_about(self, con: sa.Connection, transition: Transition) -> Iterable[str]:
        if transition.change is Change.RESOLVED:
            # Nobody hears of the end of what he never heard begin.
            heard = store.told(con, transition)
            return sorted(name for name in heard if self._wants_resolved(name))
        receivers = self._policy.receivers_of(_labels(transition.verdict))
        store.add_told(con, transition, set(receivers))
        return receivers

    def _wants_resolved(self, name: str) -> bool:
        receiver = self._policy.receiver(name)
        return receiver is not None and receiver.send_resolved


def open_service(*, store_url: str, policy: Policy, links: Links) -> AlertService:
    """Open the alert engine.

    Args:
        store_url: SQLAlchemy URL of the store, SQLite or PostgreSQL.
        policy: Who is told about what.
        links: Where people find more.
    """
    return AlertService(store.connect(store_url), policy, links, senders(policy))


def _verdicts(evaluation: Evaluation) -> list[Verdict]:
    return [
        Verdict(
            Identity(evaluation.rule, row["subject_kind"], row["subject_id"]),
            row["status"], row["severity"], row["value"], row["objective"], row["unit"],
            row["since"], row["team"], row["labels"] or "{}", row["summary"] or "",
            row["runbook"],
        )
        for row in evaluation.rows.iter_rows(named=True)
    ]  # fmt: skip


def _labels(verdict: Verdict) -> dict[str, str]:
    own = json.loads(verdict.labels)
    labels = {name: str(value) for name, value in own.items() if value is not None}
    return labels | {
        "rule": verdict.identity.rule,
        "subject_kind": verdict.identity.subject_kind,
        "subject_id": verdict.identity.subject_id,
        "team": verdict.team or "",
        "severity": verdict.severity,
        "status": verdict.status,
    }


def _backoff_s(waiting: store.Waiting) -> float:
    """Double from 5 s to 5 min; the jitter follows from the message, so tests can rely on it."""
    base = min(_FIRST_RETRY_S * 2 ** (waiting.attempts - 1), _LONGEST_RETRY_S)
    return base * random.Random(waiting.id).uniform(0.8, 1.0)
