"""The values of the alert engine, all frozen.

Belongs here: evaluations, rows, states, changes. No behaviour beyond naming things, no I/O.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import polars as pl

SEVERITIES = ("info", "warning", "critical")
STATUSES = ("ok", "unknown", "approaching", "breached")


@dataclass(frozen=True)
class Links:
    """Where people find more.

    Attributes:
        dashboard_url: Base URL of Streamlit.
        dagster_url: Base URL of the Dagster UI.
        runbooks_url: Base URL of the runbooks; empty if they are nowhere to be reached.
    """

    dashboard_url: str
    dagster_url: str
    runbooks_url: str = ""


@dataclass(frozen=True)
class Moment:
    """The present on both clocks.

    Attributes:
        wall: Naive UTC; people may move it. Silences and maintenance follow it.
        elapsed_e: The engine's clock, seconds that really passed. Every duration follows it.
    """

    wall: datetime
    elapsed_e: float


@dataclass(frozen=True)
class Evaluation:
    """All verdicts of one rule at one moment.

    Attributes:
        evaluation_id: Its identity; with the rule it is the idempotency key.
        rule: The rule; a subject of it that is missing from `rows` has vanished.
        evaluated_at: The moment, naive UTC.
        rows: One row a subject, ok ones too, with the columns of an SLA view.
        complete: It holds every subject of its rule; else those that it does not hold stay.
    """

    evaluation_id: str
    rule: str
    evaluated_at: datetime
    rows: pl.DataFrame
    complete: bool = True


class Subject(NamedTuple):
    """What an alert is about, within its rule. Severity and value are state, not identity."""

    kind: str
    id: str

    def fingerprint(self, rule: str) -> str:
        """Return the identity of the alert of `rule` about this subject."""
        text = json.dumps([rule, self.kind, self.id])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Row:
    """One verdict; status and severity are of the known words.

    Attributes:
        subject: What it is about.
        rule: The rule's name as people read it.
        status: One of `STATUSES`.
        severity: One of `SEVERITIES`.
        value: What was measured.
        objective: What was promised.
        unit: Unit of both.
        since: When the promise broke, naive UTC.
        team: Owner, may be empty.
        labels: JSON text of an object.
        summary: One sentence.
        runbook: What to do: path or URL, may be empty.
    """

    subject: Subject
    rule: str
    status: str
    severity: str
    value: float | None
    objective: float | None
    unit: str
    since: datetime | None
    team: str
    labels: str
    summary: str
    runbook: str

    @property
    def level(self) -> int:
        """How bad it is: severity first, and of the same severity a breach is worst."""
        return level(self.severity, self.status)


def level(severity: str, status: str) -> int:
    """Return how bad a severity with a status is; comparable."""
    return 2 * SEVERITIES.index(severity) + (status == "breached")


class Phase(StrEnum):
    """Where the newest episode of an alert stands.

    pending: it does not last long enough yet; held: it flaps, so its end waits until it is quiet;
    stale: nobody speaks of it any more. Held and stale ones are open.
    """

    PENDING = "pending"
    OPEN = "open"
    HELD = "held"
    STALE = "stale"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class AlertState:
    """What is known about one alert that was opened at least once.

    Attributes:
        fingerprint: Its identity.
        episode: Number of its newest episode, from 1.
        phase: Where that episode stands.
        status: Newest status.
        severity: Newest severity that is known; being unknown does not lower it.
        level: How bad it was when that was last known.
        since_e: When it began to be pending, on the engine's clock.
        seen_e: When a verdict about it alone was seen last, on the engine's clock.
        due_e: When it changes by itself, on the engine's clock; None: never.
        flips: When it changed between ok and not ok, on the engine's clock.
    """

    fingerprint: str
    episode: int
    phase: Phase
    status: str
    severity: str
    level: int
    since_e: float = 0.0
    seen_e: float = 0.0
    due_e: float | None = None
    flips: tuple[float, ...] = ()


class ChangeKind(StrEnum):
    """What happens to an episode. People hear of the first three only."""

    OPENED = "opened"
    WORSENED = "worsened"
    RESOLVED = "resolved"
    PENDING = "pending"
    CANCELLED = "cancelled"
    HELD = "held"
    STALE = "stale"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one episode.

    Attributes:
        kind: What happens.
        subject: What it is about.
        after: The state from now on.
        row: The verdict that says so; None when the subject has vanished or time has passed.
    """

    kind: ChangeKind
    subject: Subject
    after: AlertState
    row: Row | None
