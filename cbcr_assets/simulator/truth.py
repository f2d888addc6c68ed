"""What is true of a fleet, computed apart from CBCR's SQL, and the comparison with its verdicts.

Belongs here: plain arithmetic over the simulated history, by the definitions of
docs/definitions.md. Does not belong here: any model or view, or what was meant to be planted:
a consequence of an incident is found here like the incident itself.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cbcr_assets.simulator import odd_backups, restore_times
from cbcr_assets.simulator.incidents import (
    DEAD_SOURCE,
    DIED_AGO,
    SILENT_SOURCE,
    STORIES,
    STRANGER,
    UNSEEN_VOLUME,
)
from cbcr_assets.simulator.model import (
    ArchiveSample,
    Attempt,
    BackupSet,
    Database,
    Drill,
    Fleet,
    PlantedIncident,
    Truth,
)
from cbcr_assets.simulator.schedule import GRACE, runs, slots
from cbcr_assets.simulator.truth_health import unhealthy
from cbcr_assets.simulator.truth_success import DAY, EARLY, burning, state, strength
from cbcr_assets.simulator.truth_success import verdicts as success_verdicts
from cbcr_assets.simulator.volumes import volume_incidents

PLANTED_REJECTS = 1
"""Lines of the job log that were damaged on purpose."""


@dataclass(frozen=True)
class Comparison:
    """Planted against found.

    Attributes:
        found: Planted, and found.
        missed: Planted, but not found.
        invented: Found, but not planted.
    """

    found: tuple[PlantedIncident, ...]
    missed: tuple[PlantedIncident, ...]
    invented: tuple[PlantedIncident, ...]

    @property
    def exact(self) -> bool:
        """Everything planted was found and nothing was invented."""
        return not self.missed and not self.invented


def compare(truth: Truth, evaluations: Iterable[tuple[str, str, str]]) -> Comparison:
    """Compare evaluations (rule, subject, status) with the truth.

    Rows that are ok say nothing, and nothing is held against a verdict that truth is unsure of.
    """
    planted = {(i.rule, i.subject_id, i.status): i for i in truth.incidents}
    seen = {
        verdict for verdict in evaluations if verdict[2] != "ok" and verdict[:2] not in truth.unsure
    }
    invented = (
        PlantedIncident(rule, "", subject, status, "nobody planted this")
        for rule, subject, status in sorted(seen - planted.keys())
    )
    return Comparison(
        tuple(i for key, i in planted.items() if key in seen),
        tuple(i for key, i in planted.items() if key not in seen),
        tuple(invented),
    )


def truth_of(fleet: Fleet) -> Truth:
    """Return what must be found at the fleet's `now`, and for half an hour after it."""
    states = Counter(state(attempt, fleet.now) for attempt in fleet.attempts)
    burns, unsure = burning(fleet)
    ill, doubtful = unhealthy(fleet, lambda at: _newest_points(fleet, at))
    return Truth(
        incidents=(*incidents(fleet, at=fleet.now), *burns, *ill),
        attempts_by_state=tuple(sorted(states.items())),
        sets_available=sum(one.gone_at is None for one in fleet.sets),
        drills=len(fleet.drills),
        clones=len(fleet.clones),
        strangers=len(fleet.strangers),
        rejects=PLANTED_REJECTS,
        unsure=unsure | doubtful,
    )


def incidents(fleet: Fleet, *, at: datetime) -> Iterator[PlantedIncident]:
    """Yield every verdict that is not ok at a moment, if nothing is heard after the end."""
    yield SILENT_SOURCE
    yield STRANGER
    yield from volume_incidents([UNSEEN_VOLUME])
    for known in _by_database(fleet):
        database = known.database
        if database.retired_at is not None and database.retired_at <= at:
            continue
        stories = STORIES | restore_times.STORIES
        story = stories.get(database.incident, "nothing was planted here")
        for rule, status in _verdicts(known, fleet.now, at):
            yield PlantedIncident(rule, "instance", database.instance_id, status, story)


@dataclass
class _Known:
    """All that was heard of one database."""

    database: Database
    attempts: list[Attempt] = field(default_factory=list)
    sets: list[BackupSet] = field(default_factory=list)
    drills: list[Drill] = field(default_factory=list)
    clones: list[Drill] = field(default_factory=list)
    archives: list[ArchiveSample] = field(default_factory=list)


def _by_database(fleet: Fleet) -> list[_Known]:
    known = {d.instance_id: _Known(d) for d in fleet.databases}
    for attempt in fleet.attempts:
        known[attempt.instance_id].attempts.append(attempt)
    for one in fleet.sets:
        known[one.instance_id].sets.append(one)
    for drill in fleet.drills:
        known[drill.instance_id].drills.append(drill)
    for clone in fleet.clones:
        known[clone.instance_id].clones.append(clone)
    for sample in fleet.archives:
        known[sample.instance_id].archives.append(sample)
    return list(known.values())


def _verdicts(known: _Known, now: datetime, at: datetime) -> Iterator[tuple[str, str]]:
    database = known.database
    is_dead = database.source == DEAD_SOURCE
    rpo = "unknown" if is_dead else _rpo(known, at)
    if rpo != "ok":
        yield "rpo", rpo
    yield from success_verdicts(known.attempts, known.archives, database.rpo_s, at)
    yield from odd_backups.verdicts(known.attempts, at)
    missed = _missed(known, now - DIED_AGO if is_dead else now, at)
    if missed:
        yield "backup_missed", missed
    if _newest_failed([*known.drills, *known.clones]):
        yield "restore_failed", "breached"
    yield from restore_times.verdicts(database, known.drills, has_backup=bool(known.sets), at=at)


def _rpo(known: _Known, at: datetime) -> str:
    database, objective = known.database, timedelta(seconds=known.database.rpo_s)
    points = list(_points(known, at))
    if not points:
        is_new = not known.sets and at <= database.protect_from + objective
        return "unknown" if is_new else "breached"
    exposure = at - max(points)
    if exposure > objective:
        return "breached"
    is_near = exposure > 0.75 * objective or _comes_too_late(known, max(points) + objective, at)
    return "approaching" if is_near else "ok"


def _comes_too_late(known: _Known, breaks_at: datetime, at: datetime) -> bool:
    """Say whether neither what runs nor the next run is expected to be ready in time.

    Either is expected to take as long as the newest success took. Where the archive goes on, the
    next backup does not matter.
    """
    if any(point >= at - _objective(known) for point in _archived(known, at)):
        return False
    begun = [attempt for attempt in known.attempts if attempt.started_at <= at]
    done = [
        attempt for attempt in begun
        if attempt.finished_at and attempt.finished_at <= at and state(attempt, at) == "succeeded"
    ]  # fmt: skip
    newest = max(done, key=lambda attempt: attempt.finished_at or at, default=None)
    took = newest.finished_at - newest.started_at if newest and newest.finished_at else timedelta()
    last = max((attempt.started_at for attempt in begun), default=at - DAY)
    landings = [
        max(moment, at) + took
        for moment, _ in runs(known.database, until=at + timedelta(days=8))
        if moment + GRACE >= at and moment - EARLY > last
    ][:1]
    landings += [
        max(attempt.started_at + took, at) for attempt in begun if state(attempt, at) == "running"
    ]
    return bool(landings) and min(landings) > breaks_at


def _objective(known: _Known) -> timedelta:
    return timedelta(seconds=known.database.rpo_s)


def _points(known: _Known, at: datetime) -> Iterator[datetime]:
    """Yield the moments of data that can be brought back."""
    yield from _usable(known, at).values()
    yield from _archived(known, at)


def _usable(known: _Known, at: datetime) -> dict[str, datetime]:
    by_label = {one.label: one for one in known.sets}
    return {one.label: _point(one) for one in known.sets if _is_usable(one, by_label, at)}


def _archived(known: _Known, at: datetime) -> Iterator[datetime]:
    """Yield how far the log was archived on top of a set that can be used."""
    usable = _usable(known, at)
    for sample in known.archives:
        base = usable.get(sample.base_label)
        if base is not None and sample.archived_to_at >= base:
            yield sample.archived_to_at


def _newest_points(fleet: Fleet, at: datetime) -> dict[str, datetime | None]:
    return {
        known.database.instance_id: max(_points(known, at), default=None)
        for known in _by_database(fleet)
    }


def _point(one: BackupSet) -> datetime:
    """A dump shows the data as it was when it began, a physical backup as it was at its end."""
    return one.started_at if one.backup_type == "dump" else one.finished_at


def _is_usable(one: BackupSet | None, by_label: Mapping[str, BackupSet], at: datetime) -> bool:
    """Say whether a set and all that it builds on are there."""
    while one is not None:
        if one.finished_at > at or (one.gone_at is not None and one.gone_at <= at):
            return False
        if not one.parent:
            return True
        one = by_label.get(one.parent)
    return False


def _missed(known: _Known, heard_until: datetime, at: datetime) -> str | None:
    """Return breached or unknown if the newest due run of a schedule never started."""
    database = known.database
    full = "dump" if database.method == "dump" else "full"
    found = {
        _newest_run(known.attempts, list(slots(database, expression, until=at)), kind,
                    heard_until, at)
        for expression, kind in ((database.full_schedule, full), (database.incr_schedule, "incr"))
    }  # fmt: skip
    return "breached" if "breached" in found else "unknown" if "unknown" in found else None


def _newest_run(
    attempts: Sequence[Attempt],
    moments: Sequence[datetime],
    kind: str,
    heard_until: datetime,
    at: datetime,
) -> str | None:
    following = [*moments[1:], moments[-1] + GRACE + DAY] if moments else []
    for slot, after in zip(reversed(moments), reversed(following), strict=True):
        due = slot + GRACE
        tries = [
            attempt
            for attempt in attempts
            if slot - EARLY <= attempt.started_at < after - EARLY
            and strength(attempt.backup_type) >= strength(kind)
        ]
        if any(attempt.started_at <= due or attempt.state == "succeeded" for attempt in tries):
            return None
        if tries or due < at:
            return "unknown" if not tries and heard_until < due else "breached"
    return None


def _newest_failed(restores: Sequence[Drill]) -> bool:
    ended = max(restores, key=lambda one: one.verified_at or one.restored_at or one.started_at,
                default=None)  # fmt: skip
    return ended is not None and ended.state == "failed"
