"""When a group is told, and why: Alertmanager's lattice of flushes and its deduplication. Pure.

Belongs here: joining a group, the next point of its lattice, what a flush finds to be news.
Does not belong here: which group an alert belongs to (see `route`), words (see `compose`).

Differences to Alertmanager, all of them meant: a receiver is told nothing about the end of an
episode whose beginning it never heard; an end that happened while the alert was muted is told when
it is not muted any more; what nobody could look at in time is told as fired and resolved.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cbcr_assets.alerting.model import SEVERITIES, Moment
from cbcr_assets.alerting.route import Rhythm
from cbcr_assets.alerting.snapshot import Episode, Group, Key, Membership

# A group whose route is gone only tells ends, and at once.
LAST_WORDS = Rhythm((), 0.0, 0.0, 0.0)


@dataclass
class Notice:
    """What the receiver of a group is told.

    Attributes:
        group: The group.
        kind: opened, worsened, resolved, repeat, escalation, acknowledged.
        firing: What fires.
        resolved: What is over.
        untold: Fingerprints of those among them whose beginning it was not told.
        step: Step of the escalation, from 1; 0: none.
        by: Who acknowledged.
    """

    group: Group
    kind: str
    firing: list[Episode] = field(default_factory=list)
    resolved: list[Episode] = field(default_factory=list)
    untold: set[str] = field(default_factory=set)
    step: int = 0
    by: str = ""


def next_point(group: Group, rhythm: Rhythm, now_e: float) -> float:
    """Return the next point of the lattice, not before now and after the last flush.

    A late tick stays on the lattice and never causes a burst.
    """
    if now_e <= group.anchor_e and group.last_flush_e is None:
        return group.anchor_e
    if rhythm.interval_s <= 0:
        return now_e
    steps = max(math.ceil((now_e - group.anchor_e) / rhythm.interval_s), 0)
    point = group.anchor_e + steps * rhythm.interval_s
    last_e = group.last_flush_e
    return point + rhythm.interval_s if last_e is not None and point <= last_e else point


def touch(group: Group, rhythm: Rhythm, now_e: float) -> None:
    """Something changed: look at the group at the next point of its lattice."""
    point = next_point(group, rhythm, now_e)
    group.flush_e = point if group.flush_e is None else min(group.flush_e, point)


def join(
    group: Group,
    episode: Episode,
    rhythm: Rhythm,
    now: Moment,
    *,
    starts_at: datetime,
    before: Episode | None,
) -> None:
    """Let an episode be a member of a group.

    Args:
        group: The group; it changes.
        episode: The episode.
        rhythm: The group's rhythm.
        now: Present.
        starts_at: Since when it fires, naive UTC: an old alert does not wait.
        before: The earlier episode of the same alert that is still a member.
    """
    member = group.members.get(episode.fingerprint)
    if member is None:
        group.members[episode.fingerprint] = Membership(episode.n)
    else:
        member.active = True
        if member.n != episode.n:
            rose = before is None or _rank(episode) > _rank(before)
            member.n, member.flushed = episode.n, False
            member.told_raised = member.step = member.told_step = 0
            # Between two flushes nobody sees a flap, but everybody sees that it became worse.
            member.in_last = member.in_last and not rose
    is_old = (now.wall - starts_at).total_seconds() >= rhythm.wait_s
    if group.last_flush_e is None and is_old:
        group.anchor_e = now.elapsed_e
    touch(group, rhythm, now.elapsed_e)


def flush(
    group: Group,
    rhythm: Rhythm,
    now: Moment,
    *,
    episode: Callable[[Key], Episode],
    why_muted: Callable[[Episode], str],
    send_resolved: bool,
) -> Notice | None:
    """Look at a group; return what its receiver is told, and note that it was.

    Args:
        group: The group; it changes.
        rhythm: Its rhythm.
        now: Present.
        episode: Returns an episode of a member.
        why_muted: Returns why nobody is told about an episode; empty: they are.
        send_resolved: Its receiver wants to hear of ends.
    """
    found = _look(group, rhythm, episode, why_muted)
    notice = _news(group, rhythm, found, now.elapsed_e, send_resolved)
    if notice is not None:
        group.notified_e = now.elapsed_e
        for member in group.members.values():
            member.in_last = False
        for one in found.firing:
            member = group.members[one.fingerprint]
            member.in_last = member.heard = True
            member.told_raised, member.told_step = one.raised, member.step
    _forget(group, found, keep=notice is None and not send_resolved and bool(found.firing))
    group.last_flush_e = now.elapsed_e
    group.flush_e = _next_flush(group, rhythm, found, now.elapsed_e)
    return notice


@dataclass
class _Found:
    firing: list[Episode] = field(default_factory=list)
    new: list[Episode] = field(default_factory=list)
    resolved: list[Episode] = field(default_factory=list)
    missed: list[Episode] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    muted: bool = False


def _look(
    group: Group,
    rhythm: Rhythm,
    episode: Callable[[Key], Episode],
    why_muted: Callable[[Episode], str],
) -> _Found:
    found = _Found()
    for fingerprint, member in sorted(group.members.items()):
        one = episode((fingerprint, member.n))
        muted = why_muted(one) if member.active or member.heard else ""
        if one.fires:
            if muted:
                found.muted = True
            elif member.active:
                found.firing.append(one)
                if _is_new(member, one):
                    found.new.append(one)
        elif muted and member.heard:
            found.muted = True
        elif member.heard:
            found.resolved.append(one)
        else:
            found.over.append(fingerprint)
            if member.active and not member.flushed and not muted and _lasted(group, one, rhythm):
                found.missed.append(one)
        member.flushed = True
    return found


def _is_new(member: Membership, one: Episode) -> bool:
    return not member.in_last or member.told_raised < one.raised or member.told_step < member.step


def _lasted(group: Group, one: Episode, rhythm: Rhythm) -> bool:
    """Tell whether it lasted so long that a flush in time would have told it."""
    if one.resolved_at is None:
        return False
    longest_s = rhythm.wait_s if group.last_flush_e is None else rhythm.interval_s
    return (one.resolved_at - one.opened_at).total_seconds() >= max(longest_s, rhythm.wait_s)


def _news(
    group: Group, rhythm: Rhythm, found: _Found, now_e: float, send_resolved: bool
) -> Notice | None:
    over = [*found.resolved, *found.missed] if send_resolved else [*found.missed]
    untold = {one.fingerprint for one in found.missed}
    if found.new:
        return _firing(group, found, over, untold)
    if over:
        return Notice(group, "resolved", found.firing, over, untold)
    if found.firing and _repeats(group, rhythm, found, now_e):
        return Notice(group, "repeat", found.firing)
    return None


def _firing(group: Group, found: _Found, over: list[Episode], untold: set[str]) -> Notice:
    members = {one.fingerprint: group.members[one.fingerprint] for one in found.new}
    steps = [member.step for member in members.values() if member.told_step < member.step]
    by_step = [
        one for one in found.new
        if members[one.fingerprint].told_step < members[one.fingerprint].step
    ]  # fmt: skip
    if len(by_step) == len(found.new):
        return Notice(group, "escalation", by_step, over, untold, step=max(steps))
    worse = all(
        members[one.fingerprint].in_last and members[one.fingerprint].told_raised < one.raised
        for one in found.new
    )
    raised = worse or all(one.raised and not members[one.fingerprint].heard for one in found.new)
    return Notice(group, "worsened" if raised else "opened", found.firing, over, untold)


def _repeats(group: Group, rhythm: Rhythm, found: _Found, now_e: float) -> bool:
    if (
        rhythm.repeat_s <= 0
        or group.notified_e is None
        or all(one.acked_by for one in found.firing)
    ):
        return False
    passed_s = now_e - group.notified_e
    at_tick = rhythm.interval_s <= 0 and passed_s >= rhythm.repeat_s
    return at_tick or passed_s > rhythm.repeat_s


def _forget(group: Group, found: _Found, *, keep: bool) -> None:
    """Let members go whose end was told or does not matter.

    A receiver that hears no ends still believes that what it heard goes on.
    """
    for fingerprint in found.over:
        del group.members[fingerprint]
    for one in found.resolved:
        if not (keep and group.members[one.fingerprint].in_last):
            del group.members[one.fingerprint]


def _next_flush(group: Group, rhythm: Rhythm, found: _Found, now_e: float) -> float | None:
    if found.muted:
        return next_point(group, rhythm, now_e)
    waits = found.firing and not all(one.acked_by for one in found.firing)
    if not waits or rhythm.repeat_s <= 0 or group.notified_e is None:
        return None
    due_e = group.notified_e + rhythm.repeat_s
    if rhythm.interval_s <= 0:
        return due_e
    steps = math.floor((due_e - group.anchor_e) / rhythm.interval_s) + 1
    return max(group.anchor_e + steps * rhythm.interval_s, next_point(group, rhythm, now_e))


def _rank(episode: Episode) -> int:
    return SEVERITIES.index(episode.severity)
