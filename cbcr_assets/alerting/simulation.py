"""A rehearsal: the real engine, store and outbox on a virtual clock; nobody is told anything.

Belongs here: playing a timeline. Does not belong here: the engine, or reading files.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from cbcr_assets.alerting import timeline as tl
from cbcr_assets.alerting.clock import Uptime
from cbcr_assets.alerting.inputs import Ack, Silence, Unsilence
from cbcr_assets.alerting.message import Message, Outgoing
from cbcr_assets.alerting.model import Evaluation, Links
from cbcr_assets.alerting.receivers.base import Delivered, Outcome, Retry, judge_status
from cbcr_assets.alerting.rows import own_labels
from cbcr_assets.alerting.service import AlertService
from cbcr_assets.alerting.tables import episode, open_store, outbox, outbox_member, reading
from cbcr_assets.config.alerting import Policy
from cbcr_assets.config.receivers import Receiver

START = datetime.fromisoformat("2026-01-05T00:00:00")  # a Monday, for time intervals
_BUDGET_S = 60.0
_BATCHES = 200
_STATUS = {"firing": "breached", "ok": "ok", "unknown": "unknown"}
_REASONS = {
    "opened": "firing", "worsened": "firing", "resolved": "resolved", "repeat": "repeat",
    "escalation": "escalation", "digest": "digest",
}  # fmt: skip
_SCHEMA: Any = {
    "rule": pl.String, "subject_kind": pl.String, "subject_id": pl.String, "status": pl.String,
    "severity": pl.String, "value": pl.Float64, "objective": pl.Float64, "unit": pl.String,
    "since": pl.Datetime("us"), "team": pl.String, "labels": pl.String, "summary": pl.String,
    "runbook": pl.String,
}  # fmt: skip


def simulate(policy: Policy, timeline: tl.Timeline) -> list[dict[str, Any]]:
    """Play a timeline; return every message that would have been delivered, in its order.

    Args:
        policy: Who would be told.
        timeline: What happens.
    """
    with tempfile.TemporaryDirectory(prefix="cbcr-simulate-") as folder:
        rehearsal = _Rehearsal(policy, Path(folder) / "alerts.db")
        for at_s, event in _schedule(timeline):
            rehearsal.play(at_s, event)
        # Receivers are told at the same time; a fixed order makes two rehearsals comparable.
        return sorted(rehearsal.delivered, key=lambda one: (one["t"], one["receiver"]))


def _schedule(timeline: tl.Timeline) -> Iterator[tuple[float, tl.Event | list[tl.Evaluate] | None]]:
    """Yield what happens in its order; at the same moment events come before the tick."""
    happens: list[tuple[float, int, Any]] = []
    for event in timeline.events:
        if isinstance(event, tl.EvaluateMany):
            happens += [(at_s, 0, batch) for at_s, batch in _many(event)]
        else:
            happens.append((event.t, 0, event))
    last_s = max((at_s for at_s, *_ in happens), default=0.0)
    horizon_s = last_s if timeline.horizon is None else timeline.horizon
    ticks = int(horizon_s / timeline.tick + 1e-9) + 1
    happens += [(number * timeline.tick, 1, None) for number in range(ticks)]
    for at_s, _, event in sorted(happens, key=lambda one: one[:2]):
        if at_s <= horizon_s:
            yield at_s, event


def _many(event: tl.EvaluateMany) -> Iterator[tuple[float, list[tl.Evaluate]]]:
    """Yield batches of verdicts: many at once, as an evaluation of a rule brings them."""
    batches = 1 if event.spread == 0 else min(event.count, _BATCHES)
    for batch in range(batches):
        first, last = (event.count * n // batches for n in (batch, batch + 1))
        at_s = event.t + event.spread * first / event.count
        yield at_s, [
            tl.Evaluate(
                t=at_s, op="evaluate", status=event.status, severity=event.severity,
                labels={name: text.replace("{i}", str(i)) for name, text in event.labels.items()},
            )
            for i in range(first, last)
        ]  # fmt: skip


@dataclass
class _Rehearsal:
    policy: Policy
    path: Path
    delivered: list[dict[str, Any]] = field(default_factory=list)
    faults: dict[str, tl.ReceiverFault] = field(default_factory=dict)
    waiting: list[tl.Evaluate] = field(default_factory=list)
    silences: dict[str, Silence] = field(default_factory=dict)
    at_s: float = 0.0
    jumped_s: float = 0.0
    count: int = 0
    is_down: bool = False
    wakes_s: float | None = 0.0

    def __post_init__(self) -> None:
        self.store = open_store(f"sqlite:///{self.path}")
        self.start()

    def start(self) -> None:
        self.service = AlertService(
            self.store, self.policy, Links("", ""), self.uptime, self.channel
        )

    def uptime(self) -> Uptime:
        return Uptime("virtual", self.at_s)

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.at_s + self.jumped_s)

    def channel(self, receiver: Receiver) -> "_Channel":
        return _Channel(self, receiver.name)

    def play(self, at_s: float, event: tl.Event | list[tl.Evaluate] | None) -> None:
        self.at_s = at_s
        match event:
            case None | tl.Tick():
                self.tick(forced=event is not None)
            case list() | tl.Evaluate():
                self.waiting += event if isinstance(event, list) else [event]
                self.evaluate()
            case tl.Crash():
                self.is_down = True
            case tl.Restart():
                self.is_down = False
                self.start()
                self.evaluate()
                self.tick(forced=True)
            case tl.ClockJump(seconds=seconds):
                self.jumped_s += seconds
            case tl.ReceiverFault():
                self.faults[event.receiver] = event
            case _:
                self.say(event)

    def tick(self, *, forced: bool) -> None:
        if self.is_down or not (forced or self.is_awake()):
            return
        self.service.pass_time(now=self.now)
        self.deliver()

    def is_awake(self) -> bool:
        return self.wakes_s is not None and self.wakes_s <= self.at_s + 1e-9

    def deliver(self) -> None:
        self.service.deliver(now=self.now, budget_s=_BUDGET_S)
        sleeps_s = self.service.wakes_in_s(now=self.now)
        self.wakes_s = None if sleeps_s is None else self.at_s + sleeps_s

    def evaluate(self) -> None:
        if self.is_down or not self.waiting:
            return
        evaluations = []
        # One moment, one evaluation; several verdicts about one alert do not meet in one.
        for at_s, same in groupby(self.waiting, key=lambda event: event.t):
            rest = list(same)
            while rest:
                taken: dict[str, tl.Evaluate] = {}
                for event in rest:
                    taken.setdefault(_identity(event), event)
                rest = [event for event in rest if taken[_identity(event)] is not event]
                self.count += 1
                at = START + timedelta(seconds=at_s + self.jumped_s)
                frame = pl.DataFrame([_row(one, at) for one in taken.values()], schema=_SCHEMA)
                evaluations.append(Evaluation(f"{self.count:09}", "simulated", at, frame, False))
        self.waiting = []
        self.service.ingest_many(evaluations, now=self.now)
        self.deliver()

    def say(self, event: tl.Event) -> None:
        match event:
            case tl.Acknowledge():
                self.service.say(Ack(event.matchers, event.by, event.timeout), now=self.now)
            case tl.SilenceEvent():
                until_s = event.t + event.duration if event.duration is not None else event.until
                lasts_s = (until_s if until_s is not None else float("inf")) - self.at_s
                end = self.now + timedelta(seconds=min(lasts_s, 1e9))
                name = event.id or f"s{len(self.silences) + 1}"
                silence = Silence(name, event.matchers, self.now, end, event.by, event.comment)
                self.silences[name] = silence
                self.service.say(silence, now=self.now)
            case tl.ExpireSilence():
                for name, silence in self.silences.items():
                    meant = name == event.id or set(silence.matchers) == set(event.matchers)
                    if meant or not (event.id or event.matchers):
                        self.service.say(Unsilence(name, ""), now=self.now)
        if not self.is_down:
            self.deliver()

    def told(self, receiver: str, message: Message) -> None:
        if message.kind not in _REASONS:
            return
        firing, resolved = self.labels(message)
        is_end = message.kind == "resolved" or (message.kind == "digest" and not firing)
        main, others = message.total, message.others_total
        self.delivered.append(
            {
                "t": self.at_s,
                "receiver": receiver,
                "reason": _REASONS[message.kind],
                "group": dict(message.group),
                "firing": firing,
                "resolved": resolved,
                "totals": {
                    "firing": others if is_end else main,
                    "resolved": main if is_end else others,
                    "groups": message.groups,
                },
                "escalation_step": message.escalation_step or None,
            }
        )

    def labels(self, message: Message) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        """Return the labels of all that a message is about, not only of those it lists."""
        same = (episode.c.fingerprint == outbox_member.c.fingerprint) & (
            episode.c.n == outbox_member.c.n
        )
        query = (
            sa.select(outbox_member.c.says, episode.c.labels, episode.c.severity)
            .join_from(outbox, outbox_member, outbox.c.id == outbox_member.c.outbox_id)
            .join(episode, same)
            .where(outbox.c.dedup_key == message.id)
            .order_by(episode.c.subject_id)
        )
        found: dict[bool, list[dict[str, str]]] = {True: [], False: []}
        with reading(self.store) as con:
            rows: Iterable[Any] = con.execute(query)
            for says, labels, severity in rows:
                found[says == "firing"].append(own_labels(labels) | {"severity": severity})
        return found[True], found[False]


@dataclass(frozen=True)
class _Channel:
    """Takes every message, unless the timeline says that it does not."""

    rehearsal: _Rehearsal
    receiver: str

    def send(
        self,
        outgoing: Outgoing,
        *,
        now: datetime,
        timeout_s: float,  # noqa: ARG002 - the protocol's
    ) -> Outcome:
        fault = self.rehearsal.faults.get(self.receiver)
        if fault is not None and self.rehearsal.at_s < fault.until:
            if fault.mode == "refused":
                return Retry(None, "no answer: ConnectError")
            wait = fault.retry_after
            headers = {} if wait is None else {"Retry-After": str(wait)}
            return judge_status(int(fault.mode), headers, now=now)
        self.rehearsal.told(self.receiver, outgoing.message)
        return Delivered()


def _own(event: tl.Evaluate) -> dict[str, str]:
    state = ("severity", "status")
    return {name: value for name, value in event.labels.items() if name not in state}


def _identity(event: tl.Evaluate) -> str:
    return json.dumps(_own(event), sort_keys=True, ensure_ascii=False)


def _row(event: tl.Evaluate, at: datetime) -> dict[str, Any]:
    labels, own = event.labels, _own(event)
    return {
        "rule": labels.get("rule") or labels.get("alertname", ""),
        "subject_kind": "alert",
        "subject_id": _identity(event),
        "status": _STATUS[event.status],
        "severity": event.severity or labels.get("severity", "warning"),
        "value": None, "objective": None, "unit": "",
        "since": at,
        "team": labels.get("team", ""),
        "labels": json.dumps(own, ensure_ascii=False),
        "summary": labels.get("summary", ""),
        "runbook": "",
    }  # fmt: skip


def as_lines(messages: Iterable[dict[str, Any]]) -> str:
    """Return one JSON object a line."""
    return "".join(json.dumps(message, ensure_ascii=False) + "\n" for message in messages)
