"""The alert service: what the rest of CBCR calls.

Belongs here: the order of steps and the borders of transactions.
Does not belong here: deciding, SQL, sending; each has its own file.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from cbcr_assets.alerting import heartbeat, outbox, store
from cbcr_assets.alerting.clock import Timer, advance, present, wall_only
from cbcr_assets.alerting.compose import member
from cbcr_assets.alerting.core import Applied, is_outdated
from cbcr_assets.alerting.delivery import Courier
from cbcr_assets.alerting.engine import Input, Verdicts, decide, policy_mark
from cbcr_assets.alerting.history import Rows, read_history
from cbcr_assets.alerting.inputs import Silence, Word
from cbcr_assets.alerting.load import StoredSnapshot, read_silences, read_standing
from cbcr_assets.alerting.message import Member
from cbcr_assets.alerting.model import ChangeKind, Evaluation, Links, Moment
from cbcr_assets.alerting.receivers.base import Channel
from cbcr_assets.alerting.reports import AlertView, DeliveryReport, IngestReport, TickReport
from cbcr_assets.alerting.rows import read_rows
from cbcr_assets.alerting.save import save
from cbcr_assets.alerting.snapshot import Decision
from cbcr_assets.alerting.tables import open_store, reading, writing
from cbcr_assets.config.alerting import Policy
from cbcr_assets.config.receivers import Receiver

_REMEMBER_SEEN = timedelta(days=7)
_LATELY = timedelta(minutes=15)
# A sensor's tick is abandoned after 60 s.
_TICK_BUDGET_S = 20.0


class AlertService:
    """Turns evaluations into messages that arrive."""

    def __init__(
        self,
        engine: sa.Engine,
        policy: Policy,
        links: Links,
        timer: Timer = wall_only,
        channel: Callable[[Receiver], Channel] | None = None,
    ) -> None:
        """Use `open_service` instead."""
        self._engine = engine
        self._policy = policy
        self._links = links
        self._timer = timer
        self._courier = Courier(engine, policy, links, timer, channel)

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
        return self.ingest_many([evaluation], now=now)

    def ingest_many(self, evaluations: Sequence[Evaluation], *, now: datetime) -> IngestReport:
        """Apply evaluations in their order, then tell: what is over already is told once.

        Args:
            evaluations: Whole evaluations of rules.
            now: Present, naive UTC.

        Raises:
            ValueError: Columns are missing.
        """
        read = [(evaluation, read_rows(evaluation.rows)) for evaluation in evaluations]
        ignored = 0
        fresh: list[Evaluation] = []
        inputs: list[Input] = []
        seen = 0
        with writing(self._engine) as con:
            moment = advance(con, now, self._timer)  # a group's wait begins now
            for evaluation, rows in read:
                this = Applied(evaluation.evaluated_at, evaluation.evaluation_id)
                if store.has_seen(con, evaluation.evaluation_id, evaluation.rule):
                    seen, ignored = seen + 1, ignored + len(rows)
                    continue
                newest = store.newest(con, evaluation.rule)
                store.mark_seen(con, evaluation, now)
                if is_outdated(this, newest, now=now):
                    ignored += len(rows)
                    continue
                fresh.append(evaluation)
                inputs.append(
                    Verdicts(evaluation.rule, evaluation.evaluated_at, rows, evaluation.complete)
                )
            decision = self._decide(con, inputs, moment, fresh)
        kinds = [change.kind for _, change in decision.changes]
        return IngestReport(
            kinds.count(ChangeKind.OPENED),
            kinds.count(ChangeKind.WORSENED),
            kinds.count(ChangeKind.RESOLVED),
            decision.unchanged + ignored,
            seen_before=bool(seen) and seen == len(read),
        )

    def say(self, word: Word, *, now: datetime) -> int:
        """Apply what somebody said: an acknowledgement, a silence, its end.

        Returns:
            The number of episodes that were acknowledged.
        """
        with writing(self._engine) as con:
            decision = self._decide(con, [word], advance(con, now, self._timer))
        return sum(entry.what == "acknowledged" for entry in decision.journal)

    def deliver(self, *, now: datetime, budget_s: float) -> DeliveryReport:
        """Send what is due, each message at least once.

        Args:
            now: Present, naive UTC.
            budget_s: When to stop, seconds.
        """
        return self._courier.deliver(now=now, budget_s=budget_s)

    def pass_time(self, *, now: datetime) -> None:
        """Let timers take effect: groups that wait, escalations, what became stale."""
        with reading(self._engine) as con:
            moment = present(con, now, self._timer)
            calm = store.policy_in_force(con) == policy_mark(self._policy)
            due_e = store.next_due_e(con, self._policy)
            if calm and (due_e is None or due_e > moment.elapsed_e):
                return
        with writing(self._engine) as con:
            self._decide(con, [], advance(con, now, self._timer))

    def tick(self, *, now: datetime) -> TickReport:
        """Let time pass, deliver what waits, say what must be said again, forget what is old."""
        self.pass_time(now=now)
        delivery = self.deliver(now=now, budget_s=_TICK_BUDGET_S)
        beat = heartbeat.beat(self._engine, self._policy, now=now, timer=self._timer)
        said_again = self.say_again(now=now)
        with writing(self._engine) as con:
            moment = advance(con, now, self._timer)
            heartbeat.note_tick(con, moment.elapsed_e)
            pruned = store.prune_seen(con, before=now - _REMEMBER_SEEN)
        return TickReport(delivery, pruned, beat, said_again)

    def wakes_in_s(self, *, now: datetime) -> float | None:
        """Return how long nothing happens by itself, seconds; None: for ever."""
        with reading(self._engine) as con:
            due_e = store.next_due_e(con, self._policy)
            now_e = present(con, now, self._timer).elapsed_e
        return None if due_e is None else max(due_e - now_e, 0.0)

    def tick_age_s(self, *, now: datetime) -> float | None:
        """Return how long ago the last tick was, seconds; None: there never was one."""
        with reading(self._engine) as con:
            return heartbeat.tick_age_s(con, present(con, now, self._timer).elapsed_e)

    def silence_s(self, scope: str, *, now: datetime) -> float | None:
        """Return how long ago a scope was spoken of, seconds; None: it never was."""
        with reading(self._engine) as con:
            seen_e = store.seen_e(con, scope)
            now_e = present(con, now, self._timer).elapsed_e
        return None if seen_e is None else now_e - seen_e

    def is_open(self, scope: str) -> bool:
        """Tell whether any alert of a scope fires or waits to fire."""
        with reading(self._engine) as con:
            return store.is_open(con, scope)

    def alerts(self, *, only_open: bool = True) -> list[AlertView]:
        """Return episodes, open ones first, the worst and oldest first."""
        with reading(self._engine) as con:
            return store.views(con, only_open=only_open)

    def history(self, *, after: int) -> Mapping[str, Rows]:
        """Return what happened after a line of the journal, a portion at a time."""
        with reading(self._engine) as con:
            return read_history(con, after)

    def standing(self, receiver: str, *, now: datetime) -> list[Member]:
        """Return how all things stand, for a receiver that forgets what is not said again.

        Args:
            receiver: The receiver.
            now: Present, naive UTC.

        Returns:
            Everything it was told of that fires, and what has ended within a quarter of an hour.
        """
        with reading(self._engine) as con:
            return [member(one) for one in read_standing(con, receiver, since=now - _LATELY)]

    def say_again(self, *, now: datetime) -> dict[str, str]:
        """Tell receivers that forget how all things stand; a failure is told, never raised.

        Once a minute: what is not said again there goes on for the receiver's `hold`.

        Args:
            now: Present, naive UTC.

        Returns:
            What came of it, by receiver, without secrets; only those whose turn it was.
        """
        return heartbeat.say_again(
            self._engine, self._policy, self._links, lambda name: self.standing(name, now=now),
            now=now, timer=self._timer,
        )  # fmt: skip

    def silences(self) -> list[Silence]:
        """Return the silences that are remembered, ended ones too."""
        with reading(self._engine) as con:
            return read_silences(con)

    def has_seen(self, evaluation_id: str, rule: str) -> bool:
        """Tell whether this evaluation of this rule was ingested."""
        with reading(self._engine) as con:
            return store.has_seen(con, evaluation_id, rule)

    def _decide(
        self,
        con: sa.Connection,
        inputs: Sequence[Input],
        now: Moment,
        evaluations: Sequence[Evaluation] = (),
    ) -> Decision:
        snapshot = StoredSnapshot(con, self._policy, now)
        for evaluation in evaluations:
            snapshot.load_scope(evaluation.rule)
        decision = decide(self._policy, snapshot, inputs, now)
        rules = {v.scope: v.rows[0].rule for v in inputs if isinstance(v, Verdicts) and v.rows}
        identities = {evaluation.rule: evaluation.evaluation_id for evaluation in evaluations}
        save(con, decision, snapshot, now, evaluation_ids=identities, rules=rules)
        outbox.enqueue(con, decision.drafts, now=now)
        return decision


def open_service(
    *,
    store_url: str,
    policy: Policy,
    links: Links,
    timer: Timer = wall_only,
    wait_s: float = 30.0,
    channel: Callable[[Receiver], Channel] | None = None,
) -> AlertService:
    """Open the alert engine.

    Args:
        store_url: SQLAlchemy URL of the store, SQLite or PostgreSQL; made if it is not there.
        policy: Who is told about what.
        links: Where people find more.
        timer: Tells the machine's uptime; by default only the wall clock is trusted.
        wait_s: How long to wait for other processes that write, seconds.
        channel: Builds the channel of a receiver; None: the real one.

    Raises:
        StoreError: The store cannot be opened.
    """
    return AlertService(open_store(store_url, wait_s=wait_s), policy, links, timer, channel)
