"""The decision: from what is known and a new evaluation to transitions. Pure.

Belongs here: the life of an episode. Does not belong here: clocks, stores, routes, receivers.

breached, approaching  open an episode; while it is open only a rising severity is news
unknown                opens one when none is open, for unknown is never fine; otherwise it is silent
ok                     resolves
missing                marks stale; what merely was not said again is never resolved
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cbcr_assets.alerting.model import Change, Identity, Known, Transition, Verdict

_RANK = {"info": 0, "warning": 1, "critical": 2}


@dataclass(frozen=True)
class Decision:
    """What an evaluation changes.

    Attributes:
        transitions: What people must hear.
        known: New knowledge by identity, only where it differs from before.
        unchanged: Subjects about which there is nothing new.
    """

    transitions: tuple[Transition, ...]
    known: Mapping[Identity, Known]
    unchanged: int


def decide(
    known: Mapping[Identity, Known], verdicts: Sequence[Verdict], *, evaluated_at: datetime
) -> Decision:
    """Decide what an evaluation of one rule changes.

    Args:
        known: Everything known about identities of this rule.
        verdicts: All rows of the evaluation.
        evaluated_at: Its moment, naive UTC; knowledge that is newer stays as it is.
    """
    transitions: list[Transition] = []
    changed: dict[Identity, Known] = {}
    unchanged = 0
    for verdict in verdicts:
        before = known.get(verdict.identity)
        if before is not None and before.evaluated_at > evaluated_at:
            unchanged += 1
            continue
        after, change = _apply(before, verdict, evaluated_at)
        if after is not None and after != before:
            changed[verdict.identity] = after
        if change is None or after is None:
            unchanged += 1
            continue
        started_at = verdict.since or evaluated_at
        transitions.append(Transition(change, verdict, after.episode, started_at))
    changed |= _missing(known, {v.identity for v in verdicts}, evaluated_at)
    return Decision(tuple(transitions), changed, unchanged)


def _apply(
    before: Known | None, verdict: Verdict, at: datetime
) -> tuple[Known | None, Change | None]:
    is_open = before is not None and before.is_open
    if verdict.status == "ok":
        if before is None or not is_open:
            # Nothing was ever said about it, so nothing needs to be remembered.
            return before, None
        return replace(before, is_open=False, status="ok", evaluated_at=at, is_stale=False), (
            Change.RESOLVED
        )
    if before is None or not is_open:
        episode = before.episode + 1 if before is not None else 1
        return Known(episode, True, verdict.status, verdict.severity, at), Change.OPENED
    if verdict.status == "unknown":
        return replace(before, status="unknown", is_stale=False), None
    if _RANK.get(verdict.severity, 1) > _RANK.get(before.severity, 1):
        return Known(before.episode, True, verdict.status, verdict.severity, at), Change.WORSENED
    return replace(before, status=verdict.status, is_stale=False), None


def _missing(
    known: Mapping[Identity, Known], present: set[Identity], at: datetime
) -> dict[Identity, Known]:
    return {
        identity: replace(state, is_stale=True)
        for identity, state in known.items()
        if identity not in present
        and state.is_open
        and not state.is_stale
        and state.evaluated_at <= at
    }
