"""The decision: from what is known and a new evaluation to changes. Pure, no clock.

Belongs here: the life of an episode. Does not belong here: stores, routes, messages.

breached, approaching  open an episode; while one is open, only what is worse is news
unknown                opens one when none is open, for unknown is never fine; else it is silent
ok                     resolves
missing                marks stale: what merely was not said again is never resolved
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from cbcr_assets.alerting.model import AlertState, Change, ChangeKind, Phase, Row, Subject


@dataclass(frozen=True)
class Applied:
    """An evaluation of a rule that was applied.

    Attributes:
        evaluated_at: Its moment, naive UTC.
        evaluation_id: Its identity; decides between two of the same moment.
    """

    evaluated_at: datetime
    evaluation_id: str


@dataclass(frozen=True)
class Decision:
    """What an evaluation changes.

    Attributes:
        changes: All changes, silent ones too.
        unchanged: Rows without news.
    """

    changes: tuple[Change, ...]
    unchanged: int

    def count(self, kind: ChangeKind) -> int:
        """Return how many changes are of this kind."""
        return sum(change.kind is kind for change in self.changes)


def is_outdated(new: Applied, newest: Applied | None, *, now: datetime) -> bool:
    """Tell whether an evaluation is older than the newest that was applied to its rule.

    An evaluation holds all subjects of its rule, so this is also true for each of them. One that
    lies in the future was made before the clock was set back, and binds nobody.
    """
    if newest is None or newest.evaluated_at > now:
        return False
    return (new.evaluated_at, new.evaluation_id) <= (newest.evaluated_at, newest.evaluation_id)


def decide(rule: str, states: Mapping[Subject, AlertState], rows: Iterable[Row]) -> Decision:
    """Decide what an evaluation of one rule changes.

    Args:
        rule: The rule.
        states: What is known about its alerts.
        rows: The whole evaluation, one row a subject.
    """
    changes: list[Change] = []
    present: set[Subject] = set()
    unchanged = 0
    for row in rows:
        present.add(row.subject)
        change = _change(rule, states.get(row.subject), row)
        if change is not None:
            changes.append(change)
        if change is None or change.kind is ChangeKind.QUIET:
            unchanged += 1
    for subject, state in states.items():
        if state.phase is Phase.OPEN and subject not in present:
            after = replace(state, phase=Phase.STALE)
            changes.append(Change(ChangeKind.STALE, subject, after, None))
    return Decision(tuple(changes), unchanged)


def _change(rule: str, state: AlertState | None, row: Row) -> Change | None:
    is_open = state is not None and state.phase is not Phase.RESOLVED
    if row.status == "ok":
        if state is None or not is_open:
            return None
        after = replace(state, phase=Phase.RESOLVED, status="ok")
        return Change(ChangeKind.RESOLVED, row.subject, after, row)
    if state is None or not is_open:
        return Change(ChangeKind.OPENED, row.subject, _opened(rule, state, row), row)
    if _is_same(state, row):
        return None
    if row.status == "unknown":
        # Being blind now says nothing about what was seen before.
        after = replace(state, phase=Phase.OPEN, status="unknown")
    else:
        after = replace(
            state, phase=Phase.OPEN, status=row.status, severity=row.severity, level=row.level
        )
    if after.level > state.level:
        return Change(ChangeKind.WORSENED, row.subject, after, row)
    return Change(ChangeKind.QUIET, row.subject, after, row)


def _is_same(state: AlertState, row: Row) -> bool:
    same_severity = row.severity == state.severity or row.status == "unknown"
    return state.phase is Phase.OPEN and row.status == state.status and same_severity


def _opened(rule: str, state: AlertState | None, row: Row) -> AlertState:
    return AlertState(
        fingerprint=state.fingerprint if state else row.subject.fingerprint(rule),
        episode=state.episode + 1 if state else 1,
        phase=Phase.OPEN,
        status=row.status,
        severity=row.severity,
        level=row.level,
    )
