"""Suites as files: all there, and exact about what is wrong in one."""

from pathlib import Path

import pytest

from cbcr_assets.config import ConfigError
from cbcr_assets.quality import load_suite, load_suites
from cbcr_assets.quality.suite import SUITES
from cbcr_assets.records import RAW_TABLES

GOOD = """table: pulls
expectations:
  - id: pulls_counted
    severity: error
    expect: range
    column: row_count
    least: 0
    reason: records are counted, below zero is wrong
"""


def test_every_raw_table_has_a_suite_named_after_it() -> None:
    tables = [table.name for table in RAW_TABLES if table.name != "quarantine"]
    assert [suite.table for suite in load_suites()] == tables
    assert sorted(path.stem for path in SUITES.glob("*")) == sorted(tables)


def test_ids_are_unique_over_all_suites() -> None:
    ids = [e.id for suite in load_suites() for e in suite.expectations]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("table: pulls", "table: pull", 1, "did you mean 'pulls'?"),
        ("row_count", "row_cuont", 6, "no column 'row_cuont'; did you mean 'row_count'?"),
        ("severity: error", "severity: critical", 4, "expectations[0].severity"),
        ("expect: range", "expect: rnage", 5, "did you mean 'range'?"),
        ("    least: 0\n", "", 3, "a range needs `least`, `most` or both"),
        ("least:", "lest:", 7, "unknown key; did you mean 'least'?"),
        ("reason: records", "because: records", 8, "unknown key"),
        ("id: pulls_counted", "id: Pulls counted", 3, "expectations[0].id"),
    ],
)
def test_what_is_wrong_is_told_at_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    path = tmp_path / "pulls.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_suite(path)
    assert any(p.line == line and message in str(p) for p in caught.value.problems), caught.value


def test_a_repeated_id_and_a_quarantining_uniqueness_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pulls.yaml"
    body = GOOD.split("expectations:\n")[1]
    unique = (
        "  - {id: u, severity: error, expect: unique, columns: [pull_id],"
        " reason: one row only or else a mess}\n"
    )
    path.write_text(GOOD + body + unique)
    with pytest.raises(ConfigError) as caught:
        load_suite(path)
    text = str(caught.value)
    assert "pulls.yaml:9: expectations[1].id: the id 'pulls_counted' is used above already" in text
    assert "expectations[2].severity" in text
