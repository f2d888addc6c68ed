"""Rows in quarantine: left out of the models, and back once they are good or released."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbcr_assets.quality import load_suites, release
from cbcr_assets.records import raw_table

pytestmark = pytest.mark.slow

STAGING = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "staging"
START = datetime(2026, 3, 1, 1)


def job(key: str, **more: Any) -> dict[str, Any]:
    times = {"started_at": START, "finished_at": START + timedelta(hours=1)}
    return {"source_id": "a", "attempt_key": key, "state": "succeeded", "last_seen_at": START} | (
        times | more
    )


def entry(identity: str, native_id: str) -> dict[str, Any]:
    return {
        "quarantine_id": identity, "table_name": "backup_jobs", "native_id": native_id,
        "rule": "r", "observed_at": START,
    }  # fmt: skip


def test_every_staged_table_with_an_error_leaves_refused_rows_out() -> None:
    staged = 0
    for suite in load_suites():
        model = STAGING / f"stg_{suite.table}.sql"
        if not model.is_file() or all(e.severity == "warning" for e in suite.expectations):
            continue
        call = re.search(r"accepted\('(\w+)', \[(.*?)\]\)", model.read_text())
        assert call is not None, model.name
        assert call[1] == suite.table
        assert tuple(re.findall(r"\w+", call[2])) == raw_table(suite.table).key
        staged += 1
    assert staged == 8


def test_a_refused_row_leaves_and_comes_back(make_built: Callable[[], Any]) -> None:
    built = make_built()
    built.load({"backup_jobs": [job("good"), job('odd"|1')]})
    count = "select attempt_key from marts.fct_backup_attempts order by 1"
    built.build()
    assert built.query(count) == [("good",), ('odd"|1',)]

    rows = [entry("1", '["a", "odd\\"|1"]'), entry("2", "inbox/file.json:3"), entry("3", '"a"')]
    built.load({"quarantine": rows})
    built.build("+fct_backup_attempts")
    assert built.query(count) == [("good",)]
    assert built.query("select count(*) from staging.stg_backup_jobs") == [(1,)]

    with built.platform.warehouse.write() as session:
        assert release(session, "1", now=START)
    built.build("+fct_backup_attempts")
    assert built.query(count) == [("good",), ('odd"|1',)]
