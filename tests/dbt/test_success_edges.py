"""Clock changes from the inventory to the mart, and input that is odd or wrong."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cbcr_assets.steps.watch import sync_inventory

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 5, 12)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

# A run at 02:30 local time around both changes of 2026: the moments, UTC, written down by hand.
# In spring 02:30 does not exist and the run comes right after the gap. In autumn Berlin has it
# twice and the run comes at the first pass; New York repeats the hour before, and has it once.
CHANGES = {
    "berlin-spring": ("Europe/Berlin", "2026-03-28", "2026-03-31",
                      ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"]),
    "berlin-autumn": ("Europe/Berlin", "2026-10-24", "2026-10-27",
                      ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]),
    "york-spring": ("America/New_York", "2026-03-07", "2026-03-10",
                    ["2026-03-07 07:30", "2026-03-08 07:00", "2026-03-09 06:30"]),
    "york-autumn": ("America/New_York", "2026-10-31", "2026-11-03",
                    ["2026-10-31 06:30", "2026-11-01 07:30", "2026-11-02 07:30"]),
}  # fmt: skip

INVENTORY = """
defaults: {timezone: UTC, grace: 1h, team: t, tier: 1, rpo: 1d}
instances:
"""
ODD = """
  - {id: twice, db_type: other, full_schedule: "0 3 * * *", protect_from: 2026-11-01T00:00:00Z}
  - id: returned
    db_type: other
    full_schedule: "0 3 * * *"
    protect_from: 2026-10-25T00:00:00Z
    exclusions: [{start: 2026-10-27T00:00:00Z, stop: 2026-11-03T00:00:00Z, reason: retired}]
  - {id: odd, db_type: other}
  - {id: equal, db_type: other}
  - {id: ancient, db_type: other}
"""


def attempt(instance: str, started: datetime, **more: Any) -> dict[str, Any]:
    return {
        "source_id": "a", "attempt_key": f"{instance}-{started.isoformat()}",
        "native_instance": instance, "instance_id": instance, "tool": "t", "backup_type": "full",
        "state": "succeeded", "started_at": started, "finished_at": started + 5 * MINUTE,
        "first_seen_at": started, "last_seen_at": started, **more,
    }  # fmt: skip


def inventory() -> str:
    told = [
        f"  - {{id: {name}, db_type: other, timezone: {zone}, full_schedule: '30 2 * * *',"
        f" protect_from: {first}T00:00:00Z, retired_at: {last}T00:00:00Z}}"
        for name, (zone, first, last, _) in CHANGES.items()
    ]
    return INVENTORY + "\n".join(told) + ODD


def attempts() -> list[dict[str, Any]]:
    rows = [
        attempt(name, datetime.fromisoformat(moment) + MINUTE)
        for name, (_, _, _, moments) in CHANGES.items()
        for moment in moments
    ]
    three = datetime(2026, 11, 4, 3)
    rows += [
        # Two sources claim one instance: the agent's attempt failed, the other tool's succeeded.
        attempt("twice", three, state="failed"),
        attempt("twice", three, source_id="b", tool="u"),
        *(attempt("returned", datetime(2026, 10, day, 3)) for day in (25, 26)),
        *(attempt("returned", datetime(2026, 11, day, 3)) for day in (3, 4, 5)),
        # No time at all is a duration; below zero is none, and says nothing of how long it takes.
        *(
            attempt("odd", begun, finished_at=begun, duration_s=duration)
            for begun, duration in (
                (three - 9 * 60 * MINUTE, 0.0), (three - 8 * 60 * MINUTE, -90_000.0),
                (three - 7 * 60 * MINUTE, 0.0),
            )
        ),
        attempt("odd", three, state="running", finished_at=None),
        # Begun at the same moment: which came first is unknown, so the failure stays open.
        attempt("equal", three, state="failed", attempt_key="one"),
        attempt("equal", three, attempt_key="two"),
        attempt("ancient", datetime(2016, 11, 4, 3)),
    ]  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def built(make_built: Callable[[], Any]) -> Any:
    platform = make_built()
    platform.platform.config.inventory.write_text(inventory())
    assert sync_inventory(platform.platform, now=NOW) is not None
    pull = {"kind": "k", "started_at": NOW, "finished_at": NOW, "ok": True, "complete": True}
    platform.load({
        "pulls": [pull | {"pull_id": "1", "source_id": "a"}],
        "backup_jobs": attempts(),
    })  # fmt: skip
    platform.build(as_of=NOW)
    return platform


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_at_half_past_two_happens_once_on_the_days_the_clock_changes(
    built: Any, name: str
) -> None:
    days = built.query(
        "select day, scheduled, first_try, eventual, missed from marts.fct_backup_success_daily"
        f" where instance_id = '{name}' order by day"
    )
    first = date.fromisoformat(CHANGES[name][1])
    assert days == [(first + n * DAY, 1, 1, 1, 0) for n in range(3)]
    asked = built.query(
        f"select strftime(scheduled_at, '%Y-%m-%d %H:%M') from marts.fct_backup_attempts"
        f" where instance_id = '{name}' order by 1"
    )
    assert [moment for (moment,) in asked] == CHANGES[name][3]


def test_two_sources_of_one_instance_answer_for_the_same_run(built: Any) -> None:
    found = built.query(
        "select scheduled, first_try, eventual, missed, failed from marts.fct_backup_success_daily"
        " where instance_id = 'twice' and day = date '2026-11-04'"
    )
    # Of equal starts the source's name decides which try was the first: a failure here.
    assert found == [(1, 0, 1, 0, 1)]


def test_the_time_between_retirement_and_return_is_an_exclusion(built: Any) -> None:
    found = built.query(
        "select sum(scheduled), sum(first_try), sum(missed) from marts.fct_backup_success_daily"
        " where instance_id = 'returned'"
    )
    assert found == [(5, 5, 0)]


def test_durations_below_zero_tell_nothing_and_zero_is_one(built: Any) -> None:
    found = dict(
        built.query("select attempt_key, state from marts.fct_backup_attempts"
                    " where instance_id = 'odd' and state <> 'succeeded'")
    )  # fmt: skip
    assert list(found.values()) == ["lost"]
    (lost_at,) = built.query(
        "select lost_at from intermediate.int_backup_attempts where instance_id = 'odd'"
        " and state = 'lost'", as_of=NOW,
    )[0]  # fmt: skip
    assert lost_at == datetime(2026, 11, 4, 4)  # the grace: three times zero is less


def test_equal_starts_leave_the_failure_open(built: Any) -> None:
    found = built.query(
        "select status from sla.sla_backup_failed where subject_id = 'equal'", as_of=NOW
    )
    assert found == [("breached",)]


def test_a_record_of_ten_years_ago_counts_on_its_own_day(built: Any) -> None:
    rows = built.query(
        "select day, scheduled, running, failed from marts.fct_backup_success_daily"
        " where instance_id = 'ancient'"
    )
    assert rows == [(date(2016, 11, 4), 0, 0, 0)]
    success = built.query(
        "select last_success_at from live.live_attempts where instance_id = 'ancient'", as_of=NOW
    )
    assert success == [(datetime(2016, 11, 4, 3, 5),)]


def test_what_people_ask_for_adds_up_to_the_daily_counts(built: Any) -> None:
    columns = "sum(scheduled), sum(first_try), sum(eventual), sum(missed), sum(failed), sum(lost)"
    (daily,) = built.query(f"select {columns} from marts.fct_backup_success_daily")
    (asked,) = built.query(f"select {columns} from marts.fct_backup_success", as_of=NOW)
    assert asked == daily
    tools = built.query(
        "select distinct tool from marts.fct_backup_success where day >= date '2026-11-01'"
        " order by 1", as_of=NOW,
    )  # fmt: skip
    assert ("t",) in tools
