"""From changes to messages: who is told, in how few messages. Pure.

Belongs here: grouping, totals, the order of what is listed.
Does not belong here: whether something is news (see `core`), words (see `render`).

One message for each receiver, rule, team and kind of change: a storm of 500 is one message.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from cbcr_assets.alerting.message import LISTED, Member, Message
from cbcr_assets.alerting.model import SEVERITIES, TOLD, Change, ChangeKind, Evaluation, Row
from cbcr_assets.alerting.route import receivers_of
from cbcr_assets.alerting.rows import labels_of, own_labels
from cbcr_assets.config.alerting import Policy

Key = tuple[str, int]


@dataclass(frozen=True)
class Episode:
    """What is known of an open episode when it changes.

    Attributes:
        started_at: When the promise broke, naive UTC.
        team: Owner then.
        severity: Severity then.
        summary: What was the case then.
        heard_by: Receivers that were told, or are about to be.
    """

    started_at: datetime
    team: str
    severity: str
    summary: str
    heard_by: Collection[str] = ()


@dataclass(frozen=True)
class Draft:
    """A message for a receiver, and every episode it is about.

    Attributes:
        receiver: Who is told.
        message: The message; it lists the first of the episodes only.
        about: Fingerprint and number of each episode.
    """

    receiver: str
    message: Message
    about: tuple[Key, ...]


def started_at(row: Row, evaluated_at: datetime) -> datetime:
    """Return when an episode began: when the deadline passed, not when we looked."""
    return min(row.since, evaluated_at) if row.since is not None else evaluated_at


def drafts(
    evaluation: Evaluation,
    changes: Iterable[Change],
    episodes: Mapping[Key, Episode],
    policy: Policy,
) -> list[Draft]:
    """Return the messages about the changes of one evaluation.

    Args:
        evaluation: The evaluation.
        changes: What it changes.
        episodes: The episodes that were open before and change now.
        policy: Who is told about what.
    """
    groups: dict[tuple[str, str, str, ChangeKind], list[_News]] = {}
    for change in changes:
        row = change.row
        if row is None or change.kind not in TOLD:
            continue
        before = episodes.get((change.after.fingerprint, change.after.episode))
        news = _News(change, row, before, evaluation.evaluated_at)
        team = before.team if before and change.kind is ChangeKind.RESOLVED else row.team
        for receiver in _receivers(change.kind, row, before, policy):
            groups.setdefault((receiver, row.rule, team, change.kind), []).append(news)
    return [_draft(evaluation, *key, news) for key, news in groups.items()]


def _receivers(kind: ChangeKind, row: Row, before: Episode | None, policy: Policy) -> Iterator[str]:
    if kind is not ChangeKind.RESOLVED:
        yield from receivers_of(policy.route, labels_of(row))
        return
    # Whoever heard it begin hears it end, wherever today's routes lead; nobody else does.
    for name in sorted(before.heard_by if before else ()):
        if name in policy.receivers and policy.receivers[name].send_resolved:
            yield name


@dataclass(frozen=True, slots=True)
class _News:
    """One change that somebody hears of."""

    change: Change
    row: Row
    before: Episode | None
    evaluated_at: datetime

    @property
    def key(self) -> Key:
        return self.change.after.fingerprint, self.change.after.episode

    @property
    def started_at(self) -> datetime:
        return self.before.started_at if self.before else started_at(self.row, self.evaluated_at)

    @property
    def severity(self) -> str:
        resolved = self.change.kind is ChangeKind.RESOLVED
        return self.before.severity if self.before and resolved else self.row.severity

    def worst_first(self) -> tuple[int, bool, datetime, str]:
        severity = SEVERITIES.index(self.severity)
        return -severity, self.row.status != "breached", self.started_at, self.row.subject.id

    def member(self) -> Member:
        row = self.row
        resolved = self.change.kind is ChangeKind.RESOLVED
        fingerprint, episode = self.key
        return Member(
            fingerprint=fingerprint,
            episode=episode,
            subject_kind=row.subject.kind,
            subject_id=row.subject.id,
            status=row.status,
            severity=self.severity,
            value=row.value,
            objective=row.objective,
            unit=row.unit,
            started_at=self.started_at,
            summary=row.summary,
            was=self.before.summary if self.before and resolved else "",
            runbook=row.runbook,
            labels=own_labels(row.labels),
        )


def _draft(
    evaluation: Evaluation,
    receiver: str,
    rule: str,
    team: str,
    kind: ChangeKind,
    news: list[_News],
) -> Draft:
    news.sort(key=_News.worst_first)
    identity = [evaluation.evaluation_id, evaluation.rule, rule, receiver, team, kind.value]
    message = Message(
        id=hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32],
        kind=kind.value,
        rule=rule,
        team=team,
        severity=news[0].severity,
        total=len(news),
        counts=dict(Counter(one.row.status for one in news)),
        members=tuple(one.member() for one in news[:LISTED]),
        evaluation_id=evaluation.evaluation_id,
        evaluated_at=evaluation.evaluated_at,
    )
    return Draft(receiver, message, tuple(one.key for one in news))
