"""What is true of a fleet: found by arithmetic, stable for half an hour, compared exactly."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cbcr_assets.simulator import Fleet, FleetSpec, PlantedIncident, Truth, compare, simulate
from cbcr_assets.simulator.incidents import PLANS
from cbcr_assets.simulator.machinery import INCIDENTS as MACHINES
from cbcr_assets.simulator.model import ArchiveSample, Attempt, BackupSet, Database, Drill
from cbcr_assets.simulator.restore_times import STORIES
from cbcr_assets.simulator.truth import incidents
from cbcr_assets.simulator.volumes import PLANTED

END = datetime(2026, 6, 15, 12)
HOUR = timedelta(hours=1)
NOTHING = Truth((), (), 0, 0)
VOLUMES = {planted.name for planted in PLANTED if planted.verdicts} | {"edge-disk"}


def verdicts(fleet: Fleet, at: datetime) -> set[tuple[str, str, str]]:
    return {(i.rule, i.subject_id, i.status) for i in incidents(fleet, at=at)}


def test_each_incident_is_planted_on_a_database_of_its_own_and_seen(fleet: Fleet) -> None:
    planted = {d.incident: d.instance_id for d in fleet.databases if d.incident}
    assert set(planted) == {plan.name for plan in PLANS} | set(STORIES)
    sums = {"success_budget_burn", "component_unhealthy"}
    machines = {i.subject_id for i in MACHINES}
    told = {i.subject_id for i in fleet.truth.incidents if i.rule not in sums} - machines
    assert set(planted.values()) <= told
    names = {d.instance_id for d in fleet.databases if d.incident}
    assert told == names | {"edge", "agents/legacy-crm"} | VOLUMES
    assert all(incident.story for incident in fleet.truth.incidents)


def test_consequences_are_part_of_the_truth(fleet: Fleet) -> None:
    name = {d.incident: d.instance_id for d in fleet.databases}
    told = verdicts(fleet, fleet.now)
    expected = {
        "failed_unreachable": {("backup_failed", "breached")},
        "failed_disk_full": {("backup_failed", "breached")},
        "failed_repo_full": {
            ("backup_failed", "breached"), ("backup_failing_repeatedly", "breached"),
            ("rpo", "breached"),
        },
        "missed_incremental": {("backup_missed", "breached"), ("rpo", "breached")},
        # The next dump comes after the promise is broken.
        "missed_dump": {("backup_missed", "breached"), ("rpo", "approaching")},
        "expired_chain": {("rpo", "breached")},
        "never_backed_up": {
            ("rpo", "breached"),
            ("backup_missed", "breached"),
            ("rto_at_risk", "unknown"),
        },
        "approaching": {("rpo", "approaching")},
        "slow_drill": {("rto_breached", "breached"), ("rto_at_risk", "approaching")},
        "failed_drill": {("restore_failed", "breached"), ("rto_breached", "breached")},
        "overdue_drill": {("drill_overdue", "breached")},
        "outgrown": {("rto_at_risk", "breached")},
        "blind": {("rpo", "unknown"), ("backup_missed", "unknown")},
        "lost": {("backup_failed", "breached"), ("backup_lost", "breached")},
        "archive_stalled": {
            ("rpo", "breached"), ("backup_failed", "breached"), ("log_archive_stalled", "breached"),
        },
    }  # fmt: skip
    for incident, wanted in expected.items():
        found = {(rule, status) for rule, who, status in told if who == name[incident]}
        assert found == wanted, incident


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    now=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)),
    instances=st.integers(19, 45),
)
@pytest.mark.slow
def test_nothing_changes_for_half_an_hour_and_only_the_planted_is_wrong(
    seed: int, now: datetime, instances: int
) -> None:
    fleet = simulate(FleetSpec(instances, 10, seed), now=now)
    ill = {d.instance_id for d in fleet.databases if d.incident}
    at_the_end = verdicts(fleet, fleet.now)
    for minutes in (5, 10, 20, 31):
        assert verdicts(fleet, fleet.now + timedelta(minutes=minutes)) == at_the_end
    assert {who for _, who, _ in at_the_end} == ill | {"edge", "agents/legacy-crm"} | VOLUMES
    by_rule = [rule for rule, _, _ in at_the_end]
    assert by_rule.count("backup_failed") == 5
    assert by_rule.count("restore_failed") == 1


def test_nobody_tells_of_what_has_not_happened_yet(fleet: Fleet) -> None:
    for attempt in fleet.attempts:
        assert attempt.started_at <= fleet.now
        assert attempt.finished_at is None or attempt.finished_at <= fleet.now
    for one in (*fleet.drills, *fleet.clones):
        assert (one.verified_at or one.restored_at or one.started_at) <= fleet.now
    assert all(one.gone_at is None or one.gone_at <= fleet.now for one in fleet.sets)
    assert len({attempt.key for attempt in fleet.attempts}) == len(fleet.attempts)
    assert len({drill.key for drill in fleet.drills}) == len(fleet.drills)


def test_the_past_was_not_perfect(fleet: Fleet) -> None:
    healthy = {d.instance_id for d in fleet.databases if not d.incident}
    failed = [a for a in fleet.attempts if a.state == "failed" and a.instance_id in healthy]
    assert failed
    retried = {
        (a.instance_id, a.scheduled_at) for a in fleet.attempts if a.state == "succeeded"
    } & {(a.instance_id, a.scheduled_at) for a in failed}
    assert retried
    assert any(d.retired_at for d in fleet.databases)


@pytest.mark.parametrize(("instances", "days", "word"), [(18, 30, "19 instances"), (19, 9, "10 d")])
def test_a_fleet_too_small_for_its_incidents_is_refused(
    instances: int, days: int, word: str, now: datetime
) -> None:
    with pytest.raises(ValueError, match=word):
        simulate(FleetSpec(instances, days), now=now)


# The arithmetic itself, on fleets of one database.

DATABASE = Database(
    "a", "postgresql", "t", 1, "production", "h", "UTC", "physical", "pgbr-main", 4 * 3600, 3600,
    None, None, END - timedelta(days=9), 1, 0.0, "v",
)  # fmt: skip


def one_database(
    *records: Attempt | BackupSet | Drill | ArchiveSample, database: Database = DATABASE
) -> Fleet:
    def of(kind: type) -> tuple[object, ...]:
        return tuple(record for record in records if isinstance(record, kind))

    return Fleet(
        FleetSpec(), END, (database,), of(Attempt), of(BackupSet), of(Drill), (),
        of(ArchiveSample), (), (), NOTHING,
    )  # type: ignore[arg-type]  # fmt: skip


def said(fleet: Fleet, rule: str, at: datetime = END) -> str:
    return next((s for r, who, s in verdicts(fleet, at) if (r, who) == (rule, "a")), "ok")


def backup(label: str, ago: float, *, parent: str = "", gone: float | None = None) -> BackupSet:
    at = END - ago * HOUR
    return BackupSet("a", label, "incr" if parent else "full", "", parent, at - HOUR, at, 1, 1,
                     None if gone is None else END - gone * HOUR)  # fmt: skip


_numbers = count()


def attempt(kind: str, ago: float, state: str) -> Attempt:
    at = END - ago * HOUR
    ended = None if state == "running" else at + timedelta(minutes=5)
    return Attempt(str(next(_numbers)), "a", kind, kind, at, at, ended, state)


@pytest.mark.parametrize(
    ("ago", "status"),
    [(1, "ok"), (3, "ok"), (3.001, "approaching"), (4, "approaching"), (4.001, "breached")],
)
def test_equal_to_the_objective_is_still_compliant(ago: float, status: str) -> None:
    assert said(one_database(backup("f", ago)), "rpo") == status


def test_a_chain_is_worth_what_its_first_link_is_worth() -> None:
    incrs = backup("i", 2, parent="f"), backup("j", 1, parent="i")
    assert said(one_database(backup("f", 30), *incrs), "rpo") == "ok"
    assert said(one_database(backup("f", 30, gone=0), *incrs), "rpo") == "breached"
    assert said(one_database(backup("f", 30), incrs[1]), "rpo") == "breached"


def test_a_dump_is_as_old_as_its_start() -> None:
    dump = replace(backup("d", 3), backup_type="dump")
    assert said(one_database(backup("d", 3)), "rpo") == "ok"
    assert said(one_database(dump), "rpo") == "approaching"


def test_archived_wal_counts_while_its_base_is_there() -> None:
    archive = ArchiveSample("a", END, END - 30 * HOUR, END - HOUR, 0, 0, "f")
    assert said(one_database(backup("f", 30), archive), "rpo") == "ok"
    assert said(one_database(backup("f", 30, gone=1), archive), "rpo") == "breached"


def test_never_backed_up_is_unknown_for_one_objective() -> None:
    new = replace(DATABASE, protect_from=END - 4 * HOUR)
    assert said(one_database(database=new), "rpo") == "unknown"
    assert said(one_database(database=new), "rpo", END + timedelta(seconds=1)) == "breached"


@pytest.mark.parametrize(
    ("tries", "status"),
    [
        ([("full", 9, "failed"), ("incr", 5, "succeeded")], "breached"),
        ([("incr", 9, "failed"), ("full", 5, "succeeded")], "ok"),
        ([("full", 9, "succeeded"), ("full", 5, "failed")], "breached"),
        ([("incr", 9, "succeeded"), ("incr", 1, "running")], "ok"),
        ([("incr", 9, "succeeded"), ("incr", 5, "running")], "breached"),
        ([("incr", 9, "succeeded"), ("incr", 5, "cancelled")], "ok"),
    ],
)
def test_only_a_success_as_strong_closes_a_failure(
    tries: list[tuple[str, float, str]], status: str
) -> None:
    fleet = one_database(*(attempt(*one) for one in tries))
    assert said(fleet, "backup_failed") == status


def test_a_run_is_missed_after_its_grace_and_not_for_ever() -> None:
    nightly = replace(DATABASE, full_schedule="0 10 * * *")
    before = attempt("full", 26, "succeeded")
    alone = one_database(before, database=nightly)
    assert said(alone, "backup_missed", END - HOUR) == "ok"  # due at this very moment
    assert said(alone, "backup_missed") == "breached"
    late = one_database(before, attempt("full", 0.5, "succeeded"), database=nightly)
    assert said(late, "backup_missed") == "ok"
    failed_late = one_database(before, attempt("full", 0.5, "failed"), database=nightly)
    assert said(failed_late, "backup_missed") == "breached"


def test_comparing_tells_missed_from_invented() -> None:
    one = PlantedIncident("rpo", "instance", "a", "breached", "s")
    two = PlantedIncident("rpo", "instance", "b", "breached", "s")
    found = [("rpo", "a", "breached"), ("rpo", "c", "unknown"), ("rpo", "d", "ok")]
    result = compare(replace(NOTHING, incidents=(one, two)), found)
    assert (result.found, result.missed) == ((one,), (two,))
    assert [i.subject_id for i in result.invented] == ["c"]
    assert not result.exact
    assert compare(NOTHING, [("rpo", "d", "ok")]).exact
