"""What is true of the attempts of a fleet: open failures, lost ones, archives, the error budget.

Belongs here: plain arithmetic over attempts and archive samples, by the definitions of
docs/definitions.md and docs/runbooks. Does not belong here: recovery points and drills (see
`truth`), any model or view.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from cbcr_assets.simulator.incidents import DEAD_SOURCE, DIED_AGO
from cbcr_assets.simulator.model import ArchiveSample, Attempt, Database, Fleet, PlantedIncident
from cbcr_assets.simulator.schedule import GRACE, slots

LOST_AFTER = timedelta(hours=2)  # no run takes longer than 40 minutes
EARLY = timedelta(minutes=5)
DAY = timedelta(days=1)
_STRENGTH = {"incr": 1, "diff": 2}
_IN_A_ROW = 3
_BUDGET = 0.05
_LEAST = 10
# Long window, short window, the burn that both must exceed.
_PAIRS = (
    (timedelta(hours=1), timedelta(minutes=5), 14.4),
    (timedelta(hours=6), timedelta(minutes=30), 6.0),
    (timedelta(days=3), timedelta(hours=6), 1.0),
)
_DAYS = _PAIRS[-1][0]
_BURN = "many of its backups failed, were lost or missed in the same days"

Event = tuple[datetime, bool]


def state(attempt: Attempt, at: datetime) -> str:
    """Return an attempt's state at a moment: what never ended is lost."""
    is_lost = attempt.state == "running" and at - attempt.started_at > LOST_AFTER
    return "lost" if is_lost else attempt.state


def strength(backup_type: str) -> int:
    """Return which failures a success makes good: those of at most its own strength."""
    return _STRENGTH.get(backup_type, 3)


def open_failures(attempts: Sequence[Attempt], at: datetime) -> list[Attempt]:
    """Return the failures that no backup as strong, begun later, made good; newest first."""
    healed, found = 0, []
    for attempt in sorted(attempts, key=lambda a: a.started_at, reverse=True):
        of, became = strength(attempt.backup_type), state(attempt, at)
        if became in ("failed", "lost") and of > healed:
            found.append(attempt)
        if became == "succeeded":
            healed = max(healed, of)
    return found


def verdicts(
    attempts: Sequence[Attempt], archives: Sequence[ArchiveSample], rpo_s: int, at: datetime
) -> Iterator[tuple[str, str]]:
    """Yield the rules of this module that are not ok for one database."""
    failures = open_failures(attempts, at)
    if failures:
        yield "backup_failed", "breached"
    kinds = [one.backup_type for one in failures]
    if any(kinds.count(kind) >= _IN_A_ROW for kind in kinds):
        yield "backup_failing_repeatedly", "breached"
    if any(state(one, at) == "lost" for one in failures):
        yield "backup_lost", "breached"
    stalled = _stalled(archives, rpo_s)
    if stalled:
        yield "log_archive_stalled", stalled


def _stalled(archives: Sequence[ArchiveSample], rpo_s: int) -> str | None:
    looks = sorted(archives, key=lambda one: one.sampled_at)
    if not looks or not looks[-1].pending:
        return None
    newest, before = looks[-1], looks[-2] if len(looks) > 1 else None
    quiet = [one.sampled_at for one in looks if not one.pending]
    waited = newest.sampled_at - max([newest.archived_to_at, *quiet])
    is_failing = (
        before is not None
        and newest.failed > before.failed
        and newest.archived_to_at == before.archived_to_at
    )
    if waited > timedelta(seconds=rpo_s) or is_failing:
        return "breached"
    return "approaching" if waited > 0.75 * timedelta(seconds=rpo_s) else None


def burning(fleet: Fleet) -> tuple[list[PlantedIncident], frozenset[tuple[str, str]]]:
    """Return the scopes whose error budget burns, and those that nobody can be sure of.

    Windows slide: a scope whose verdict changes within half an hour of `now`, or with the exact
    moment at which an attempt became lost, is no truth to be held against anybody.
    """
    moments = [fleet.now + timedelta(minutes=minutes) for minutes in (0, 10, 20, 31)]
    delays = (timedelta(hours=1), LOST_AFTER)
    answers = [_burning_at(fleet, at, delay) for at in moments for delay in delays]
    scopes = sorted(set().union(*answers))
    sure = {scope: len({answer.get(scope) for answer in answers}) == 1 for scope in scopes}
    found = [
        PlantedIncident("success_budget_burn", scope.partition("/")[0], scope, status, _BURN)
        for scope, status in sorted(answers[0].items())
        if sure[scope] and status != "ok"
    ]
    unsure = frozenset(("success_budget_burn", scope) for scope in scopes if not sure[scope])
    return found, unsure


def _burning_at(fleet: Fleet, at: datetime, lost_after: timedelta) -> dict[str, str]:
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in fleet.attempts:
        attempts[attempt.instance_id].append(attempt)
    scopes: dict[str, list[Event]] = defaultdict(list)
    for database in fleet.databases:
        if database.retired_at is not None and database.retired_at <= at:
            continue
        known = attempts[database.instance_id]
        events = [*_ended(known, at, lost_after), *_missed(database, known, fleet.now, at)]
        young = [event for event in events if at - _DAYS < event[0] <= at]
        for scope in ("fleet", f"team/{database.team}", f"tier/{database.tier}"):
            scopes[scope] += young
    return {scope: _status(events, at) for scope, events in scopes.items()}


def _ended(attempts: Sequence[Attempt], at: datetime, lost_after: timedelta) -> Iterator[Event]:
    for attempt in attempts:
        became = state(attempt, at)
        if became == "lost":
            yield attempt.started_at + lost_after, True
        elif attempt.finished_at is not None and became != "cancelled":
            yield attempt.finished_at, became == "failed"


def _missed(
    database: Database, attempts: Sequence[Attempt], now: datetime, at: datetime
) -> Iterator[Event]:
    heard_until = now - DIED_AGO if database.source == DEAD_SOURCE else now
    full = "dump" if database.method == "dump" else "full"
    for expression, kind in ((database.full_schedule, full), (database.incr_schedule, "incr")):
        moments = list(slots(database, expression, until=at))
        following = [*moments[1:], moments[-1] + GRACE + DAY] if moments else []
        for slot, after in zip(moments, following, strict=True):
            if slot + GRACE <= at - _DAYS or slot + GRACE >= at:
                continue
            tries = [
                one.started_at
                for one in attempts
                if slot - EARLY <= one.started_at < after - EARLY
                and strength(one.backup_type) >= strength(kind)
            ]
            is_late = not tries or min(tries) > slot + GRACE
            if is_late and (tries or heard_until >= slot + GRACE):
                yield slot + GRACE, True


def _status(events: Sequence[Event], at: datetime) -> str:
    def told(window: timedelta) -> tuple[int, float]:
        inside = [is_bad for moment, is_bad in events if at - moment < window]
        return len(inside), sum(inside) / len(inside) / _BUDGET if inside else 0.0

    if not events:
        return "unknown"
    for long, short, limit in _PAIRS:
        count, burn = told(long)
        if len(events) * (short / _DAYS) >= _LEAST:
            if burn > limit and told(short)[1] > limit:
                return "breached"
        elif long == _DAYS and count >= _LEAST and burn > limit:
            return "breached"
    return "ok"
