"""What the alert engine answers to those who call it.

Belongs here: reports and views. Does not belong here: values that live inside the engine.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class IngestReport:
    """What one evaluation changed.

    Attributes:
        opened: Episodes that began.
        worsened: Open episodes that got worse.
        resolved: Episodes that ended.
        unchanged: Subjects about which there is no news.
        seen_before: It had been ingested already; nothing was done.
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
        retried: Not accepted now; they wait.
        rejected: Given up; kept, and told to the fallback if there is one.
        pending: Still waiting at the end.
    """

    delivered: int
    retried: int
    rejected: int
    pending: int

    def __str__(self) -> str:
        """Return the numbers in words."""
        return (
            f"delivered {self.delivered}, retried {self.retried},"
            f" rejected {self.rejected}, pending {self.pending}"
        )


@dataclass(frozen=True)
class TickReport:
    """What one tick did.

    Attributes:
        delivery: What happened to messages.
        pruned: Records of old evaluations that were cleared away.
        heartbeat: What the dead man's switch answered; empty: it was not due or is not set.
        said_again: What receivers that forget answered, by name; only those whose turn it was.
    """

    delivery: DeliveryReport
    pruned: int
    heartbeat: str = ""
    said_again: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AlertView:
    """One episode as people see it; moments are naive UTC.

    Attributes:
        rule: The rule that was broken.
        subject_kind: Kind of the subject.
        subject_id: The subject.
        state: pending (not long enough yet), open, held (it flaps and is quiet), stale (nobody
            speaks of it any more) or resolved.
        status: Newest status; summary, severity and team are as of its last change.
        severity: Severity.
        started_at: When the promise broke.
        opened_at: Evaluation that found it.
        resolved_at: Evaluation that found it mended.
        team: Owner.
        summary: One sentence.
        pending: Messages about it that wait.
        dead: Messages about it that were given up.
        acked_by: Who takes care of it, may be empty.
        muted_by: Why nobody is told about it, may be empty.
        step: How many steps of its escalation were told.
    """

    rule: str
    subject_kind: str
    subject_id: str
    state: str
    status: str
    severity: str
    started_at: datetime
    opened_at: datetime
    resolved_at: datetime | None
    team: str
    summary: str
    pending: int
    dead: int
    acked_by: str = ""
    muted_by: str = ""
    step: int = 0

    @property
    def is_open(self) -> bool:
        """The episode fires and is not over; a stale one is not over either."""
        return self.state not in ("resolved", "pending")

    def row(self) -> dict[str, object]:
        """Return the columns of a listing."""
        return asdict(self)
