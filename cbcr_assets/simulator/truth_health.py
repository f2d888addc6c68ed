"""What is true of the health of a fleet's components: which are critical, which nobody can know.

Belongs here: values of their signals by plain arithmetic over the simulated history.
Does not belong here: the formula (see `health_formula`), other rules (see `truth`), any model.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cbcr_assets.config.health import HealthModel, load_health
from cbcr_assets.simulator.errors import WORDS
from cbcr_assets.simulator.health_formula import judge
from cbcr_assets.simulator.incidents import DEAD_SOURCE, DIED_AGO
from cbcr_assets.simulator.machinery import INCIDENTS, LINKS, POOLS, Point, machinery_of
from cbcr_assets.simulator.model import Attempt, Database, Drill, Fleet, PlantedIncident
from cbcr_assets.simulator.odd_backups import size_jump
from cbcr_assets.simulator.restore_times import OUTGROWN, SLOW
from cbcr_assets.simulator.schedule import GRACE, slots
from cbcr_assets.simulator.truth_success import DAY, EARLY, open_failures, state, strength
from cbcr_assets.simulator.volumes import PLANTED

RULE = "component_unhealthy"
_STORY = "several things are wrong with it, or the worst of them is bad enough"
_WEEK = 7
_PRIOR = 7
# A chance of keeping the restore objective has no truth of its own, only a range that it is in.
_CHANCES = {SLOW: (0.5, 0.9), OUTGROWN: (0.0, 0.5)}
_GOOD_CHANCE = (0.8, 1.0)
_REPOSITORY = frozenset({"no_space", "lock", "checksum"})
_NEWEST_IN = timedelta(days=8)
# Two intervals of samples; days of a volume that does not fill within the range of a ladder.
_SEEN_WITHIN = timedelta(hours=4)
_NEVER = 3650.0
_FILLING = frozenset(
    planted.name for planted in PLANTED if ("storage_full_soon", "breached") in planted.verdicts
)
# Points: a score so near to the edge is no truth to be held against anybody.
_MARGIN = 1.0
_EDGE = 40.0

Values = Mapping[str, float | None]
PointOf = Callable[[datetime], Mapping[str, datetime | None]]
Verdicts = dict[tuple[str, str], str]


@dataclass(frozen=True)
class _Week:
    """Good and all tries of a week."""

    good: int
    tries: int


def unhealthy(
    fleet: Fleet, point_of: PointOf
) -> tuple[list[PlantedIncident], frozenset[tuple[str, str]]]:
    """Return the components that are critical or unknown, and those nobody can be sure of.

    Args:
        fleet: The fleet.
        point_of: Newest usable recovery point of each database at a moment; None: there is none.
    """
    model = load_health()
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for at in (fleet.now, fleet.now + timedelta(minutes=31)):
        for subject, verdict in _verdicts(fleet, model, point_of, at):
            found[subject].add(verdict)
    incidents = [
        PlantedIncident(RULE, kind, name, min(verdicts), _STORY)
        for (kind, name), verdicts in sorted(found.items())
        if len(verdicts) == 1 and verdicts != {"ok"}
    ]
    unsure = frozenset((RULE, name) for (_, name), v in found.items() if len(v) > 1)
    return [*INCIDENTS, *incidents], unsure


def _verdicts(
    fleet: Fleet, model: HealthModel, point_of: PointOf, at: datetime
) -> Iterator[tuple[tuple[str, str], str]]:
    yield ("source", f"source/{DEAD_SOURCE}"), "breached"
    for kind, name, choices in (*_instances(fleet, point_of, at), *_shared(fleet, at)):
        subject = name if kind == "instance" else f"{kind}/{name}"
        for values in choices:
            health = judge(model.signals[kind], values)
            yield (kind, subject), _word(health.score)
            if health.score is not None and abs(health.score - _EDGE) < _MARGIN:
                yield (kind, subject), "unsure"


def _word(score: float | None) -> str:
    return "unknown" if score is None else "breached" if score < _EDGE else "ok"


def _instances(
    fleet: Fleet, point_of: PointOf, at: datetime
) -> Iterator[tuple[str, str, Sequence[Values]]]:
    """Yield the values of each database, at both ends of what its restore chance may be."""
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in fleet.attempts:
        attempts[attempt.instance_id].append(attempt)
    drills: dict[str, list[Drill]] = defaultdict(list)
    for drill in fleet.drills:
        drills[drill.instance_id].append(drill)
    weeks = {d.instance_id: _week(fleet, d, attempts[d.instance_id], at) for d in fleet.databases}
    tries, good = sum(w.tries for w in weeks.values()), sum(w.good for w in weeks.values())
    share = (good + 0.5) / (tries + 1)
    points = point_of(at)
    for database in fleet.databases:
        if database.retired_at is not None and database.retired_at <= at:
            continue
        name = database.instance_id
        known = _of_database(database, attempts[name], drills[name], points.get(name), at)
        week = weeks[name]
        if week.tries or database.full_schedule or database.incr_schedule:
            blind = database.source == DEAD_SOURCE
            success = (week.good + _PRIOR * share) / (week.tries + _PRIOR) if week.tries else None
            known["success_7d"] = None if blind else success
        chances = _CHANCES.get(database.incident, _GOOD_CHANCE)
        ends = chances if database.method != "none" else (None,)
        yield "instance", name, [{**known, "p_meets_rto": end} for end in ends]


def _of_database(
    database: Database,
    attempts: Sequence[Attempt],
    drills: Sequence[Drill],
    point: datetime | None,
    at: datetime,
) -> dict[str, float | None]:
    proofs = [drill.verified_at for drill in drills if drill.verified_at is not None]
    values: dict[str, float | None] = {}
    if database.drill_every_s:
        age = at - max(proofs, default=database.protect_from)
        values["drill_age"] = age.total_seconds() / database.drill_every_s
    jump = size_jump(attempts, at)
    if jump is not None:
        values["size_jump"] = jump
    if database.source == DEAD_SOURCE:
        return values | {"exposure": None, "restorable": None, "failures_in_a_row": None}
    exposure = at - (point or database.protect_from)
    kinds = [one.backup_type for one in open_failures(attempts, at)]
    return values | {
        "exposure": exposure.total_seconds() / database.rpo_s,
        "restorable": 1.0 if point else 0.0,
        "failures_in_a_row": float(max(map(kinds.count, kinds), default=0)),
    }


def _week(fleet: Fleet, database: Database, attempts: Sequence[Attempt], at: datetime) -> _Week:
    """Count as the error budget does: failed and lost attempts, missed runs; and runs made good."""
    first = at.date() - timedelta(days=_WEEK - 1)
    heard_until = fleet.now - DIED_AGO if database.source == DEAD_SOURCE else fleet.now
    bad = sum(
        one.started_at.date() >= first and state(one, at) in ("failed", "lost") for one in attempts
    )
    good = 0
    full = "dump" if database.method == "dump" else "full"
    for expression, kind in ((database.full_schedule, full), (database.incr_schedule, "incr")):
        moments = list(slots(database, expression, until=at))
        following = [*moments[1:], moments[-1] + GRACE + DAY] if moments else []
        for slot, after in zip(moments, following, strict=True):
            if slot.date() < first:
                continue
            tries = [
                one
                for one in attempts
                if slot - EARLY <= one.started_at < after - EARLY
                and strength(one.backup_type) >= strength(kind)
            ]
            good += any(state(one, at) == "succeeded" for one in tries)
            is_late = not any(one.started_at <= slot + GRACE for one in tries)
            is_seen = bool(tries) or heard_until >= slot + GRACE
            bad += is_late and is_seen and slot + GRACE < at
    return _Week(good, good + bad)


def _shared(fleet: Fleet, at: datetime) -> Iterator[tuple[str, str, Sequence[Values]]]:
    """Yield the values of what databases share."""
    yield from _volumes(fleet)
    yield from _repositories(fleet, at)
    newest: dict[tuple[str, str, str], Point] = {}
    points = machinery_of(fleet.spec, now=fleet.now)
    for point in points:
        newest[point.kind, point.subject, point.name] = point
    for pool in POOLS:
        beat = newest["workers", pool, "heartbeat"]
        age = (beat.at - datetime(1970, 1, 1)).total_seconds() - beat.value  # noqa: DTZ001
        busy, total = (newest["workers", pool, name].value for name in ("busy", "total"))
        values = {"heartbeat_age": age, "workers_present": 1.0, "utilisation": busy / total}
        yield "worker_pool", pool, [values]
        wait = newest["queue", pool, "oldest_wait"].value
        yield "queue", pool, [{"oldest_wait": wait, "depth_ratio": ratio} for ratio in (1.0, 20.0)]
    for link in sorted(set(LINKS.values())):
        rates = {"rx": newest["network", link, "rx"], "speed": newest["network", link, "speed"]}
        share = rates["rx"].value / rates["speed"].value
        yield "network_link", link, [{"silent_for": 0.0, "utilisation": share}]


def _volumes(fleet: Fleet) -> Iterator[tuple[str, str, Sequence[Values]]]:
    """Yield the fill of volumes; a day on which one is full has no truth but a range."""
    newest = {sample.volume: sample for sample in fleet.storage}
    for volume in sorted({d.volume for d in fleet.databases if d.volume} | newest.keys()):
        sample = newest.get(volume)
        used = None
        if sample and sample.size_bytes and fleet.now - sample.sampled_at < _SEEN_WITHIN:
            used = 1 - (sample.avail_bytes or 0) / sample.size_bytes
        days = (1.0, 30.0) if volume in _FILLING else (_NEVER,)
        yield "storage_volume", volume, [{"used_share": used, "days_to_full": d} for d in days]


def _repositories(fleet: Fleet, at: datetime) -> Iterator[tuple[str, str, Sequence[Values]]]:
    """Yield what is known of repositories: the catalog's age, how the newest attempts ended."""
    known = {database.instance_id: database for database in fleet.databases}
    newest: dict[tuple[str, str], dict[str, Attempt]] = defaultdict(dict)
    for attempt in fleet.attempts:
        if at - _NEWEST_IN < attempt.started_at <= at:
            database = known[attempt.instance_id]
            repo = "repo1" if database.method == "physical" else database.volume
            mine = newest[database.source, repo]
            before = mine.get(attempt.instance_id)
            if before is None or attempt.started_at >= before.started_at:
                mine[attempt.instance_id] = attempt
    for (source, repo), last in sorted(newest.items()):
        if source == DEAD_SOURCE:
            values: Values = {"catalog_age": None, "damaged_share": None, "refused_writes": None}
        else:
            refused = sum(
                one.state == "failed" and WORDS[one.error_code] in _REPOSITORY
                for one in last.values()
            )
            values = {
                "catalog_age": 0.0, "damaged_share": 0.0, "refused_writes": refused / len(last),
            }  # fmt: skip
        yield "repository", f"{source}/{repo}", [values]
