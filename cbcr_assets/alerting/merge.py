"""One message instead of two: what a receiver was not told yet gives way to what is true now. Pure.

Belongs here: joining a message that waits with the next one of its group.
Does not belong here: which message waits, and who heard what (see `outbox`).

What fired and was resolved while its receiver was down becomes one message that says both.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from cbcr_assets.alerting.message import LISTED, Member, Message
from cbcr_assets.alerting.model import SEVERITIES
from cbcr_assets.alerting.snapshot import Draft, Key


@dataclass(frozen=True)
class Waiting:
    """A message that nobody sends right now.

    Attributes:
        message: The message.
        says: What it says about each alert: firing, resolved or both, and the episode.
        heard: Alerts whose beginning its receiver was told before.
    """

    message: Message
    says: Mapping[str, tuple[int, str]]
    heard: Collection[str]


def merge(waiting: Waiting, draft: Draft) -> Draft:
    """Return the one message that says what both say.

    Args:
        waiting: The message that waits.
        draft: The next message of the same group.
    """
    firing = dict(draft.firing)
    if draft.message.kind == "digest":
        # The next message of a group says all that fires in it; the next digest, only what is due.
        ended = {name for name, _ in draft.resolved}
        late = {name: n for name, (n, says) in waiting.says.items() if says == "firing"}
        firing = {name: n for name, n in late.items() if name not in ended} | firing
    resolved = {name: n for name, (n, says) in waiting.says.items() if says != "firing"}
    resolved |= dict(draft.resolved)
    resolved = {name: n for name, n in resolved.items() if name not in firing}
    before = {name for name, (_, says) in waiting.says.items() if says != "resolved"}
    untold = {name for name in resolved if name in draft.untold}
    untold |= {name for name in resolved if name in before and name not in waiting.heard}
    told = [*_members(draft.message), *_members(waiting.message)]
    message = _joined(waiting.message, draft.message, firing, resolved, told, untold)
    return Draft(
        draft.receiver, draft.stream, message, tuple(firing.items()), tuple(resolved.items()),
        frozenset(untold),
    )  # fmt: skip


def says_of(draft: Draft) -> dict[str, tuple[int, str]]:
    """Return what a message says about each alert."""
    said = {name: (n, "firing") for name, n in draft.firing}
    for name, n in draft.resolved:
        said[name] = (n, "both" if name in draft.untold else "resolved")
    return said


def _joined(
    old: Message,
    new: Message,
    firing: Mapping[str, int],
    resolved: Mapping[str, int],
    told: Iterable[Member],
    untold: Collection[str],
) -> Message:
    known: dict[Key, Member] = {}
    for member in told:
        known.setdefault((member.fingerprint, member.episode), member)
    fires = _listed(known, firing, untold)
    over = _listed(known, resolved, untold)
    kind = _kind(old, new, is_end=not firing or new.kind == "resolved" == old.kind)
    main, others = (over, fires) if kind == "resolved" else (fires or over, over if fires else [])
    total, rest = (resolved, firing) if kind == "resolved" else (firing, resolved)
    return replace(
        new,
        kind=kind,
        total=len(total) or len(resolved),
        members=tuple(main[:LISTED]),
        others=tuple(others[:LISTED]),
        others_total=len(rest) if total else 0,
        severity=max(old.severity, new.severity, key=SEVERITIES.index),
        counts=new.counts if new.total == len(total) else {},
        escalation_step=max(old.escalation_step, new.escalation_step),
        groups=_groups(old, new, len(total)),
    )


def _groups(old: Message, new: Message, total: int) -> int:
    """Return how many groups both are about; groups of two digests share no alert, or are one."""
    apart = new.kind == old.kind == "digest" and total == old.total + new.total
    return old.groups + new.groups if apart else max(old.groups, new.groups)


def _kind(old: Message, new: Message, *, is_end: bool) -> str:
    if new.kind == "digest":
        return "digest"
    if is_end:
        return "resolved"
    # A beginning that nobody was told does not become a mere repetition or half of an end.
    weak = new.kind in ("repeat", "resolved")
    return old.kind if weak and old.kind not in ("resolved", "acknowledged") else new.kind


def _members(message: Message) -> tuple[Member, ...]:
    return (*message.members, *message.others)


def _listed(
    known: Mapping[Key, Member], wanted: Mapping[str, int], untold: Collection[str]
) -> list[Member]:
    found = [known[key] for key in wanted.items() if key in known]
    found.sort(key=lambda m: (-SEVERITIES.index(m.severity), m.started_at, m.subject_id))
    return [replace(m, is_untold=m.fingerprint in untold) for m in found]
