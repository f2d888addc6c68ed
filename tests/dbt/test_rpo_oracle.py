"""The SQL of RPO against an independent oracle: plain Python, second by second boundaries.

The oracle is in conftest.py; here it judges a fixed set of histories, built by the real dbt.
Histories that hypothesis makes up are in test_rpo_properties.py.
"""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from cbcr_assets.reports.rpo import rpo_compliance

pytestmark = pytest.mark.slow

NOW = datetime(2026, 6, 15, 12)
START = NOW - timedelta(days=6)
HOUR = timedelta(hours=1)
COUNT = 2_000


def history(number: int) -> dict[str, Any]:
    """Return a random small history of one instance."""
    chance = random.Random(number)
    sets, full = [], None
    moment = START - HOUR * chance.uniform(0, 10)
    for index in range(chance.randrange(0, 14)):
        moment += HOUR * chance.choice((1, 3, 8, 8, 20))
        took = HOUR * chance.choice((0.1, 0.5, 2, 9))
        kind = "full" if full is None or chance.random() < 0.3 else "incr"
        dump = chance.random() < 0.2
        one = {
            "label": f"s{number}-{index}",
            "backup_type": "dump" if dump else kind,
            "parent_label": None if dump or kind == "full" else full,
            "started_at": moment,
            "finished_at": moment + took,
            "recovery_point_at": moment if dump else moment + took,
            "gone_at": moment + took + HOUR * chance.choice((2, 30, 60))
            if chance.random() < 0.3 else None,
            # Found to be corrupt at once, or some time later.
            "bad_at": moment + took + HOUR * chance.choice((0, 0, 5, 40))
            if chance.random() < 0.15 else None,
        }  # fmt: skip
        if not dump and kind == "full":
            full = one["label"]
        if chance.random() < 0.1:
            one["parent_label"] = "not-there"
            one["backup_type"] = "incr"
        sets.append(one)
    windows = []
    if chance.random() < 0.4:
        begin = START + HOUR * chance.uniform(0, 100)
        windows.append(
            {"start": begin, "stop": begin + HOUR * chance.uniform(1, 20), "reason": "m"}
        )
    return {
        "id": f"i{number:04d}",
        "objective": timedelta(
            seconds=chance.choice((3600, 4 * 3600, 26 * 3600, 100 * 3600, 200 * 3600))
        ),
        "protect_from": START + HOUR * chance.choice((0, 0, 13, 40)),
        "retired_at": NOW - HOUR * 30 if chance.random() < 0.15 else None,
        "windows": windows,
        "sets": sets,
    }


CASES = [history(number) for number in range(COUNT)]


@pytest.fixture(scope="module")
def built(
    make_built: Callable[[], Any], merge_rows: Callable[[Sequence[Any]], Any], rpo_oracle: Any
) -> Any:
    platform = make_built()
    platform.load(merge_rows([rpo_oracle.rows_of(case) for case in CASES]))
    platform.build(as_of=NOW)
    return platform


def test_the_random_histories_are_worth_it(rpo_oracle: Any) -> None:
    results = [rpo_oracle.judge(case) for case in CASES]
    assert sum(1 for r in results if r[1] > 0) > COUNT / 3
    assert sum(1 for r in results if r[1] == 0) > 5
    assert sum(len(r[2]) for r in results) > COUNT


def test_measured_and_violated_seconds_equal_the_oracle(built: Any, rpo_oracle: Any) -> None:
    found = {
        row[0]: row[1:]
        for row in built.query(
            "select instance_id, sum(measured_s), sum(violation_s)"
            " from marts.fct_rpo_compliance_daily group by 1"
        )
    }
    for case in CASES:
        measured, violated, _ = rpo_oracle.judge(case)
        assert found.get(case["id"], (0, 0)) == pytest.approx((measured, violated), abs=1e-3)


def test_what_turned_out_to_be_true_equals_the_oracle(built: Any, rpo_oracle: Any) -> None:
    found = dict(
        built.query(
            "select instance_id, sum(restated_violation_s)"
            " from marts.fct_rpo_compliance_daily group by 1"
        )
    )
    with built.platform.warehouse.live(as_of=NOW) as session:
        asked = rpo_compliance(session, begin=START - HOUR, end=NOW, restated=True)
    told = dict(asked.select("instance_id", "violation_s").iter_rows())
    differing = 0
    for case in CASES:
        _, violated, _ = rpo_oracle.judge(case, restated=True)
        assert found.get(case["id"], 0) == pytest.approx(violated, abs=1e-3), case["id"]
        assert told[case["id"]] == pytest.approx(violated, abs=1e-3), case["id"]
        differing += abs(violated - rpo_oracle.judge(case)[1]) > 1
    assert differing > COUNT / 50


def test_closed_intervals_equal_the_oracle(built: Any, rpo_oracle: Any) -> None:
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    for name, begin, end in built.query(
        "select instance_id, started_at, ended_at from marts.fct_rpo_violations order by 1, 2"
    ):
        found.setdefault(name, []).append((begin, end))
    for case in CASES:
        closed = [
            i for i in rpo_oracle.judge(case)[2] if i[1] < NOW or case["retired_at"] is not None
        ]
        assert found.get(case["id"], []) == closed, case["id"]


def test_the_live_status_equals_the_oracle(built: Any, rpo_oracle: Any) -> None:
    found = dict(built.query("select instance_id, exposure_s from live.live_rpo_status", as_of=NOW))
    for case in CASES:
        if case["retired_at"] is not None or case["protect_from"] > NOW:
            assert case["id"] not in found
            continue
        points = [p for a, b, p in rpo_oracle.spans(case) if a <= NOW < b]
        expected = (NOW - max(points)).total_seconds() if points else None
        assert found[case["id"]] == (pytest.approx(expected) if points else None), case["id"]


def test_any_window_of_cbcr_rpo_equals_the_oracle(built: Any, rpo_oracle: Any) -> None:
    with built.platform.warehouse.live(as_of=NOW) as session:
        found = {
            row["instance_id"]: row
            for row in rpo_compliance(session, begin=START - HOUR, end=NOW).to_dicts()
        }
    for case in CASES:
        measured, violated, _ = rpo_oracle.judge(case)
        row = found[case["id"]]
        assert (row["measured_s"], row["violation_s"]) == pytest.approx((measured, violated))
        assert row["compliance"] == pytest.approx(1 - violated / measured)
