"""From notices to messages: in how few messages, with which totals, in which order. Pure.

Belongs here: storms, totals, the order of what is listed.
Does not belong here: whether something is news (see `groups`), words (see `render`).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime

from cbcr_assets.alerting.groups import Notice
from cbcr_assets.alerting.message import LISTED, Member, Message
from cbcr_assets.alerting.model import SEVERITIES, Moment
from cbcr_assets.alerting.rows import own_labels
from cbcr_assets.alerting.snapshot import Draft, Episode, Key, Storm
from cbcr_assets.alerting.work import Work

# Kinds of receivers that can show that somebody takes care; to others it would be noise.
HEAR_ACKNOWLEDGEMENTS = frozenset({"slack", "pagerduty", "opsgenie"})
# Kinds of receivers that keep an incident until its own end comes: a digest would end none.
_KEEP_INCIDENTS = frozenset({"pagerduty", "opsgenie"})
DIGEST = "digest"


def tell(receiver: str, notices: Sequence[Notice], work: Work) -> list[Draft]:
    """Return the messages for one receiver: one a group, or a digest in a storm.

    Args:
        receiver: Who is told.
        notices: What there is to tell.
        work: The decision; the receiver's window in it changes.
    """
    config = work.policy.receivers.get(receiver)
    limit = config.storm if config else None
    if limit is None:
        return [draft(notice, work.now) for notice in notices]
    known = work.snapshot.storms.get(receiver)
    now_e = work.now.elapsed_e
    storm = copy(known) if known and now_e < known.since_e + limit.window_s else Storm(now_e)
    storm.groups += len(notices)
    work.decision.storms[receiver] = storm
    if storm.groups <= limit.max_groups:
        return [draft(notice, work.now) for notice in notices]
    # From now on what is not critical waits for the end of the window.
    storm.digest = True
    if len(notices) == 1:
        return [draft(notices[0], work.now)]
    if config is not None and config.type in _KEEP_INCIDENTS:
        ends = [draft(notice, work.now) for notice in notices if notice.kind == "resolved"]
        rest = [notice for notice in notices if notice.kind != "resolved"]
        return [*ends, *([_digest(receiver, rest, work.now)] if rest else [])]
    return [_digest(receiver, notices, work.now)]


def draft(notice: Notice, now: Moment) -> Draft:
    """Return the message of one group."""
    is_end = notice.kind == "resolved"
    main, others = notice.resolved, notice.firing
    if not is_end:
        main, others = others, main
    group = notice.group
    message = _message(
        notice.kind, main, others, now, untold=notice.untold, stream=group.key,
        facts=[group.labels, notice.step, notice.by],
    )  # fmt: skip
    message = replace(
        message, group=group.labels, escalation_step=notice.step, by=notice.by,
        incident=group.incident,
    )  # fmt: skip
    return Draft(
        group.receiver, group.key, message, _keys(notice.firing), _keys(notice.resolved),
        frozenset(notice.untold),
    )  # fmt: skip


def member(episode: Episode, *, untold: bool = False) -> Member:
    """Return what a message says about one episode."""
    return Member(
        fingerprint=episode.fingerprint,
        episode=episode.n,
        subject_kind=episode.subject.kind,
        subject_id=episode.subject.id,
        status=episode.status,
        severity=episode.severity,
        value=episode.value,
        objective=episode.objective,
        unit=episode.unit,
        started_at=episode.started_at,
        summary=episode.summary,
        was=episode.was if episode.resolved_at else "",
        runbook=episode.runbook,
        labels=own_labels(episode.labels),
        acked_by=episode.acked_by,
        is_untold=untold,
        is_flapping=episode.flapping,
        rule=episode.rule,
        team=episode.team,
    )


def _digest(receiver: str, notices: Sequence[Notice], now: Moment) -> Draft:
    """Return one message about many groups, with true totals."""
    firing = list({one.key: one for notice in notices for one in notice.firing}.values())
    resolved = list({one.key: one for notice in notices for one in notice.resolved}.values())
    untold = {name for notice in notices for name in notice.untold}
    message = _message(
        DIGEST if firing else "resolved", firing or resolved, resolved if firing else (), now,
        untold=untold, stream=receiver, facts=[len(notices)],
    )  # fmt: skip
    message = replace(message, kind=DIGEST, groups=len(notices))
    return Draft(receiver, DIGEST, message, _keys(firing), _keys(resolved), frozenset(untold))


def _message(
    kind: str,
    main: Sequence[Episode],
    others: Iterable[Episode],
    now: Moment,
    *,
    untold: set[str],
    stream: str,
    facts: list[object],
) -> Message:
    ranked = sorted(main, key=_worst_first)
    rest = sorted(others, key=_worst_first)
    at = (
        max((_known_at(one) for one in ranked), default=now.wall)
        if kind == "resolved"
        else now.wall
    )
    identity = [kind, stream, facts, now.elapsed_e, now.wall.isoformat(),
                sorted(_keys(main)), sorted(_keys(rest))]  # fmt: skip
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    return Message(
        id=digest,
        kind=kind,
        rule=_common(one.rule for one in ranked),
        team=_common(one.team for one in ranked),
        severity=ranked[0].severity if ranked else "info",
        total=len(ranked),
        counts=dict(Counter(one.status for one in ranked)),
        members=tuple(member(one, untold=one.fingerprint in untold) for one in ranked[:LISTED]),
        evaluation_id=digest,
        evaluated_at=at,
        others=tuple(member(one, untold=one.fingerprint in untold) for one in rest[:LISTED]),
        others_total=len(rest),
    )


def _known_at(episode: Episode) -> datetime:
    return episode.resolved_at or episode.opened_at


def _worst_first(episode: Episode) -> tuple[int, bool, datetime, str]:
    severity = SEVERITIES.index(episode.severity)
    return -severity, episode.status != "breached", episode.started_at, episode.subject.id


def _common(words: Iterable[str]) -> str:
    """Return the word that all share, or nothing."""
    found = set(words)
    return found.pop() if len(found) == 1 else ""


def _keys(episodes: Iterable[Episode]) -> tuple[Key, ...]:
    return tuple(episode.key for episode in episodes)
