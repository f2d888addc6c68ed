"""History from files: typed, counted, and refused row by row with the reason."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from cbcr_assets.steps.importing import import_file
from cbcr_assets.steps.platform import Platform, open_platform
from cbcr_assets.warehouse import WarehouseError

NOW = datetime(2026, 1, 1)


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    (tmp_path / "cbcr.yaml").write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n")
    return open_platform({"CBCR_CONFIG": str(tmp_path / "cbcr.yaml")})


def stored(platform: Platform, query: str) -> list[tuple[object, ...]]:
    with platform.warehouse.live(as_of=NOW) as session:
        return session.query(query).rows()


def test_csv_rows_are_typed_and_bad_ones_quarantined(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(
        "source_id,volume,sampled_at,used_bytes\n"
        "a,v1,2026-01-01T10:00:00+02:00,5\n"
        "a,v1,2026-01-01 09:00:00,6\n"
        "a,v1,yesterday,7\n"
        ",v1,2026-01-01T11:00:00Z,8\n"
        "a,v1,2026-01-01T12:00:00Z,many\n"
    )
    report = import_file(platform, "storage_samples", path, now=NOW)
    assert (report.seen, report.inserted, report.rejected) == (5, 2, 3)
    assert "history.csv:3: sampled_at: 'yesterday'" in report.reasons[0]
    assert stored(
        platform, "select sampled_at, used_bytes from raw.storage_samples order by 1"
    ) == [
        (datetime(2026, 1, 1, 8), 5),
        (datetime(2026, 1, 1, 9), 6),
    ]
    assert stored(platform, "select count(*) from raw.quarantine") == [(3,)]


def test_importing_twice_changes_nothing(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "jobs.parquet"
    row = {"source_id": "a", "attempt_key": "1", "state": "failed", "started_at": NOW}
    pl.DataFrame([row]).write_parquet(path)
    first = import_file(platform, "backup_jobs", path, now=NOW)
    again = import_file(platform, "raw.backup_jobs", path, now=NOW)
    assert (first.inserted, again.inserted, again.updated) == (1, 0, 0)


@pytest.mark.parametrize(
    ("table", "name", "content", "message"),
    [
        ("backup_job", "x.csv", "source_id\na\n", "no raw table 'backup_job'"),
        ("pulls", "x.csv", "pull_id,colour\n1,red\n", "no column colour"),
        ("pulls", "x.xlsx", "", "cannot read .xlsx"),
        ("pulls", "x.jsonl", "{not json", "cannot be read"),
    ],
)
def test_what_cannot_be_imported_says_why(
    platform: Platform, tmp_path: Path, table: str, name: str, content: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(WarehouseError, match=message):
        import_file(platform, table, path, now=NOW)
