"""How episodes begin, become worse and end, and which groups they come into. Pure.

Belongs here: an episode's facts, routing, the start of its escalation.
Does not belong here: when a group is told (see `groups`).
"""

from datetime import datetime, timedelta

from cbcr_assets.alerting import escalation
from cbcr_assets.alerting.groups import join
from cbcr_assets.alerting.model import Change, ChangeKind, Row
from cbcr_assets.alerting.route import Node, Rhythm, matching
from cbcr_assets.alerting.snapshot import Episode, Group, group_key
from cbcr_assets.alerting.work import Work

ESCALATION = ""


def begin(work: Work, change: Change, at: datetime) -> None:
    """An alert is bad: it waits until that lasted long enough, or fires."""
    key = (change.after.fingerprint, change.after.episode)
    if change.kind is ChangeKind.PENDING or (change.row is not None and not _is_pending(work, key)):
        assert change.row is not None  # time alone opens only what was pending
        row = change.row
        started = min(row.since, at) if row.since is not None else at
        work.decision.episodes[key] = Episode(
            key[0], key[1], row.rule, row.subject, row.status, row.severity, row.team, row.labels,
            row.summary, "", row.runbook, row.value, row.objective, row.unit, started, at,
        )  # fmt: skip
    if change.kind is ChangeKind.OPENED:
        episode = work.episode(key)
        if change.row is not None and change.row.status != "unknown":
            update(episode, change.row)
        episode.fired = True
        _route(work, episode, start=True)


def become_worse(work: Work, episode: Episode, row: Row | None) -> None:
    """Its severity rises: it is routed anew at once, and its escalation begins again."""
    if row is not None:
        update(episode, row)
    episode.raised += 1
    _route(work, episode, start=True)
    for group in work.groups_of(episode):
        if group.members[episode.fingerprint].active and group.last_flush_e is not None:
            group.flush_e = work.now.elapsed_e


def update(episode: Episode, row: Row) -> None:
    """Take over the facts of a verdict."""
    episode.status, episode.severity, episode.team = row.status, row.severity, row.team
    episode.labels, episode.summary, episode.runbook = row.labels, row.summary, row.runbook
    episode.value, episode.objective, episode.unit = row.value, row.objective, row.unit
    episode.forget_labels()


def end(work: Work, episode: Episode, row: Row | None, at: datetime) -> None:
    """It is over: whoever heard it begin hears that."""
    episode.was, episode.resolved_at = episode.summary, at
    if row is not None:
        episode.summary, episode.status = row.summary, "ok"
    episode.resume_e = episode.ack_until_e = episode.due_e = None
    work.touch(episode)


def escalate(work: Work, episode: Episode, receiver: str) -> None:
    """Bring an episode to the receiver of a step of its escalation."""
    now = work.now
    groups = work.groups_of(episode)
    mine = next((group for group in groups if group.receiver == receiver), None)
    if mine is None:
        labels = groups[0].labels if groups else {}
        mine = _group(work, ESCALATION, receiver, labels, Rhythm((), 0.0, 0.0, 0.0))
    before = mine.members.get(episode.fingerprint)
    if before is None or not before.active:
        _join(work, mine, episode, Rhythm((), 0.0, 0.0, 0.0))
    mine.members[episode.fingerprint].step = episode.step
    mine.flush_e = now.elapsed_e


def reroute(work: Work) -> None:
    """Route every open episode anew: the policy has changed."""
    for known in work.firing():
        episode = work.episode(known.key)
        _route(work, episode, start=False)
        for receiver in work.snapshot.legacy_heard.get(episode.key, ()):
            for group in work.groups_of(episode):
                if group.receiver == receiver:
                    member = group.members[episode.fingerprint]
                    member.heard = member.in_last = True
                    group.notified_e = work.now.elapsed_e


def _is_pending(work: Work, key: tuple[str, int]) -> bool:
    return key in work.decision.episodes or key in work.snapshot.episodes


def _route(work: Work, episode: Episode, *, start: bool) -> None:
    """Let an episode be in the groups that today's routes lead to."""
    before = {group.key: group for group in work.groups_of(episode)}
    nodes = list(matching(work.root, episode.all_labels()))
    wanted = set()
    for node in nodes:
        group = _group_of(work, node, episode)
        wanted.add(group.key)
        member = group.members.get(episode.fingerprint)
        if member is None or not member.active or member.n != episode.n:
            _join(work, group, episode, node.rhythm)
    for key, group in before.items():
        member = group.members[episode.fingerprint]
        if key in wanted or member.n != episode.n or (member.step and not start):
            continue
        if member.heard:
            member.active = False
        else:
            del group.members[episode.fingerprint]
    if start:
        chains = (node.escalation for node in nodes if node.escalation)
        chain = work.policy.escalations.get(next(chains, ""))
        escalation.start(episode, chain, work.now.elapsed_e)


def _group_of(work: Work, node: Node, episode: Episode) -> Group:
    labels = node.labels_of_group(episode.all_labels())
    same = (node.id, node.receiver, *labels.items())
    key = work.keys.get(same)
    if key is None:
        key = work.keys[same] = group_key(node.id, node.receiver, labels)
    found = work.decision.groups.get(key)
    return found or _group(work, node.id, node.receiver, labels, node.rhythm)


def _group(work: Work, route: str, receiver: str, labels: dict[str, str], rhythm: Rhythm) -> Group:
    key = group_key(route, receiver, labels)
    found = work.group(key)
    if found is None:
        work.snapshot.want_groups([key])
        found = work.group(key)
    if found is None:
        anchor_e = work.now.elapsed_e + rhythm.wait_s
        found = work.decision.groups[key] = Group(key, receiver, route, labels, anchor_e)
    return found


def _join(work: Work, group: Group, episode: Episode, rhythm: Rhythm) -> None:
    member = group.members.get(episode.fingerprint)
    before = None
    if member is not None and member.n != episode.n:
        before = work.known((episode.fingerprint, member.n))
    waited = work.policy.for_s(episode.rule)
    starts_at = episode.started_at + timedelta(seconds=waited) if waited else episode.started_at
    join(group, episode, rhythm, work.now, starts_at=starts_at, before=before)
    work.joined.setdefault(episode.fingerprint, set()).add(group.key)
