"""The contract's run: failing rows leave, repaired and released ones come back."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbcr_assets.quality import (
    check_tables,
    find_quarantined,
    list_quarantine,
    load_suites,
    release,
)
from cbcr_assets.quality.engine import great_expectations
from cbcr_assets.quality.runner import SuiteReport
from cbcr_assets.quality.suite import Suite
from cbcr_assets.warehouse import FileWarehouse

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 2, 12)
EARLY = datetime(2026, 3, 2, 0, 30)
REVERSED = "backup_jobs_finished_after_started"
Load = Callable[..., None]


@pytest.fixture(autouse=True, scope="module")
def _imported() -> None:
    """Great Expectations warns while it is imported; that is its own business."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        great_expectations()


def check(warehouse: FileWarehouse, table: str = "backup_jobs") -> SuiteReport:
    suites = [suite for suite in load_suites() if suite.table == table]
    return check_tables(warehouse, suites, now=NOW)[0]


def failed(report: SuiteReport) -> set[str]:
    assert [v.error for v in report.verdicts if v.error] == []
    return {verdict.expectation.id for verdict in report.verdicts if not verdict.passed}


def entries(warehouse: FileWarehouse, *, released: bool = False) -> list[dict[str, Any]]:
    with warehouse.write() as session:
        return list_quarantine(session, released=released).to_dicts()


def test_good_rows_pass_and_are_looked_at_once(warehouse: FileWarehouse, load: Load) -> None:
    load("backup_jobs", {}, {"attempt_key": "2", "state": "running", "finished_at": None})
    load("instances", {"instance_id": "orders"})
    first, again = check(warehouse), check(warehouse)
    assert (first.rows, again.rows) == (2, 0)
    assert failed(first) == failed(again) == set()
    assert entries(warehouse, released=True) == []


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"finished_at": EARLY}, REVERSED),
        ({"state": "done"}, "backup_jobs_state_known"),
        ({"state": None}, "backup_jobs_has_state"),
        ({"source_bytes": -1}, "backup_jobs_source_bytes_not_negative"),
        ({"started_at": datetime(1970, 1, 1)}, "backup_jobs_started_at_plausible"),
        ({"finished_at": NOW + timedelta(days=2)}, "backup_jobs_finished_at_plausible"),
    ],
)
def test_an_error_puts_exactly_the_failing_row_away(
    warehouse: FileWarehouse, load: Load, row: dict[str, Any], expected: str
) -> None:
    load("backup_jobs", {}, {"attempt_key": 'bad|"1', **row}, {"attempt_key": "3"})
    report = check(warehouse)
    assert expected in failed(report)
    assert report.quarantined == 1
    (entry,) = [e for e in entries(warehouse) if e["rule"] == expected]
    assert json.loads(entry["native_id"]) == ["agents", 'bad|"1']
    assert entry["table_name"] == "backup_jobs"
    with warehouse.write() as session:
        payload = json.loads(find_quarantined(session, entry["quarantine_id"])["payload"].item())
    assert payload["tool"] == "cbcr"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"instance_id": "ghost"}, "backup_jobs_instance_in_inventory"),
        ({"duration_s": 3_600_000.0}, "backup_jobs_duration_in_seconds"),
        ({"backup_type": "partial"}, "backup_jobs_backup_type_known"),
    ],
)
def test_a_warning_leaves_the_row_in(
    warehouse: FileWarehouse, load: Load, row: dict[str, Any], expected: str
) -> None:
    load("instances", {"instance_id": "orders"})
    load("backup_jobs", {"instance_id": "orders"}, {"attempt_key": "2", **row})
    assert failed(check(warehouse)) == {expected}
    assert entries(warehouse) == []


def test_volume_is_compared_with_the_day_before(warehouse: FileWarehouse, load: Load) -> None:
    yesterday = NOW - timedelta(hours=30)
    many = [{"attempt_key": f"y{i}", "first_seen_at": yesterday} for i in range(10)]
    load("backup_jobs", *many, {"attempt_key": "today"})
    assert failed(check(warehouse)) == {"backup_jobs_volume"}
    load("backup_jobs", *({"attempt_key": f"t{i}"} for i in range(9)))
    assert failed(check(warehouse)) == set()


def test_a_repaired_row_counts_again(warehouse: FileWarehouse, load: Load) -> None:
    load("backup_jobs", {"finished_at": EARLY})
    check(warehouse)
    load("backup_jobs", {"last_seen_at": NOW})
    report = check(warehouse)
    assert report.repaired == 1
    assert entries(warehouse) == []
    assert [e["released_at"] for e in entries(warehouse, released=True)] == [NOW]


def test_a_released_row_stays_until_its_content_changes(
    warehouse: FileWarehouse, load: Load
) -> None:
    load("backup_jobs", {"finished_at": EARLY})
    check(warehouse)
    (entry,) = entries(warehouse)
    silent = check(warehouse)
    assert silent.rows == 0
    assert failed(silent) == {REVERSED}, "nothing new is no repair"
    with warehouse.write() as session:
        before = session.query("select ingest_seq from raw.backup_jobs").item()
        assert release(session, entry["quarantine_id"], now=NOW)
        assert not release(session, entry["quarantine_id"], now=NOW)
        assert session.query("select ingest_seq from raw.backup_jobs").item() > before
    assert failed(check(warehouse)) == set()
    assert entries(warehouse) == []
    load("backup_jobs", {"finished_at": EARLY - timedelta(minutes=1), "last_seen_at": NOW})
    check(warehouse)
    assert [e["rule"] for e in entries(warehouse)] == [REVERSED]


def test_a_changed_inventory_lets_refused_rows_be_judged_again(
    warehouse: FileWarehouse, load: Load
) -> None:
    known = {
        "id": "in_inventory", "expect": "in_inventory", "column": "instance_id",
        "severity": "error", "reason": "Its rows would count for nobody at all.",
    }  # fmt: skip
    suite = Suite.model_validate({"table": "backup_jobs", "expectations": [known]})
    load("backup_jobs", {"instance_id": "late"}, {"attempt_key": "2", "instance_id": "ghost"})
    first = check_tables(warehouse, [suite], now=NOW)[0]
    assert (first.rows, first.quarantined) == (2, 2)
    silent = check_tables(warehouse, [suite], now=NOW)[0]
    assert (silent.rows, silent.repaired) == (0, 0), "nothing changed"

    with warehouse.write() as session:
        seen = session.query("select max(ingest_seq) from raw.backup_jobs").item()
    load("instances", {"instance_id": "late"})
    again = check_tables(warehouse, [suite], now=NOW)[0]
    assert (again.rows, again.repaired) == (2, 1)
    assert [json.loads(e["native_id"]) for e in entries(warehouse)] == [["agents", "2"]]
    with warehouse.write() as session:
        assert session.query(
            "select attempt_key from raw.backup_jobs where ingest_seq > $seen order by 1",
            {"seen": seen},
        ).to_series().to_list() == ["1", "2"], "incremental models must read it again"  # fmt: skip


@pytest.mark.parametrize("suite", load_suites(), ids=lambda suite: suite.table)
def test_every_suite_can_be_evaluated_on_empty_columns(
    warehouse: FileWarehouse, load: Load, suite: Any
) -> None:
    from cbcr_assets.records import raw_table

    def value(name: str, kind: str) -> Any:
        return {"timestamp": NOW, "text": name}[kind]

    table = raw_table(suite.table)
    kinds = {column.name: column.kind for column in table.columns}
    load(suite.table, {name: value(name, kinds[name]) for name in table.key})
    report = check_tables(warehouse, [suite], now=NOW)[0]
    assert report.rows == 1
    assert [v.error for v in report.verdicts if v.error] == []


def test_no_file_is_written(
    warehouse: FileWarehouse, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    load("backup_jobs", {"finished_at": EARLY})
    check(warehouse)
    assert list(folder.iterdir()) == []
