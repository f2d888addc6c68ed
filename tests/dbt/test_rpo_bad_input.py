"""Recovery points out of odd and wrong input: each has a defined result (docs/definitions.md).

One day of one instance each, with an objective of four hours; what is expected is worked out by
hand, in hours since the day began. Attempts of the same kinds are in test_success_edges.py.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from cbcr_assets.steps import analytics

pytestmark = pytest.mark.slow

START = datetime(2026, 6, 14, 12)
HOUR = timedelta(hours=1)
NOW = START + 24 * HOUR
NAMES = (
    "reversed", "instant", "equal", "none", "zero", "overlap", "twice", "returned", "circle",
    "orphan", "ancient",
)  # fmt: skip


def instance(name: str) -> dict[str, Any]:
    windows = {"overlap": [(1, 3), (2, 5)], "returned": [(4, 20)]}.get(name, [])
    return {
        "instance_id": name, "rpo_s": {"none": None, "zero": 0.0}.get(name, 4 * 3600.0),
        "rto_s": 3600.0, "grace_s": 3600.0, "timezone": "UTC", "protect_from": START,
        "exclusions": [
            {"start": START + HOUR * low, "stop": START + HOUR * high, "reason": "m"}
            for low, high in windows
        ],
    }  # fmt: skip


def a_set(name: str, label: str, start: float, stop: float, **more: Any) -> dict[str, Any]:
    finished = START + HOUR * stop
    return {
        "source_id": "a", "repo": "r", "label": f"{name}-{label}", "instance_id": name,
        "native_instance": f"n-{name}", "backup_type": "full", "integrity": "ok",
        "lifecycle": "available", "started_at": START + HOUR * start, "finished_at": finished,
        "recovery_point_at": finished, "first_seen_at": finished, "last_seen_at": finished,
    } | more  # fmt: skip


SETS = [
    a_set("reversed", "f", 6, 5),
    a_set("instant", "f", 2, 2),
    a_set("equal", "f", 1, 2),
    a_set("equal", "g", 1, 2),
    a_set("none", "f", 1, 2),
    a_set("zero", "f", 1, 2),
    a_set("overlap", "f", 0, 0),
    a_set("twice", "f", 0, 0),
    a_set("twice", "f", 8, 8, source_id="b"),
    a_set("returned", "f", 0, 0),
    a_set("circle", "f", 1, 2, parent_label="circle-g"),
    a_set("circle", "g", 1, 2, parent_label="circle-f", backup_type="incr"),
    a_set("circle", "h", 1, 2, parent_label="circle-h", backup_type="incr"),
    a_set("orphan", "i", 9, 10, parent_label="orphan-f", backup_type="incr"),
]
# What arrives after the first build.
LATER = [
    a_set("orphan", "f", 1, 2),
    a_set("ancient", "f", -87_600, -87_599),
]
# Hours measured and violated, and closed violations: after the first build, and after the second.
FIRST: dict[str, tuple[float, float, list[tuple[float, float, str]]]] = {
    # It says that it ended at 5, of a moment at 5: usable from then on.
    "reversed": (24, 1 + 15, [(4, 5, "never_backed_up")]),
    "instant": (24, 18, []),
    "equal": (24, 18, []),
    # Kept for an instant only, at the point itself: nothing is closed by it.
    "zero": (24, 24, []),
    "overlap": (20, 19, []),
    "twice": (24, 4 + 12, [(4, 8, "late")]),
    "returned": (8, 4, []),
    "circle": (24, 20, []),
    "orphan": (24, 20, []),
    "ancient": (24, 20, []),
}
SECOND = FIRST | {
    # Both links are there by 10; the full alone would have done from 2 to 6.
    "orphan": (24, 4 + 10, [(6, 10, "late")]),
    # Who was backed up before is no beginner: there is no grace.
    "ancient": (24, 24, []),
}


def run(built: Any) -> None:
    report = analytics.dbt(built.platform, [
        "run", "--select", "+fct_rpo_violations", "+fct_rpo_compliance_daily", "+live_rpo_copies",
        "+live_rpo_status", "+fct_recovery_points",
        "--vars", f"{{cbcr_as_of: '{NOW}', cbcr_goes_on: true}}",
    ])  # fmt: skip
    assert report.ok, report.output[-3000:]


def said(built: Any) -> dict[str, tuple[float, float, list[tuple[float, float, str]]]]:
    found = {
        name: (measured / 3600, violated / 3600, [])
        for name, measured, violated in built.query(
            "select instance_id, sum(measured_s), sum(violation_s)"
            " from marts.fct_rpo_compliance_daily group by 1",
            as_of=NOW,
        )
    }
    for name, begin, end, cause in built.query(
        "select instance_id, started_at, ended_at, cause from marts.fct_rpo_violations"
        " order by 1, 2"
    ):
        found[name][2].append(((begin - START) / HOUR, (end - START) / HOUR, cause))
    return found


@pytest.fixture(scope="module")
def built(make_built: Callable[[], Any]) -> Any:
    """Two builds: one before, one after what arrives later; with what was said after each."""
    made = make_built()
    attempts = [
        {"source_id": s["source_id"], "attempt_key": s["label"], "state": "succeeded"}
        | {key: s[key] for key in ("instance_id", "native_instance", "backup_type", "started_at",
                                   "finished_at", "first_seen_at", "last_seen_at")}
        for s in (*SETS, *LATER) if s["instance_id"] in ("twice", "orphan")
    ]  # fmt: skip
    made.load({
        "sources": [
            {"source_id": name, "tool": "t", "every_s": 60.0, "stale_after_s": 7200.0}
            for name in ("a", "b")
        ],
        "pulls": [
            {"pull_id": name, "source_id": name, "kind": "k", "started_at": NOW,
             "finished_at": NOW, "ok": True, "complete": True} for name in ("a", "b")
        ],
        "instances": [instance(name) for name in NAMES],
        "instance_aliases": [
            {"source_id": "a", "native_instance": f"n-{name}", "instance_id": name}
            for name in NAMES
        ],
        "backup_sets": SETS,
        "backup_jobs": attempts,
    })  # fmt: skip
    run(made)
    made.first = said(made)
    made.load({"backup_sets": LATER})
    made.between = dict(
        made.query("select instance_id, exposure_s / 3600 from live.live_rpo_status", as_of=NOW)
    )
    run(made)
    made.second = said(made)
    return made


@pytest.mark.parametrize("name", FIRST)
def test_seconds_and_violations(built: Any, name: str) -> None:
    assert built.first[name] == FIRST[name]
    assert built.second[name] == SECOND[name]


def test_no_objective_is_no_promise(built: Any) -> None:
    assert "none" not in built.second
    assert built.query(
        "select status, reason from live.live_rpo_status where instance_id = 'none'", as_of=NOW
    ) == [("unknown", "no_objective")]


def test_what_arrives_later_is_seen_before_it_is_built(built: Any) -> None:
    assert built.between["orphan"] == 14
    assert built.between["ancient"] == 87_599 + 24
    assert built.between["circle"] is None


def test_a_circle_gives_no_point(built: Any) -> None:
    assert built.query(
        "select distinct unusable_reason, usable_until = usable_from"
        " from marts.fct_recovery_points where instance_id = 'circle'"
    ) == [("parent_missing", True)]
    assert built.query(
        "select status, reason from live.live_rpo_status where instance_id = 'circle'", as_of=NOW
    ) == [("breached", "never_backed_up")]


def test_two_sources_of_one_instance_are_two_copies(built: Any) -> None:
    assert built.query(
        "select source_id, exposure_s / 3600, is_best from live.live_rpo_copies"
        " where instance_id = 'twice' order by 1",
        as_of=NOW,
    ) == [("a", 24, False), ("b", 16, True)]
