"""Restore time of fleets that know little, and of moments that have passed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.slow

NOW = datetime(2026, 6, 15, 12)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def instance(name: str, **facts: Any) -> dict[str, Any]:
    given = {"instance_id": name, "db_type": "postgresql", "storage_volume": "nas", "team": "t",
             "tier": 1, "rpo_s": 1e9, "rto_s": 7200.0, "protect_from": NOW - 400 * DAY}  # fmt: skip
    return given | facts


def restore(name: str, key: str, ago: timedelta, took: timedelta, **facts: Any) -> dict[str, Any]:
    asked = NOW - ago
    given = {"source_id": "a", "restore_key": key, "native_instance": name, "instance_id": name,
             "purpose": "drill", "requested_at": asked, "verified_at": asked + took,
             "bytes": 10**9, "state": "succeeded", "verification": "passed",
             "first_seen_at": asked + took}  # fmt: skip
    return given | facts


ROWS: dict[str, list[dict[str, Any]]] = {
    "instances": [
        instance("measured"),
        instance("old"),
        instance("undrilled"),
        instance("elsewhere", db_type="oracle"),
        instance("sizeless"),
        instance("unpromised", rto_s=None),
        instance("stale", drill_every_s=200 * 86400.0),
        instance("failed"),
        instance("undescribed", db_type=None, storage_volume=None),
        instance("gone", retired_at=NOW - DAY),
    ],
    "backup_sets": [
        {"source_id": "a", "repo": "r", "label": name, "native_instance": name,
         "instance_id": name, "source_bytes": 2 * 10**9, "backup_type": "full",
         "started_at": NOW - DAY, "finished_at": NOW - DAY, "first_seen_at": NOW - DAY,
         "lifecycle": "available", "integrity": "ok"}
        for name in ("measured", "undrilled", "elsewhere", "undescribed")
    ],
    "restore_jobs": [
        restore("measured", "1", 80 * DAY, HOUR),
        restore("measured", "2", 10 * DAY, HOUR),
        restore("old", "3", 91 * DAY, HOUR),
        restore("stale", "4", 150 * DAY, HOUR),
        restore("failed", "5", 20 * DAY, HOUR),
        restore("failed", "6", 10 * DAY, HOUR, state="failed", verification="none",
                verified_at=None),
        restore("gone", "7", 30 * DAY, HOUR),
        restore("unpromised", "8", 30 * DAY, HOUR),
        # What no number may come from.
        restore("sizeless", "9", 30 * DAY, HOUR, bytes=None),
        restore("undrilled", "10", 30 * DAY, timedelta(0)),
        restore("undrilled", "11", 30 * DAY, -HOUR),
        restore("undrilled", "12", 30 * DAY, HOUR, verification="none"),
        restore("undrilled", "13", 30 * DAY, HOUR, state="cancelled"),
        restore("elsewhere", "14", 30 * DAY, HOUR, bytes=-5, verification="none"),
        {"source_id": "a", "restore_key": "15", "native_instance": "?", "purpose": "drill",
         "state": "succeeded", "verification": "passed"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def built(make_built: Callable[[], Any]) -> Any:
    made = make_built()
    made.load(ROWS)
    made.build(as_of=NOW)
    return made


def estimates(built: Any, columns: str) -> dict[str, Any]:
    found = built.query(
        f"select instance_id, {columns} from intermediate.int_rto_estimates", as_of=NOW
    )
    return {row[0]: row[1:] if len(row) > 2 else row[1] for row in found}


def test_each_basis_is_what_it_says(built: Any) -> None:
    assert estimates(built, "basis") == {
        "measured": "measured", "old": "own", "undrilled": "peer", "stale": "own",
        "failed": "measured", "unpromised": "measured",
        "elsewhere": "unknown",  # one group of peers says nothing of a second one
        "sizeless": "unknown",
        "undescribed": "unknown",
    }  # fmt: skip


def test_only_an_own_fresh_restore_that_kept_the_promise_proves(built: Any) -> None:
    assert estimates(built, "proven") == {
        "measured": True, "old": False, "undrilled": False, "elsewhere": False,
        "sizeless": True,  # proven to be fast enough, though nothing says for how many bytes
        "unpromised": None,
        "stale": True,  # its own interval is longer than ninety days
        "failed": False, "undescribed": False,
    }  # fmt: skip


def test_unknown_has_no_number_and_the_rest_has_all(built: Any) -> None:
    found = estimates(built, "basis, p50_s, p90_s, p95_s, p99_s, mu, sigma")
    for name, (basis, *numbers) in found.items():
        assert {number is None for number in numbers} == {basis == "unknown"}, name
    chances = estimates(built, "basis, p_within_rto, p_meets_rto")
    for name, (basis, *numbers) in chances.items():
        is_empty = basis == "unknown" or name == "unpromised"
        assert {number is None for number in numbers} == {is_empty}, name


def test_twice_the_data_takes_twice_the_time(built: Any) -> None:
    sizes = estimates(built, "bytes_now, p50_s")
    assert sizes["measured"][0] == 2 * 10**9
    assert sizes["old"][0] == 10**9  # no backup tells, so the newest restore does
    assert sizes["measured"][1] == pytest.approx(2 * 3600, rel=1e-6)
    assert sizes["old"][1] == pytest.approx(3600, rel=1e-6)


def test_a_replayed_moment_knows_nothing_of_what_came_later(built: Any) -> None:
    before = NOW - 85 * DAY
    columns = "basis, n_own, bytes_now"
    rows = built.query(
        f"select instance_id, {columns} from intermediate.int_rto_estimates", as_of=before
    )
    found = {row[0]: row[1:] for row in rows}
    assert found["old"] == ("measured", 1, 10**9)
    assert found["measured"] == ("unknown", 0, None)
    assert found["stale"] == ("measured", 1, 10**9)
    during = NOW - 80 * DAY + HOUR / 2
    state = built.query(
        "select outcome, at_least_s from intermediate.int_restores where restore_key = '1'",
        as_of=during,
    )
    assert state == []  # it was heard of when it had ended
    drills = dict(built.query(
        "select instance_id, last_proven_at from intermediate.int_drill_status", as_of=before
    ))  # fmt: skip
    assert drills["measured"] is None
    assert drills["stale"] == NOW - 150 * DAY + HOUR


def test_a_deadline_is_exact_to_the_microsecond(built: Any) -> None:
    due = NOW - 150 * DAY + HOUR + 200 * DAY
    asked = "select status, changes_at from sla.sla_drill_overdue where subject_id = 'stale'"
    instant = timedelta(microseconds=1)
    # Nobody listens to a source here, so what is overdue cannot be told from what was not heard.
    assert built.query(asked, as_of=due) == [("approaching", due + instant)]
    assert built.query(asked, as_of=due + instant)[0][0] == "unknown"


def test_nothing_is_lost_in_the_coverage(built: Any) -> None:
    fleet = built.query(
        "select instances, promised, proven_ever, in_time, overdue, waiting, unknown, never_proven,"
        " coverage from marts.fct_drill_coverage where dimension = 'fleet'"
    )[0]
    assert fleet == (9, 1, 6, 1, 0, 0, 0, 3, 1.0)
    by_type = dict(built.query(
        "select name, instances from marts.fct_drill_coverage where dimension = 'db_type'"
    ))  # fmt: skip
    assert by_type == {"postgresql": 7, "oracle": 1, "unknown": 1}
