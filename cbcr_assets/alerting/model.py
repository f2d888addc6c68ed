"""The values of the alert engine, all of them frozen.

Belongs here: types that cross borders inside and outside of this room. No behaviour, no I/O.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

import polars as pl


@dataclass(frozen=True)
class Links:
    """Where people find more.

    Attributes:
        dashboard_url: Base URL of Streamlit.
        dagster_url: Base URL of the Dagster UI.
    """

    dashboard_url: str
    dagster_url: str


@dataclass(frozen=True)
class Evaluation:
    """All verdicts of one rule at one moment.

    Attributes:
        evaluation_id: Identity of the evaluation; with the rule it is the idempotency key.
        rule: The rule.
        evaluated_at: The moment, naive UTC.
        rows: One row a subject, ok ones too, with the columns of an SLA view.
    """

    evaluation_id: str
    rule: str
    evaluated_at: datetime
    rows: pl.DataFrame


@dataclass(frozen=True)
class Identity:
    """What an alert is about; severity and value are its state, not its identity."""

    rule: str
    subject_kind: str
    subject_id: str


@dataclass(frozen=True)
class Verdict:
    """One row of an evaluation."""

    identity: Identity
    status: str
    severity: str
    value: float | None
    objective: float | None
    unit: str | None
    since: datetime | None
    team: str | None
    labels: str
    summary: str
    runbook: str | None


@dataclass(frozen=True)
class Known:
    """What the engine knows about one identity.

    Attributes:
        episode: Number of the newest episode, from 1.
        is_open: That episode is not resolved.
        status: Newest status.
        severity: Worst severity that was told in this episode.
        evaluated_at: Moment of the newest verdict that was applied, naive UTC.
        is_stale: The subject was missing from the newest evaluation of its rule.
    """

    episode: int
    is_open: bool
    status: str
    severity: str
    evaluated_at: datetime
    is_stale: bool = False


class Change(StrEnum):
    """What a verdict does to an episode that people must hear about."""

    OPENED = "firing"
    WORSENED = "worse"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Transition:
    """One change of one episode.

    Attributes:
        change: What happened.
        verdict: The verdict that caused it.
        episode: Number of the episode.
        started_at: When the promise broke, not when we noticed, naive UTC.
    """

    change: Change
    verdict: Verdict
    episode: int
    started_at: datetime


@dataclass(frozen=True)
class IngestReport:
    """What one evaluation changed.

    Attributes:
        opened: Episodes that began.
        worsened: Open episodes whose severity rose.
        resolved: Episodes that ended.
        unchanged: Subjects about which there is nothing new.
        seen_before: The evaluation had been ingested already; nothing was done.
    """

    opened: int
    worsened: int
    resolved: int
    unchanged: int
    seen_before: bool


@dataclass(frozen=True)
class DeliveryReport:
    """What happened to messages.

    Attributes:
        delivered: Accepted by their receiver.
        retried: Refused for now, will be tried again.
        rejected: Refused for good.
        pending: Still waiting.
    """

    delivered: int
    retried: int
    rejected: int
    pending: int


@dataclass(frozen=True)
class TickReport:
    """What a tick did.

    Attributes:
        delivery: Messages.
        pruned: Old records that were cleared away.
    """

    delivery: DeliveryReport
    pruned: int


@dataclass(frozen=True)
class AlertView:
    """One episode as people see it; times are naive UTC."""

    rule: str
    subject_kind: str
    subject_id: str
    state: str
    status: str
    severity: str
    started_at: datetime
    opened_at: datetime
    resolved_at: datetime | None
    team: str | None
    summary: str
    undelivered: int

    @property
    def is_open(self) -> bool:
        """The episode is not resolved."""
        return self.resolved_at is None

    def row(self) -> dict[str, object]:
        """Return the columns of a listing."""
        return asdict(self)
