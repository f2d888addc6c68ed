"""The alert service: what the rest of CBCR calls.

Belongs here: the order of steps and the borders of transactions.
Does not belong here: deciding, SQL, sending; each has its own file.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from cbcr_assets.alerting import outbox, store
from cbcr_assets.alerting.compose import drafts
from cbcr_assets.alerting.core import Applied, decide, is_outdated
from cbcr_assets.alerting.delivery import Courier
from cbcr_assets.alerting.model import ChangeKind, Evaluation, Links
from cbcr_assets.alerting.reports import AlertView, DeliveryReport, IngestReport, TickReport
from cbcr_assets.alerting.rows import read_rows
from cbcr_assets.alerting.tables import open_store, reading, writing
from cbcr_assets.config.alerting import Policy

_REMEMBER_SEEN = timedelta(days=7)
# A sensor's tick is abandoned after 60 s.
_TICK_BUDGET_S = 20.0


class AlertService:
    """Turns evaluations into messages that arrive."""

    def __init__(self, engine: sa.Engine, policy: Policy, links: Links) -> None:
        """Use `open_service` instead."""
        self._engine = engine
        self._policy = policy
        self._courier = Courier(engine, policy, links)

    def ingest(self, evaluation: Evaluation, *, now: datetime) -> IngestReport:
        """Apply one evaluation of one rule; doing it again changes nothing.

        State, outbox and journal change in one transaction. An evaluation that is older than the
        newest of its rule is remembered as seen and otherwise ignored.

        Args:
            evaluation: The whole evaluation of the rule.
            now: Present, naive UTC.

        Raises:
            ValueError: Columns are missing.
        """
        rows = read_rows(evaluation.rows)
        this = Applied(evaluation.evaluated_at, evaluation.evaluation_id)
        with writing(self._engine) as con:
            if store.has_seen(con, evaluation.evaluation_id, evaluation.rule):
                return IngestReport(0, 0, 0, len(rows), seen_before=True)
            newest = store.newest(con, evaluation.rule)
            store.mark_seen(con, evaluation, now)
            if is_outdated(this, newest, now=now):
                return IngestReport(0, 0, 0, len(rows), seen_before=False)
            known = store.states(con, evaluation.rule)
            decision = decide(evaluation.rule, known, rows)
            episodes = store.open_episodes(con, decision.changes)
            messages = drafts(evaluation, decision.changes, episodes, self._policy)
            store.apply(con, evaluation, decision.changes, known, now=now)
            outbox.enqueue(con, messages, stream=evaluation.rule, now=now)
        return IngestReport(
            decision.count(ChangeKind.OPENED),
            decision.count(ChangeKind.WORSENED),
            decision.count(ChangeKind.RESOLVED),
            decision.unchanged,
            seen_before=False,
        )

    def deliver(self, *, now: datetime, budget_s: float) -> DeliveryReport:
        """Send what is due, each message at least once.

        Args:
            now: Present, naive UTC.
            budget_s: When to stop, seconds.
        """
        return self._courier.deliver(now=now, budget_s=budget_s)

    def tick(self, *, now: datetime) -> TickReport:
        """Deliver what waits, and forget evaluations that were ingested long ago."""
        delivery = self.deliver(now=now, budget_s=_TICK_BUDGET_S)
        with writing(self._engine) as con:
            pruned = store.prune_seen(con, before=now - _REMEMBER_SEEN)
        return TickReport(delivery, pruned)

    def alerts(self, *, only_open: bool = True) -> list[AlertView]:
        """Return episodes, open ones first, the worst and oldest first."""
        with reading(self._engine) as con:
            return store.views(con, only_open=only_open)

    def has_seen(self, evaluation_id: str, rule: str) -> bool:
        """Tell whether this evaluation of this rule was ingested."""
        with reading(self._engine) as con:
            return store.has_seen(con, evaluation_id, rule)


def open_service(*, store_url: str, policy: Policy, links: Links) -> AlertService:
    """Open the alert engine.

    Args:
        store_url: SQLAlchemy URL of the store, SQLite or PostgreSQL; made if it is not there.
        policy: Who is told about what.
        links: Where people find more.

    Raises:
        StoreError: The store cannot be opened.
    """
    return AlertService(open_store(store_url), policy, links)
