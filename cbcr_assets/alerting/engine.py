"""The decision: from what is known and what happened to everything that is written. Pure.

Belongs here: the order in which inputs, timers and flushes take effect.
Does not belong here: each one's own rules (see `core`, `members`, `groups`, `escalation`), I/O.

`decide` reads no clock and changes nothing that it is given: the same arguments, the same decision.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from cbcr_assets.alerting import escalation
from cbcr_assets.alerting.compose import HEAR_ACKNOWLEDGEMENTS, draft, tell
from cbcr_assets.alerting.core import judge, on_time
from cbcr_assets.alerting.groups import Notice, flush
from cbcr_assets.alerting.inputs import Ack, Silence, Unsilence
from cbcr_assets.alerting.members import become_worse, begin, end, escalate, reroute, update
from cbcr_assets.alerting.model import Change, ChangeKind, Moment, Phase, Row
from cbcr_assets.alerting.route import compile_routes
from cbcr_assets.alerting.snapshot import Decision, Entry, Episode, Group, Snapshot
from cbcr_assets.alerting.suppression import is_muted
from cbcr_assets.alerting.work import Work
from cbcr_assets.config.alerting import Policy
from cbcr_assets.config.matchers import all_match


@dataclass(frozen=True)
class Verdicts:
    """An evaluation as the engine takes it.

    Attributes:
        scope: What it is about: its rule.
        evaluated_at: Its moment, naive UTC.
        rows: One row a subject.
        complete: A subject without a row has vanished.
    """

    scope: str
    evaluated_at: datetime
    rows: list[Row]
    complete: bool = True


Input = Verdicts | Ack | Silence | Unsilence


def policy_mark(policy: Policy) -> str:
    """Return what changes when alerts must be routed anew."""
    nodes = [
        (node.id, node.receiver, node.rhythm.group_by)
        for node in compile_routes(policy.route).every()
    ]
    return hashlib.sha256(repr(nodes).encode()).hexdigest()[:16]


def decide(policy: Policy, snapshot: Snapshot, inputs: Iterable[Input], clock: Moment) -> Decision:
    """Decide what happens.

    All inputs take effect before any group is flushed: what began and ended while nobody looked is
    told once.

    Args:
        policy: Who is told about what.
        snapshot: What is known.
        inputs: What happened, in its order.
        clock: Present on both clocks.
    """
    work = Work(policy, snapshot, clock)
    work.decision.policy_mark = policy_mark(policy)
    if snapshot.policy_mark != work.decision.policy_mark:
        reroute(work)
    for one in inputs:
        match one:
            case Verdicts():
                _hear(work, one)
            case Ack():
                _acknowledge(work, one)
            case Silence():
                _silence(work, one)
            case Unsilence():
                _unsilence(work, one)
    _pass_time(work)
    _flush(work)
    return work.decision


def _hear(work: Work, verdicts: Verdicts) -> None:
    states = work.scope(verdicts.scope)
    changes, unchanged = judge(
        verdicts.scope, states, verdicts.rows, work.policy,
        elapsed_e=work.now.elapsed_e, complete=verdicts.complete,
    )  # fmt: skip
    work.decision.unchanged += unchanged
    if verdicts.complete:
        work.decision.scopes.append(verdicts.scope)
    known = [
        (change.after.fingerprint, change.after.episode)
        for change in changes
        if change.kind not in (ChangeKind.PENDING, ChangeKind.CANCELLED)
        and not (change.kind is ChangeKind.OPENED and change.subject not in states)
    ]
    work.snapshot.want_alerts(known)
    work.snapshot.declare_new(
        change.after.fingerprint for change in changes if change.subject not in states
    )
    for change in changes:
        _apply(work, verdicts.scope, change, verdicts.evaluated_at)
        states[change.subject] = change.after


def _apply(work: Work, scope: str, change: Change, at: datetime) -> None:
    work.decision.changes.append((scope, change))
    key = (change.after.fingerprint, change.after.episode)
    match change.kind:
        case ChangeKind.OPENED | ChangeKind.PENDING:
            begin(work, change, at)
        case ChangeKind.CANCELLED:
            gone = (key[0], key[1] + 1)
            work.decision.episodes.pop(gone, None)
            work.decision.dropped.append(gone)
        case ChangeKind.WORSENED:
            become_worse(work, work.episode(key), change.row)
        case ChangeKind.RESOLVED:
            end(work, work.episode(key), change.row, at)
        case ChangeKind.HELD:
            episode = work.episode(key)
            episode.flapping, episode.status = True, "ok"
        case ChangeKind.QUIET if change.row is not None:
            episode = work.episode(key)
            if change.row.status == "unknown":
                # The words stay those of what was seen last; only that we are blind is new.
                episode.status, episode.summary = "unknown", change.row.summary
            else:
                update(episode, change.row)
        case _:
            return


def _acknowledge(work: Work, ack: Ack) -> None:
    told: dict[str, Notice] = {}
    before = len(work.decision.journal)
    for known in work.firing():
        if not all_match(ack.matchers, known.all_labels()):
            continue
        groups = work.groups_of(known)
        if ack.incident and ack.incident not in {group.incident for group in groups}:
            continue
        episode = work.episode(known.key)
        escalation.acknowledge(episode, ack.by, ack.timeout_s, work.now.elapsed_e)
        work.note("acknowledged", episode, detail=ack.by)
        for group in groups:
            receiver = work.policy.receivers.get(group.receiver)
            hears = receiver is not None and receiver.type in HEAR_ACKNOWLEDGEMENTS
            if hears and group.members[episode.fingerprint].heard:
                notice = told.setdefault(group.key, Notice(group, "acknowledged", by=ack.by))
                notice.firing.append(episode)
    if len(work.decision.journal) == before:
        meant = ack.incident or ", ".join(map(str, ack.matchers))
        work.decision.journal.append(Entry("acknowledged_nothing", detail=f"{meant} by {ack.by}"))
    work.decision.drafts += [draft(notice, work.now) for notice in told.values()]


def _silence(work: Work, silence: Silence) -> None:
    work.decision.silences.append(silence)
    work.silences.append(silence)
    work.decision.journal.append(Entry("silenced", detail=f"{silence.id} by {silence.by}"))
    for episode in work.firing():
        if all_match(silence.matchers, episode.all_labels()):
            work.touch(episode)


def _unsilence(work: Work, unsilence: Unsilence) -> None:
    work.decision.expired.append(unsilence.id)
    ended = [
        replace(silence, end=work.now.wall) if silence.id == unsilence.id else silence
        for silence in work.silences
    ]
    work.silences[:] = ended
    work.decision.journal.append(Entry("unsilenced", detail=f"{unsilence.id} by {unsilence.by}"))


def _pass_time(work: Work) -> None:
    now_e, snapshot = work.now.elapsed_e, work.snapshot
    due = [(scope, subject, rule) for scope, subject, rule, _ in snapshot.due]
    snapshot.want_alerts(
        (state.fingerprint, state.episode) for _, _, _, state in [*snapshot.due, *snapshot.silent]
    )
    for scope, subject, rule in due:
        state = work.scope(scope)[subject]
        change = on_time(subject, state, rule, work.policy, now_e)
        if change is not None:
            _apply(work, scope, change, work.now.wall)
            work.states[scope][subject] = change.after
    for scope, subject, _, state in snapshot.silent:
        if scope not in work.decision.scopes:
            change = Change(ChangeKind.STALE, subject, replace(state, phase=Phase.STALE), None)
            _apply(work, scope, change, work.now.wall)
    suppression = work.suppression()
    for key in [*snapshot.episodes]:
        episode = work.known(key)
        if episode.due_e is not None and episode.due_e <= now_e:
            _escalate(work, work.episode(key), suppression.why(episode))


def _escalate(work: Work, episode: Episode, muted: str) -> None:
    if escalation.lapse(episode, work.now.elapsed_e):
        work.note("ack_lapsed", episode)
        work.touch(episode)
    if muted:
        work.mute(episode.key, muted)
        work.touch(episode)
    receiver = escalation.next_step(episode, work.now.elapsed_e)
    if receiver is not None:
        work.note("escalated", episode, receiver=receiver, detail=str(episode.step))
        escalate(work, episode, receiver)
    escalation.set_due(episode)


def _flush(work: Work) -> None:
    suppression = work.suppression()
    notices: dict[str, list[Notice]] = {}
    calm = suppression.is_calm()

    def why(episode: Episode) -> str:
        reason = "" if calm else suppression.why(episode)
        if episode.fires:
            work.mute(episode.key, reason)
        return reason

    for key in sorted({**work.snapshot.groups, **work.decision.groups}):
        known = work.decision.groups.get(key) or work.snapshot.groups[key]
        if known.flush_e is None or known.flush_e > work.now.elapsed_e:
            continue
        group = work.group(key)
        if group is None or _waits(work, group):
            continue
        receiver = work.policy.receivers.get(group.receiver)
        notice = flush(
            group, work.rhythm(group), work.now, episode=work.known, why_muted=why,
            send_resolved=receiver is None or receiver.send_resolved,
        )  # fmt: skip
        if notice is not None:
            notices.setdefault(group.receiver, []).append(notice)
        if not group.members:
            del work.decision.groups[key]
            work.decision.gone.append(key)
    for receiver_name, found in notices.items():
        work.decision.drafts += tell(receiver_name, found, work)


def _waits(work: Work, group: Group) -> bool:
    """Tell whether a group must wait: for its hour, or for the end of a storm."""
    node = work.node(group)
    if node is not None and is_muted(node, work.policy, work.now.wall):
        group.last_flush_e = work.now.elapsed_e
        group.flush_e = work.now.elapsed_e + max(node.rhythm.interval_s, 1.0)
        return True
    receiver = work.policy.receivers.get(group.receiver)
    storm = work.decision.storms.get(group.receiver) or work.snapshot.storms.get(group.receiver)
    if receiver is None or receiver.storm is None or storm is None or not storm.digest:
        return False
    until_e = storm.since_e + receiver.storm.window_s
    if work.now.elapsed_e >= until_e or _is_urgent(work, group):
        return False
    group.flush_e = until_e
    return True


def _is_urgent(work: Work, group: Group) -> bool:
    """Tell whether somebody critical has not been told yet: that waits for no storm."""
    for fingerprint, member in group.members.items():
        episode = work.known((fingerprint, member.n))
        is_news = not member.in_last or member.told_raised < episode.raised
        if is_news and member.active and episode.fires and episode.severity == "critical":
            return True
    return False
