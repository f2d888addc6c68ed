"""Delivery: claim, send outside of any transaction, mark.

Belongs here: budgets, back-off, giving up, and keeping a slow receiver from slowing the others.
Does not belong here: SQL (see `outbox`), HTTP (see `receivers`).

Receivers are told at the same time, each one message after the other, in threads that only send:
neither a hanging name server nor a dripping answer can outlast the budget or slow the others. A
receiver that fails is left alone for the rest of the pass.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from cbcr_assets.alerting import outbox
from cbcr_assets.alerting.claiming import Claimed, claim
from cbcr_assets.alerting.clock import Timer, advance
from cbcr_assets.alerting.limits import spend, throttled
from cbcr_assets.alerting.model import Links, Moment
from cbcr_assets.alerting.receivers import build
from cbcr_assets.alerting.receivers.base import Channel, Delivered, Outcome, Rejected, Retry
from cbcr_assets.alerting.reports import DeliveryReport
from cbcr_assets.alerting.tables import begun, reading
from cbcr_assets.config.alerting import Policy
from cbcr_assets.config.receivers import Receiver

_TIMEOUT_S = 5.0
# With less time than this left no message is begun: it would only be sent twice.
_LEAST_S = 0.5
_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 300.0
_GIVE_UP_S = 24 * 3600.0
_SPARE_LEASE_S = 10.0


def backoff_s(attempt: int, *, jitter: float) -> float:
    """Return how long to wait after a failed attempt: 5 s, doubling up to 5 min.

    Args:
        attempt: Number of the attempt, from 1.
        jitter: From 0 to 1; shortens the wait by up to a quarter, so that waits spread.
    """
    longest = min(_FIRST_WAIT_S * 2.0 ** min(attempt - 1, 10), _LONGEST_WAIT_S)
    return max(longest * (1.0 - 0.25 * jitter), _FIRST_WAIT_S)


@dataclass(frozen=True)
class Courier:
    """Takes messages from the outbox to their receivers.

    Attributes:
        engine: The store.
        policy: Who the receivers are.
        links: Where people find more.
        timer: Tells the machine's uptime.
        channel: Builds the channel of a receiver; None: the real one.
    """

    engine: sa.Engine
    policy: Policy
    links: Links
    timer: Timer
    channel: Callable[[Receiver], Channel] | None = None

    def deliver(self, *, now: datetime, budget_s: float) -> DeliveryReport:
        """Send what is due until nothing is, or the budget is spent."""
        if self._count_pending() == 0:
            return DeliveryReport(0, 0, 0, 0)
        # One connection for the pass: opening one, and with SQLite closing the last one, costs
        # more than what is done with it for a message.
        with self.engine.connect() as con:
            counts = self._pass(con, now, budget_s)
        pending = self._count_pending()
        return DeliveryReport(counts[Delivered], counts[Retry], counts[Rejected], pending)

    def _count_pending(self) -> int:
        with reading(self.engine) as con:
            return outbox.count_pending(con)

    def _pass(self, con: sa.Connection, now: datetime, budget_s: float) -> dict[type[Outcome], int]:
        deadline = time.monotonic() + budget_s
        lease_s = budget_s + _SPARE_LEASE_S
        least_s = min(_LEAST_S, budget_s / 2)
        flights = _Flights(lambda one, timeout_s: self._send(one, now, timeout_s))
        failed: set[str] = set()
        counts: dict[type[Outcome], int] = {Delivered: 0, Retry: 0, Rejected: 0}
        landed: tuple[Claimed, Outcome | None] | None = None
        while True:
            remaining_s = deadline - time.monotonic()
            claimed: list[Claimed] = []
            with begun(con):
                moment = advance(con, now, self.timer)
                if landed is not None:
                    one, outcome = landed
                    marked = self._mark(con, one, outcome, moment)
                    if marked is not None:
                        counts[marked] += 1
                    if marked is Retry:
                        failed.add(one.receiver)
                if remaining_s > least_s:
                    claimed = self._claim(con, moment, lease_s, failed | flights.receivers)
            flights.start(claimed, timeout_s=min(_TIMEOUT_S, remaining_s))
            landed = flights.land()
            if landed is None:
                return counts

    def _claim(
        self, con: sa.Connection, moment: Moment, lease_s: float, busy: set[str]
    ) -> list[Claimed]:
        now_e = moment.elapsed_e
        without = busy | throttled(con, self.policy, now_e)
        claimed = claim(con, now_e=now_e, lease_s=lease_s, without=without)
        spend(con, self.policy, [one.receiver for one in claimed], now_e)
        return claimed

    def _send(self, one: Claimed, now: datetime, timeout_s: float) -> Outcome:
        config = self.policy.receivers.get(one.receiver)
        if config is None:
            return Rejected("alerting.yaml has no such receiver any more")
        assert one.outgoing is not None  # messages for nobody are not sent
        try:
            channel = (
                build(config, links=self.links, environ=self.policy.environ)
                if self.channel is None
                else self.channel(config)
            )
            return channel.send(one.outgoing, now=now, timeout_s=timeout_s)
        except Exception as error:  # noqa: BLE001 - a faulty channel must not stop the others
            # Its text is unknown and may hold a secret.
            return Retry(None, f"the channel failed: {type(error).__name__}")

    def _mark(
        self, con: sa.Connection, one: Claimed, outcome: Outcome | None, moment: Moment
    ) -> type[Delivered] | type[Retry] | type[Rejected] | None:
        now = moment.wall
        match outcome:
            case None:
                outbox.mark_skipped(con, one, now=now)
                self._pass_on(con, one, "it never heard the beginning", moment)
                return None
            case Delivered(ref):
                if outbox.mark_sent(con, one, ref, now=now) and one.is_end:
                    self._pass_on(con, one, "it never heard the beginning", moment)
                return Delivered
            case Retry(after_s, why) if moment.elapsed_e - one.created_e < _GIVE_UP_S:
                self._wait(con, one, after_s, why, moment.elapsed_e)
                return Retry
            case Retry(_, why) | Rejected(why):
                if outbox.mark_dead(con, one, why, now=now):
                    self._pass_on(con, one, why, moment)
                return Rejected

    def _wait(
        self, con: sa.Connection, one: Claimed, after_s: float | None, why: str, now_e: float
    ) -> None:
        if after_s is None:
            # Spread by identity instead of chance: the same run always waits the same.
            jitter = (one.id * 0.618033988749895 + one.attempt * 0.414213562373095) % 1.0
            due_e = now_e + backoff_s(one.attempt, jitter=jitter)
        else:
            due_e = now_e + min(after_s, outbox.LONGEST_WAIT_S)
            outbox.pause_receiver(con, one.receiver, until_e=due_e)
        outbox.mark_retry(con, one, why, due_e=due_e)

    def _pass_on(self, con: sa.Connection, one: Claimed, why: str, now: Moment) -> None:
        fallback = self.policy.fallback
        if fallback is None or fallback == one.receiver:
            return
        if one.is_end and not self.policy.receivers[fallback].send_resolved:
            return
        outbox.pass_on(con, one, fallback, why, now=now)


class _Flights:
    """Messages that are being sent right now, each in a thread of its own."""

    def __init__(self, send: Callable[[Claimed, float], Outcome]) -> None:
        self._send = send
        self._flying: dict[int, tuple[Claimed, float]] = {}
        self._landed: queue.Queue[tuple[int, Outcome | None]] = queue.Queue()

    @property
    def receivers(self) -> set[str]:
        """Who is being told right now."""
        return {one.receiver for one, _ in self._flying.values()}

    def start(self, claimed: Iterable[Claimed], *, timeout_s: float) -> None:
        """Send messages; one that is for nobody lands at once."""
        for one in claimed:
            self._flying[one.id] = one, time.monotonic() + timeout_s
            if one.outgoing is None:
                self._landed.put((one.id, None))
            else:
                threading.Thread(target=self._fly, args=(one, timeout_s), daemon=True).start()

    def land(self) -> tuple[Claimed, Outcome | None] | None:
        """Wait for the next outcome; None when nothing is being sent."""
        while self._flying:
            first, until = min(self._flying.values(), key=lambda flight: flight[1])
            try:
                number, outcome = self._landed.get(timeout=max(until - time.monotonic(), 0.0))
            except queue.Empty:
                number, outcome = first.id, Retry(None, "no answer in time")
            # What lands after it was given up is sent again: at least once, not at most.
            if number in self._flying:
                return self._flying.pop(number)[0], outcome
        return None

    def _fly(self, one: Claimed, timeout_s: float) -> None:
        self._landed.put((one.id, self._send(one, timeout_s)))
