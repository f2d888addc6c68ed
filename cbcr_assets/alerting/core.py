"""The life of one episode: from what is known and a verdict to a change. Pure, no clock.

Belongs here: opening, pending, flapping, staleness, resolving.
Does not belong here: who is told (see `groups`), stores, messages.

breached, approaching  open an episode; while one is open, only what is worse is news
unknown                opens one when none is open, for unknown is never fine; else it is silent
ok                     resolves; an alert that flaps is resolved only after it was quiet
missing                marks stale: what merely was not said again is never resolved
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from cbcr_assets.alerting.model import AlertState, Change, ChangeKind, Phase, Row, Subject
from cbcr_assets.config.alerting import Policy
from cbcr_assets.config.routing import Flapping

_LIVE = (Phase.OPEN, Phase.STALE, Phase.HELD)


@dataclass(frozen=True)
class Applied:
    """An evaluation of a rule that was applied.

    Attributes:
        evaluated_at: Its moment, naive UTC.
        evaluation_id: Its identity; decides between two of the same moment.
    """

    evaluated_at: datetime
    evaluation_id: str


def is_outdated(new: Applied, newest: Applied | None, *, now: datetime) -> bool:
    """Tell whether an evaluation is older than the newest that was applied to its rule.

    An evaluation holds all subjects of its rule, so this is also true for each of them. One that
    lies in the future was made before the clock was set back, and binds nobody.
    """
    if newest is None or newest.evaluated_at > now:
        return False
    return (new.evaluated_at, new.evaluation_id) <= (newest.evaluated_at, newest.evaluation_id)


def judge(
    scope: str,
    states: Mapping[Subject, AlertState],
    rows: Iterable[Row],
    policy: Policy,
    *,
    elapsed_e: float,
    complete: bool = True,
) -> tuple[list[Change], int]:
    """Decide what an evaluation changes.

    Args:
        scope: What the evaluation is about: its rule.
        states: What is known about its alerts.
        rows: The evaluation, one row a subject.
        policy: Says what is special about a rule.
        elapsed_e: Present on the engine's clock.
        complete: A subject without a row has vanished.

    Returns:
        The changes, silent ones too, and the number of rows without news.
    """
    changes: list[Change] = []
    present: set[Subject] = set()
    settings: dict[str, _Settings] = {}
    unchanged = 0
    for row in rows:
        present.add(row.subject)
        known = settings.get(row.rule)
        if known is None:
            known = settings[row.rule] = _Settings.of(policy, row.rule)
        state = states.get(row.subject)
        change = _verdict(scope, state, row, known, elapsed_e)
        if not complete:
            change = _noted(state, row, change, known, elapsed_e)
        if change is not None:
            changes.append(change)
        if change is None or change.kind is ChangeKind.QUIET:
            unchanged += 1
    if complete:
        for subject, state in states.items():
            if state.phase is Phase.OPEN and subject not in present:
                changes.append(_stale(subject, state))
    return changes, unchanged


def on_time(
    subject: Subject, state: AlertState, rule: str, policy: Policy, now_e: float
) -> Change | None:
    """Decide what the passing of time alone changes about one alert.

    Args:
        subject: What it is about.
        state: What is known.
        rule: Its rule.
        policy: Says what is special about a rule.
        now_e: Present on the engine's clock.
    """
    if state.due_e is None or state.due_e > now_e:
        return None
    settings = _Settings.of(policy, rule)
    match state.phase:
        case Phase.PENDING:
            return Change(ChangeKind.OPENED, subject, _opened(state, settings, now_e), None)
        case Phase.HELD:
            after = replace(state, phase=Phase.RESOLVED, due_e=None)
            return Change(ChangeKind.RESOLVED, subject, after, None)
        case Phase.OPEN:
            return _stale(subject, state)
    return Change(ChangeKind.QUIET, subject, replace(state, due_e=None), None)


@dataclass(frozen=True, slots=True)
class _Settings:
    for_s: float
    stale_after_s: float
    flapping: Flapping | None

    @classmethod
    def of(cls, policy: Policy, rule: str) -> "_Settings":
        return cls(policy.for_s(rule), policy.stale_after(rule), policy.flapping_of(rule))


def _verdict(
    scope: str, state: AlertState | None, row: Row, settings: _Settings, now_e: float
) -> Change | None:
    if row.status == "ok":
        return _well(state, row, settings, now_e) if state is not None else None
    if state is None or state.phase is Phase.RESOLVED:
        return _begin(scope, state, row, settings, now_e)
    if state.phase is Phase.PENDING:
        return _still_pending(state, row, settings, now_e)
    return _still_bad(state, row, settings, now_e)


def _well(state: AlertState, row: Row, settings: _Settings, now_e: float) -> Change | None:
    if state.phase is Phase.PENDING:
        after = replace(
            state, phase=Phase.RESOLVED, status="ok", episode=state.episode - 1, due_e=None
        )
        return Change(ChangeKind.CANCELLED, row.subject, after, row)
    if state.phase not in (Phase.OPEN, Phase.STALE):
        return None
    flips = _flips(state, settings, now_e)
    after = replace(state, status="ok", flips=flips, due_e=None)
    flapping = settings.flapping
    if flapping is not None and len(flips) >= flapping.transitions:
        held = replace(after, phase=Phase.HELD, due_e=now_e + flapping.quiet_s)
        return Change(ChangeKind.HELD, row.subject, held, row)
    return Change(ChangeKind.RESOLVED, row.subject, replace(after, phase=Phase.RESOLVED), row)


def _begin(
    scope: str, state: AlertState | None, row: Row, settings: _Settings, now_e: float
) -> Change:
    after = AlertState(
        fingerprint=state.fingerprint if state else row.subject.fingerprint(scope),
        episode=state.episode + 1 if state else 1,
        phase=Phase.PENDING,
        status=row.status,
        severity=row.severity,
        level=row.level,
        since_e=now_e,
        due_e=now_e + settings.for_s,
        flips=state.flips if state else (),
    )
    if settings.for_s > 0:
        return Change(ChangeKind.PENDING, row.subject, after, row)
    return Change(ChangeKind.OPENED, row.subject, _opened(after, settings, now_e), row)


def _still_pending(state: AlertState, row: Row, settings: _Settings, now_e: float) -> Change | None:
    after = state
    if row.status != "unknown":
        after = replace(state, status=row.status, severity=row.severity, level=row.level)
    if state.due_e is None or state.due_e <= now_e:
        return Change(ChangeKind.OPENED, row.subject, _opened(after, settings, now_e), row)
    return None if after == state else Change(ChangeKind.QUIET, row.subject, after, row)


def _still_bad(state: AlertState, row: Row, settings: _Settings, now_e: float) -> Change | None:
    if _is_same(state, row):
        return None
    after = replace(state, phase=Phase.OPEN, status=row.status, due_e=None)
    if state.phase is Phase.HELD:
        after = replace(after, flips=_flips(state, settings, now_e))
    if row.status == "unknown":
        # Being blind now says nothing about what was seen before.
        return Change(ChangeKind.QUIET, row.subject, after, row)
    after = replace(after, severity=row.severity, level=row.level)
    kind = ChangeKind.WORSENED if after.level > state.level else ChangeKind.QUIET
    return Change(kind, row.subject, after, row)


def _is_same(state: AlertState, row: Row) -> bool:
    same_severity = row.severity == state.severity or row.status == "unknown"
    return state.phase is Phase.OPEN and row.status == state.status and same_severity


def _opened(state: AlertState, settings: _Settings, now_e: float) -> AlertState:
    if settings.flapping is None:
        return replace(state, phase=Phase.OPEN, due_e=None)
    return replace(state, phase=Phase.OPEN, due_e=None, flips=_flips(state, settings, now_e))


def _flips(state: AlertState, settings: _Settings, now_e: float) -> tuple[float, ...]:
    if settings.flapping is None:
        return ()
    window_s = settings.flapping.window_s
    return (*(at for at in state.flips if now_e - at < window_s), now_e)


def _stale(subject: Subject, state: AlertState) -> Change:
    return Change(ChangeKind.STALE, subject, replace(state, phase=Phase.STALE, due_e=None), None)


def _noted(
    state: AlertState | None, row: Row, change: Change | None, settings: _Settings, now_e: float
) -> Change | None:
    """Remember when an alert was spoken of, where no evaluation speaks of all of them."""
    after = change.after if change is not None else state
    if after is None or after.phase is not Phase.OPEN or row.status == "ok":
        return change
    due_e = now_e + settings.stale_after_s if settings.stale_after_s else None
    kind = change.kind if change is not None else ChangeKind.QUIET
    return Change(kind, row.subject, replace(after, seen_e=now_e, due_e=due_e), row)
