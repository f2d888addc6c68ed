"""A message before any channel has given it a form: what the outbox keeps.

Belongs here: its values, and their way to JSON and back.
Does not belong here: words (see `render`), channels (see `receivers`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

LISTED = 20


@dataclass(frozen=True)
class Member:
    """One episode in a message; moments are naive UTC.

    Attributes:
        fingerprint: Identity of the alert.
        episode: Number of the episode.
        subject_kind: Kind of the subject.
        subject_id: The subject.
        status: Its status now.
        severity: Its severity; of a resolved one, what it was.
        value: What was measured.
        objective: What was promised.
        unit: Unit of both.
        started_at: When the promise broke.
        summary: What is the case now.
        was: Of a resolved one, what had been the case.
        runbook: What to do, may be empty.
        labels: The alert's own labels.
        acked_by: Who takes care of it, may be empty.
        is_untold: It began and ended before this receiver could be told: this says both.
        is_flapping: It changed often; its end was held back until it was quiet.
        rule: Its rule; empty: that of the message.
        team: Its owner; empty: that of the message.
    """

    fingerprint: str
    episode: int
    subject_kind: str
    subject_id: str
    status: str
    severity: str
    value: float | None
    objective: float | None
    unit: str
    started_at: datetime
    summary: str
    was: str
    runbook: str
    labels: Mapping[str, str]
    acked_by: str = ""
    is_untold: bool = False
    is_flapping: bool = False
    rule: str = ""
    team: str = ""

    @property
    def is_over(self) -> bool:
        """It is fine again."""
        return self.status == "ok"


@dataclass(frozen=True)
class Undelivered:
    """Why a message went to the fallback.

    Attributes:
        receiver: Who did not take it.
        why: The reason, without secrets.
    """

    receiver: str
    why: str


@dataclass(frozen=True)
class Message:
    """What one receiver is told about one rule, team and kind of change by one evaluation.

    Attributes:
        id: Its identity: the same message sent twice has the same.
        kind: opened, worsened, resolved, repeat, escalation, digest or acknowledged.
        rule: The rule; empty when it is about several.
        team: Owner of the subjects, may be empty.
        severity: Worst severity.
        total: How many episodes it is about.
        counts: How many of each status.
        members: Up to 20 of them, the worst first.
        evaluation_id: Evaluation that says so.
        evaluated_at: Its moment, naive UTC.
        undelivered: Set when it was meant for somebody else.
        group: Labels and values that the alerts are grouped by.
        others: Up to 20 episodes of the other side: what is over in a message about what fires,
            what still fires in a message about what is over.
        others_total: How many there are of them.
        groups: How many groups it is about; more than one only in a digest.
        escalation_step: Step of the escalation, from 1; 0: none.
        by: Who acknowledged, may be empty.
        incident: Identity that all messages about one opening of one group share, from its
            beginning to its end, so that a pager shows one incident and a late acknowledgement
            meets no new one; empty where the engine has none.
    """

    id: str
    kind: str
    rule: str
    team: str
    severity: str
    total: int
    counts: Mapping[str, int]
    members: tuple[Member, ...]
    evaluation_id: str
    evaluated_at: datetime
    undelivered: Undelivered | None = None
    group: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Member, ...] = ()
    others_total: int = 0
    groups: int = 1
    escalation_step: int = 0
    by: str = ""
    incident: str = ""

    @property
    def told_as(self) -> str:
        """Why it is sent: firing, resolved, repeat, escalation, digest or acknowledged."""
        return "firing" if self.kind in ("opened", "worsened") else self.kind

    @property
    def is_over(self) -> bool:
        """All it is about is fine again, whatever `others` are."""
        is_open = any(not member.is_over for member in self.members)
        is_open |= any(count for status, count in self.counts.items() if status != "ok")
        return self.kind in ("resolved", "digest") and not is_open

    @property
    def not_listed(self) -> int:
        """Episodes it is about but does not list."""
        return self.total - len(self.members)

    def only(self, fingerprints: set[str]) -> "Message":
        """Return the message about some of its episodes only; the total stays true."""
        kept = tuple(m for m in self.members if m.fingerprint in fingerprints)
        counts = self.counts if len(fingerprints) == self.total else {}
        return replace(self, members=kept, total=len(fingerprints), counts=counts)


@dataclass(frozen=True)
class Thread:
    """An earlier message of the same receiver that this one continues.

    Attributes:
        ref: What the channel called it.
        total: How many episodes it was about.
        is_over: All of them are resolved.
    """

    ref: str
    total: int
    is_over: bool


@dataclass(frozen=True)
class Outgoing:
    """A message on its way.

    Attributes:
        message: The message.
        thread: What it continues, when all of it continues one message.
        known_as: Where the receiver was told all of it before; empty: some of it is news.
        ends: Digests that told of what is over now, and of nothing else that still goes on.
        answers: Digests that told of what is acknowledged now, and of nothing that is not.
    """

    message: Message
    thread: Thread | None = None
    known_as: str = ""
    ends: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()

    @property
    def incident(self) -> str:
        """What a pager knows it by: the same from beginning to end."""
        message = self.message
        if message.incident or self.thread:
            return message.incident or (self.thread.ref if self.thread else "")
        if message.group and message.kind != "digest":
            return _short(json.dumps(sorted(message.group.items())))
        if message.total == 1 and message.members:
            return f"{message.members[0].fingerprint}-{message.members[0].episode}"
        return message.id

    @property
    def page(self) -> str:
        """What a pager knows it by that calls for each name once: what it knows is no new one."""
        return self.known_as or self.incident

    @property
    def ends_incident(self) -> bool:
        """Nothing of the incident is left."""
        message = self.message
        is_whole = self.thread is None or self.thread.is_over
        return (
            message.kind == "resolved" and message.is_over and is_whole and not message.others_total
        )


def stamp(moment: datetime) -> str:
    """Return a naive UTC moment as ISO 8601 that says so."""
    return moment.isoformat(timespec="milliseconds") + "Z"


def as_json(message: Message) -> dict[str, Any]:
    """Return a message as JSON values."""
    plain: dict[str, Any] = asdict(message)
    plain["evaluated_at"] = stamp(message.evaluated_at)
    for member in (*plain["members"], *plain["others"]):
        member["started_at"] = stamp(member["started_at"])
    return plain


def encode(message: Message) -> str:
    """Return a message as the text that the outbox keeps."""
    return json.dumps(message, default=_plain)


def decode(text: str) -> Message:
    """Return the message that `encode` wrote."""
    plain: dict[str, Any] = json.loads(text)
    undelivered = plain.pop("undelivered")
    return Message(
        **plain
        | {
            "evaluated_at": datetime.fromisoformat(plain["evaluated_at"]),
            "members": tuple(_member(member) for member in plain["members"]),
            "others": tuple(_member(member) for member in plain.get("others", ())),
        },
        undelivered=Undelivered(**undelivered) if undelivered else None,
    )


def _plain(value: Any) -> Any:
    """Return one level of a value; `asdict` copies all of them in depth, for ten times as long."""
    return value.isoformat() if isinstance(value, datetime) else value.__dict__


def _short(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _member(plain: dict[str, Any]) -> Member:
    return Member(**plain | {"started_at": datetime.fromisoformat(plain["started_at"])})
