"""Promises of restore time: kept by everyone that nothing was planted on, and judged exactly."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cbcr_assets.simulator import Fleet
from cbcr_assets.simulator.model import Database, Drill
from cbcr_assets.simulator.restore_times import OUTGROWN, OVERDUE, pace, verdicts

AT = datetime(2026, 6, 15, 12)
DAY = timedelta(days=1)
DATABASE = Database(
    "a", "postgresql", "t", 1, "production", "h", "UTC", "physical", "pgbr-main", 4 * 3600, 3600,
    None, None, AT - 10 * DAY, 1, 0.0, "v", drill_every_s=10 * 86400,
)  # fmt: skip


def drill(ago: timedelta, took: float | None) -> Drill:
    asked = AT - ago
    proven = None if took is None else asked + timedelta(seconds=took)
    state = "failed" if took is None else "succeeded"
    return Drill("k", "a", "l", asked, asked, proven, proven, proven, state)


def said(*drills: Drill, database: Database = DATABASE, at: datetime = AT) -> dict[str, str]:
    return dict(verdicts(database, drills, has_backup=True, at=at))


@pytest.mark.parametrize(("took", "status"), [(3600, None), (3601, "breached"), (None, "breached")])
def test_equal_to_the_objective_is_kept(took: float | None, status: str | None) -> None:
    assert said(drill(DAY, took)).get("rto_breached") == status


@pytest.mark.parametrize(
    ("later", "status"), [(timedelta(0), "approaching"), (timedelta(seconds=1), "breached")]
)
def test_a_first_drill_is_due_one_interval_after_protection(later: timedelta, status: str) -> None:
    assert said(at=AT + later)["drill_overdue"] == status


def test_a_failed_drill_proves_nothing() -> None:
    assert said(drill(DAY, None), at=AT + DAY)["drill_overdue"] == "breached"
    assert "drill_overdue" not in said(drill(DAY, 60), at=AT + DAY)


def test_what_has_no_backup_has_no_known_size() -> None:
    assert ("rto_at_risk", "unknown") in set(verdicts(DATABASE, [], has_backup=False, at=AT))
    assert said(database=replace(DATABASE, drill_every_s=None)) == {}


def test_the_healthy_have_room_and_the_planted_have_none(fleet: Fleet) -> None:
    for database in fleet.databases:
        usual = database.size_bytes / pace(database)
        if not database.incident:
            assert database.rto_s >= 10 * usual
        if database.incident == OUTGROWN:
            assert database.rto_s < usual / 1.4
            own = [one for one in fleet.drills if one.instance_id == database.instance_id]
            assert own
            assert all(one.bytes < 0.7 * database.size_bytes for one in own)
            assert "rto_breached" not in dict(verdicts(database, own, has_backup=True, at=AT))


def test_the_overdue_one_was_drilled_before_and_no_other_is_due(fleet: Fleet) -> None:
    for database in fleet.databases:
        own = [one for one in fleet.drills if one.instance_id == database.instance_id]
        due = dict(verdicts(database, own, has_backup=True, at=fleet.now)).get("drill_overdue")
        assert due == ("breached" if database.incident == OVERDUE else None)
