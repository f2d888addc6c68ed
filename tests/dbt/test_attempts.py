"""Attempts and scheduled runs: lost by time, first-try, eventual, missed, unknown; incremental."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.slow

NOW = datetime(2026, 6, 15, 12)
HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    """Hours before NOW."""
    return NOW - HOUR * hours


def attempt(
    key: str, state: str, started: float, *, kind: str = "full", **more: Any
) -> dict[str, Any]:
    finished = None if state == "running" else at(started - 0.2)
    return {
        "source_id": "a", "attempt_key": key, "instance_id": more.pop("instance", "i"),
        "native_instance": "i", "tool": "t", "state": state, "backup_type": kind,
        "started_at": at(started), "finished_at": finished, "first_seen_at": at(started),
        "last_seen_at": at(started), **more,
    }  # fmt: skip


def slot(hours: float, *, kind: str = "full", instance: str = "i") -> dict[str, Any]:
    return {
        "instance_id": instance, "backup_type": kind, "scheduled_at": at(hours),
        "due_at": at(hours - 1),
    }  # fmt: skip


def instance(name: str, **more: Any) -> dict[str, Any]:
    return {
        "instance_id": name, "rpo_s": 86400.0, "protect_from": at(400), "grace_s": 3600.0,
        "tier": 1, "team": "t", "timezone": "UTC", "full_schedule": "0 0 * * *", **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def built(make_built: Callable[[], Any]) -> Any:
    platform = make_built()
    rows = {
        "sources": [{"source_id": "a", "tool": "cbcr", "every_s": 30.0, "stale_after_s": 86400.0}],
        "instances": [instance("i"), instance("silent"), instance("gone", retired_at=at(24))],
        "instance_aliases": [
            {"source_id": "a", "native_instance": f"n-{n}", "instance_id": n}
            for n in ("i", "silent", "gone")
        ],
        "pulls": [
            {"pull_id": "1", "source_id": "a", "kind": "k", "started_at": at(0.1),
             "finished_at": at(0.1), "ok": True, "complete": True}
        ],
        "scheduled_runs": [slot(h) for h in (96, 72, 48, 24, 0.5)]
        + [slot(24, instance="silent"), slot(24, instance="gone")],
        "backup_jobs": [
            attempt("good", "succeeded", 95.9),
            attempt("bad", "failed", 71.9, error_code="056"),
            attempt("again", "succeeded", 71.0, backup_label="L"),
            attempt("hangs", "running", 23.9),
            attempt("fresh", "running", 0.4),
        ],
    }  # fmt: skip
    platform.load(rows)
    platform.build(as_of=NOW)
    return platform


def test_an_attempt_that_never_ends_is_lost_and_a_fresh_one_runs(built: Any) -> None:
    states = dict(built.query("select attempt_key, state from marts.fct_backup_attempts"))
    assert states["hangs"] == "lost"
    assert states["fresh"] == "running"


def test_each_run_of_the_schedule_has_its_outcome(built: Any) -> None:
    outcomes = built.query(
        "select outcome, has_success from intermediate.int_scheduled_runs where instance_id = 'i'"
        " order by scheduled_at", as_of=NOW,
    )  # fmt: skip
    assert outcomes == [
        ("first_try", True), ("eventual", True), ("missed", False), ("failed", False),
        ("running", False),
    ]  # fmt: skip


def test_success_counts_first_try_eventual_missed_and_lost_apart(built: Any) -> None:
    totals = built.query(
        "select sum(scheduled), sum(first_try), sum(eventual), sum(missed), sum(failed), sum(lost),"
        " sum(running) from marts.fct_backup_success_daily where instance_id = 'i'"
    )[0]
    assert totals == (5, 1, 2, 1, 1, 1, 1)


def test_the_rules_say_what_happened(built: Any) -> None:
    found = {
        (rule, subject): (status, severity, summary)
        for rule, subject, status, severity, summary in built.query(
            "select rule, subject_id, status, severity, summary from live.sla_evaluations",
            as_of=NOW,
        )
    }
    status, severity, summary = found["backup_failed", "i"]
    assert (status, severity) == ("breached", "critical")
    assert "never said that it ended" in summary
    assert found["backup_missed", "silent"][0] == "breached"
    assert found["backup_missed", "i"][0] == "ok"
    assert found["rpo", "silent"][0] == "breached"
    assert "never backed up" in found["rpo", "silent"][2]
    assert found["rpo", "gone"][0] == "ok"
    assert found["source_stale", "a"][0] == "ok"


def test_a_blind_source_makes_runs_unknown_not_missed(built: Any) -> None:
    later = NOW + timedelta(days=3)
    found = dict(
        built.query("select subject_id, status from sla.sla_rpo", as_of=later)
        + built.query("select subject_id, status from sla.sla_source_stale", as_of=later)
    )
    assert found["i"] == "unknown"
    assert found["a"] == "breached"


def test_incremental_attempts_equal_a_full_refresh(built: Any) -> None:
    query = "select * from marts.fct_backup_attempts order by source_id, attempt_key"
    late = [
        attempt("late", "succeeded", 47.9),
        attempt("hangs", "failed", 23.9, error_code="28"),
        attempt("fresh", "succeeded", 0.4),
    ]
    built.load({"backup_jobs": late})
    built.build(as_of=NOW)
    incremental = built.query(query)
    built.build("+fct_backup_attempts", as_of=NOW, full_refresh=True)
    assert built.query(query) == incremental
    states = {row[1]: row[7] for row in incremental}
    assert (states["late"], states["hangs"], states["fresh"]) == (
        "succeeded",
        "failed",
        "succeeded",
    )
