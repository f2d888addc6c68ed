"""What the engine knows before it decides, and what it decided.

Belongs here: those values. Does not belong here: deciding (see `engine`), SQL (see `load`, `save`).

A snapshot may fetch more of the same moment when it is asked to: the transaction that reads it
fixes that moment, so a decision stays a function of its arguments.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cbcr_assets.alerting.inputs import Silence
from cbcr_assets.alerting.message import Message
from cbcr_assets.alerting.model import AlertState, Change, Subject
from cbcr_assets.alerting.rows import own_labels

Key = tuple[str, int]


@dataclass(slots=True)
class Episode:
    """One opening of an alert; moments are naive UTC, `_e` is the engine's clock.

    Attributes:
        fingerprint: Identity of the alert.
        n: Number of the episode.
        rule: The rule's name as people read it.
        subject: What it is about.
        status: Newest status.
        severity: Newest known severity.
        team: Owner, may be empty.
        labels: JSON text of the alert's own labels.
        summary: What is the case now.
        was: What was the case before it was ok.
        runbook: What to do, may be empty.
        value: What was measured.
        objective: What was promised.
        unit: Unit of both.
        started_at: When the promise broke.
        opened_at: Evaluation that found it.
        resolved_at: Evaluation that found it mended.
        fired: It lasted long enough.
        raised: How often it became worse.
        flapping: Its end waited until it was quiet.
        acked_by: Who takes care of it, empty: nobody.
        ack_until_e: When that lapses.
        chain: JSON text of its escalation, as it was when it began.
        step: How many steps of it were told.
        remaining_s: How long until the next step ...
        resume_e: ... counted from here; None: it stands still.
        due_e: When something about it is due.
        muted_by: Why nobody is told: a silence, a maintenance, another alert; empty: not muted.
    """

    fingerprint: str
    n: int
    rule: str
    subject: Subject
    status: str
    severity: str
    team: str
    labels: str
    summary: str
    was: str
    runbook: str
    value: float | None
    objective: float | None
    unit: str
    started_at: datetime
    opened_at: datetime
    resolved_at: datetime | None = None
    fired: bool = False
    raised: int = 0
    flapping: bool = False
    acked_by: str = ""
    ack_until_e: float | None = None
    chain: str = ""
    step: int = 0
    remaining_s: float = 0.0
    resume_e: float | None = None
    due_e: float | None = None
    muted_by: str = ""
    _all_labels: dict[str, str] | None = field(default=None, repr=False, compare=False)

    @property
    def key(self) -> Key:
        """Fingerprint and number."""
        return self.fingerprint, self.n

    @property
    def fires(self) -> bool:
        """It is open and lasted long enough."""
        return self.fired and self.resolved_at is None

    def all_labels(self) -> dict[str, str]:
        """Return the labels that routes and matchers see."""
        if self._all_labels is None:
            self._all_labels = own_labels(self.labels) | {
                "rule": self.rule,
                "subject_kind": self.subject.kind,
                "subject_id": self.subject.id,
                "team": self.team,
                "severity": self.severity,
                "status": self.status,
            }
        return self._all_labels

    def forget_labels(self) -> None:
        """Let labels be read anew after a change."""
        self._all_labels = None


@dataclass(slots=True)
class Membership:
    """An alert in a group.

    Attributes:
        n: The episode that is meant.
        active: Routes lead here now; else it is only told the end.
        in_last: It was firing in the last notification of the group.
        heard: Its receiver heard that it fires.
        told_raised: How bad it was when it was told (see `Episode.raised`).
        step: Step of the escalation that brought it here, from 1; 0: routes did.
        told_step: That step as it was told.
        flushed: A flush has looked at this episode.
    """

    n: int
    active: bool = True
    in_last: bool = False
    heard: bool = False
    told_raised: int = 0
    step: int = 0
    told_step: int = 0
    flushed: bool = False

    def copied(self) -> "Membership":
        """Return a copy; a storm has 50,000 of them, and `copy` takes its time."""
        return Membership(
            self.n, self.active, self.in_last, self.heard, self.told_raised, self.step,
            self.told_step, self.flushed,
        )  # fmt: skip


@dataclass(slots=True)
class Group:
    """Alerts that are told together to one receiver; `_e` is the engine's clock.

    Attributes:
        key: Its identity: route, receiver, values of the labels.
        receiver: Who is told.
        route: Identity of the route; empty: an escalation brought it.
        labels: Values of the labels it is grouped by.
        anchor_e: First point of its lattice of flushes.
        flush_e: When to look at it again; None: when something changes.
        last_flush_e: When it was looked at last.
        notified_e: When its receiver was told last.
        members: Its alerts, by fingerprint.
    """

    key: str
    receiver: str
    route: str
    labels: dict[str, str]
    anchor_e: float
    flush_e: float | None = None
    last_flush_e: float | None = None
    notified_e: float | None = None
    members: dict[str, Membership] = field(default_factory=dict)

    @property
    def incident(self) -> str:
        """Identity of this opening of the group: it ends when the group is empty."""
        return hashlib.sha256(f"{self.key}/{self.anchor_e!r}".encode()).hexdigest()[:32]


def group_key(route: str, receiver: str, labels: dict[str, str]) -> str:
    """Return the identity of a group."""
    text = json.dumps([route, receiver, labels], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(slots=True)
class Storm:
    """How many groups a receiver was told about in the present window."""

    since_e: float
    groups: int = 0
    digest: bool = False


@dataclass(frozen=True)
class Draft:
    """A message for a receiver, and every alert it is about.

    Attributes:
        receiver: Who is told.
        stream: Messages of one receiver and stream never overtake each other.
        message: The message; it lists some of the alerts only.
        firing: Every episode that it says fires.
        resolved: Every episode that it says is over.
        untold: Those of the resolved ones whose beginning it says as well.
    """

    receiver: str
    stream: str
    message: Message
    firing: tuple[Key, ...] = ()
    resolved: tuple[Key, ...] = ()
    untold: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Entry:
    """A line of the journal that is about no verdict."""

    what: str
    fingerprint: str | None = None
    n: int | None = None
    receiver: str | None = None
    detail: str | None = None
    rule: str | None = None
    severity: str | None = None


class Snapshot:
    """What is known at the moment of a decision."""

    def __init__(self) -> None:
        """Know nothing."""
        self.states: dict[str, dict[Subject, AlertState]] = {}
        self.due: list[tuple[str, Subject, str, AlertState]] = []
        self.scopes: dict[str, float] = {}
        self.silent: list[tuple[str, Subject, str, AlertState]] = []
        self.went_silent: list[str] = []
        self.episodes: dict[Key, Episode] = {}
        self.groups: dict[str, Group] = {}
        self.silences: list[Silence] = []
        self.storms: dict[str, Storm] = {}
        self.policy_mark = ""
        self.legacy_heard: dict[Key, frozenset[str]] = {}

    def want_alerts(self, keys: Iterable[Key]) -> None:
        """Know these episodes, and the groups their alerts are in."""

    def declare_new(self, fingerprints: Iterable[str]) -> None:
        """Know that these alerts were never seen before: there is nothing to fetch."""

    def want_groups(self, keys: Iterable[str]) -> None:
        """Know these groups, if they are, with the episodes of their members."""

    def want_open(self) -> None:
        """Know every open episode, and the groups they are in."""

    def groups_of(self, fingerprint: str) -> list[str]:
        """Return the keys of the groups that an alert is in."""
        return [key for key, group in self.groups.items() if fingerprint in group.members]


@dataclass
class Decision:
    """What is written, all of it together.

    Attributes:
        changes: What happens to alerts, with the scope of each.
        unchanged: Rows without news.
        scopes: Scopes that were spoken of.
        episodes: Episodes that changed or are new.
        dropped: Pending episodes that never fired.
        groups: Groups that changed or are new.
        gone: Groups that ended.
        drafts: Messages.
        journal: More lines of the journal.
        silences: New silences.
        expired: Silences that end now.
        storms: Receivers' windows that changed.
        policy_mark: The policy in force.
    """

    changes: list[tuple[str, Change]] = field(default_factory=list)
    unchanged: int = 0
    scopes: list[str] = field(default_factory=list)
    episodes: dict[Key, Episode] = field(default_factory=dict)
    dropped: list[Key] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    journal: list[Entry] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    storms: dict[str, Storm] = field(default_factory=dict)
    policy_mark: str = ""
