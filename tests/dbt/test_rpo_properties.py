"""RPO of histories that hypothesis makes up, against the oracle; what differs is made small.

The real dbt builds once while its statements are recorded; each example replays them on other raw
rows. What happens at one moment, takes no time, goes in circles or overlaps is drawn often: times
are few and round on purpose.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cbcr_assets.records import typed_frame
from cbcr_assets.reports.rpo import rpo_compliance
from cbcr_assets.steps import analytics
from cbcr_assets.warehouse import DuckSession, settle

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)
DAYS = 6
HOURS = st.integers(0, 24 * DAYS + 6)
KINDS = ("full", "incr", "diff", "dump", "snapshot")
MODELS = (
    "dim_instances", "int_failed_labels", "int_set_news", "int_archive_stretches",
    "int_changed_sets",
    "int_rpo_scope", "int_open_sets", "int_rpo_changed_steps", "int_rpo_intervals",
    "int_attempts_kept", "int_attempt_totals", "fct_backup_attempts", "fct_rpo_violations",
    "fct_rpo_compliance_daily",
)  # fmt: skip


@st.composite
def histories(draw: Callable[[Any], Any], begin: Any) -> dict[str, Any]:
    """Draw the history of one instance; its id is given later."""
    count = draw(st.integers(0, 6))
    parents = st.one_of(st.none(), st.integers(0, max(count - 1, 0)), st.just(99))
    after = st.one_of(st.none(), st.integers(0, 60))
    sets = []
    for number in range(count):
        started = begin + HOUR * draw(HOURS)
        finished = started + HOUR * draw(st.sampled_from((0, 0.25, 1, 9)))
        kind, gone, bad = draw(st.sampled_from(KINDS)), draw(after), draw(after)
        parent = draw(parents) if kind in ("incr", "diff") or draw(st.booleans()) else None
        sets.append({
            "label": f"s{number}", "backup_type": kind, "started_at": started,
            "finished_at": finished, "parent_label": None if parent is None else f"s{parent}",
            "recovery_point_at": started if kind in ("dump", "snapshot") else finished,
            "gone_at": None if gone is None else finished + HOUR * gone,
            "bad_at": None if bad is None else finished + HOUR * bad,
        })  # fmt: skip
    windows = [
        {"start": begin + HOUR * low, "stop": begin + HOUR * (low + hours), "reason": "m"}
        for low, hours in draw(st.lists(st.tuples(HOURS, st.integers(1, 30)), max_size=2))
    ]
    retired = draw(st.one_of(st.none(), st.integers(60, 24 * DAYS)))
    return {
        "objective": HOUR * draw(st.sampled_from((0, 1, 4, 26, 100, 200))),
        "protect_from": begin + HOUR * draw(st.sampled_from((0, 0, 13, 40))),
        "retired_at": None if retired is None else begin + HOUR * retired,
        "windows": windows,
        "sets": sets,
    }


def named(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each history an instance and labels of its own."""
    cases = []
    for number, one in enumerate(drawn):
        own = f"i{number:03d}"
        sets = [
            s | {"label": f"{own}-{s['label']}",
                 "parent_label": s["parent_label"] and f"{own}-{s['parent_label']}"}
            for s in one["sets"]
        ]  # fmt: skip
        cases.append(one | {"id": own, "sets": sets})
    return cases


class Replay:
    """The statements of a first build of RPO, replayed on raw rows."""

    def __init__(self, built: Any, oracle: Any) -> None:
        """Build once at the oracle's present, and record it."""
        self.oracle = oracle
        begin = oracle.NOW - timedelta(days=DAYS)
        case = {"id": "i", "objective": HOUR, "protect_from": begin, "retired_at": None,
                "windows": [], "sets": []}  # fmt: skip
        built.load(oracle.rows_of(case) | {"backup_sets": []})
        report = analytics.dbt(built.platform, [
            "--log-format", "json", "--log-level", "debug", "run", "--threads", "1",
            "--full-refresh", "--vars", f"{{cbcr_as_of: '{oracle.NOW}'}}", "--select",
            "+fct_rpo_violations", "+fct_rpo_compliance_daily", "+live_rpo_status",
            "+int_rpo_steps", "+int_rpo_restated_steps", "+dim_instances",
        ])  # fmt: skip
        assert report.ok, report.output[-3000:]
        self.statements = [sql for sql in map(self._told, report.output.splitlines()) if sql]
        self.con = duckdb.connect(str(built.platform.config.warehouse))
        settle(self.con)

    @staticmethod
    def _told(line: str) -> str | None:
        event = json.loads(line) if '"SQLQuery"' in line else {}
        node = event.get("data", {}).get("node_info", {}).get("node_name")
        sql = event.get("data", {}).get("sql", "")
        is_told = node in MODELS and sql.lower().strip(" \n;") not in ("begin", "commit")
        return sql if is_told else None

    def of(self, cases: list[dict[str, Any]]) -> None:
        """Forget all raw rows, load those of some cases and build."""
        session = DuckSession(self.con)
        for table in ("instances", "backup_sets"):
            session.execute(f"delete from raw.{table}")
            rows = [row for case in cases for row in self.oracle.rows_of(case)[table]]
            session.load(table, typed_frame(table, rows))
        session.execute("delete from state.build_marks")
        for name in MODELS:
            schema = "marts" if name.startswith(("fct", "dim")) else "intermediate"
            session.execute(f"drop table if exists {schema}.{name}")
        for statement in self.statements:
            session.execute(statement)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def replay(make_built: Callable[[], Any], rpo_oracle: Any) -> Any:
    made = Replay(make_built(), rpo_oracle)
    yield made
    made.con.close()


def test_statements_were_recorded(replay: Replay) -> None:
    assert all(any(f'"{name}' in sql for sql in replay.statements) for name in MODELS)


def compare(replay: Replay, cases: list[dict[str, Any]]) -> None:
    """Hold what the models say of some histories against the oracle."""
    oracle = replay.oracle
    daily = {
        row[0]: row[1:]
        for row in replay.rows(
            "select instance_id, sum(measured_s), sum(violation_s), sum(restated_violation_s)"
            " from marts.fct_rpo_compliance_daily group by 1"
        )
    }
    closed: dict[str, list[Any]] = {case["id"]: [] for case in cases}
    for name, *span in replay.rows(
        "select instance_id, started_at, ended_at from marts.fct_rpo_violations order by 1, 2"
    ):
        closed[name].append(tuple(span))
    ages = dict(replay.rows("select instance_id, exposure_s from live.live_rpo_status"))
    for case in cases:
        measured, violated, intervals = oracle.judge(case)
        _, restated, _ = oracle.judge(case, restated=True)
        found = daily.get(case["id"], (0, 0, 0))
        assert found == pytest.approx((measured, violated, restated), abs=1e-3)
        is_over = case["retired_at"] is not None and case["retired_at"] <= oracle.NOW
        assert closed[case["id"]] == [i for i in intervals if i[1] < oracle.NOW or is_over]
        points = [p for a, b, p in oracle.spans(case) if a <= oracle.NOW < b]
        age = (oracle.NOW - max(points)).total_seconds() if points else None
        assert case["id"] not in ages if is_over else ages[case["id"]] == age


def compare_one(replay: Replay, case: dict[str, Any]) -> None:
    """Hold what is said of one instance alone against what is said of it among all."""
    name = case["id"]
    for steps in ("int_rpo_steps", "int_rpo_restated_steps"):
        of_all = f"select * from intermediate.{steps} where instance_id = '{name}'"
        of_one = f"from intermediate.{steps}_of('{name}')"
        assert replay.rows(f"{of_all} order by all") == replay.rows(f"{of_one} order by all")
    session, now = DuckSession(replay.con), replay.oracle.NOW
    asked = rpo_compliance(
        session, begin=now - timedelta(days=DAYS + 1), end=now, instance=name, restated=True
    )
    _, restated, _ = replay.oracle.judge(case, restated=True)
    assert asked["violation_s"].to_list() == pytest.approx([restated], abs=1e-3)


@settings(
    max_examples=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(data=st.data())
def test_any_history_equals_the_oracle(replay: Replay, data: st.DataObject) -> None:
    begin = replay.oracle.NOW - timedelta(days=DAYS)
    drawn = data.draw(st.lists(histories(begin), min_size=1, max_size=60))
    cases = named(drawn)
    replay.of(cases)
    compare(replay, cases)
    compare_one(replay, cases[0])
