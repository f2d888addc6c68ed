"""Evidence goes when it is old enough, in whole days; what history rests on stays."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cbcr_assets.records import typed_frame
from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import Platform, open_platform
from cbcr_assets.steps.retention import compact, retain, retain_daily, retention_plan
from cbcr_assets.warehouse import WarehouseMissing

NOW = datetime(2026, 6, 15, 12)
CONFIG = """
sources: {agents: {tool: cbcr, feeds: [{drop: inbox}]}}
retention: {observations: 10d, samples: 5d, quarantine: null}
"""


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """A platform with an hour's evidence for each of 20 days."""
    (tmp_path / "cbcr.yaml").write_text(CONFIG)
    platform = open_platform({"CBCR_CONFIG": str(tmp_path / "cbcr.yaml")})
    with platform.warehouse.write() as session:
        for table, rows in evidence().items():
            session.load(table, typed_frame(table, rows))
    return platform


def evidence() -> dict[str, list[dict[str, object]]]:
    days = [(n, NOW - timedelta(days=n)) for n in range(20)]
    return {
        "observations": [
            {"source_id": "a", "kind": "k", "native_id": f"{n}", "content_sha256": "x",
             "observed_at": at, "payload": "x" * 50_000} for n, at in days
        ],
        "storage_samples": [{"source_id": "a", "volume": "v", "sampled_at": at} for _, at in days],
        "quarantine": [{"quarantine_id": f"{n}", "observed_at": at} for n, at in days],
        "backup_jobs": [
            {"source_id": "a", "attempt_key": f"{n}", "started_at": at} for n, at in days
        ],
    }  # fmt: skip


def counts(platform: Platform) -> dict[str, int]:
    with platform.warehouse.live(as_of=NOW) as session:
        return {
            table: session.query(f"select count(*) from raw.{table}").item() for table in evidence()
        }


def test_a_plan_tells_rows_and_bytes_and_removes_nothing(platform: Platform) -> None:
    with pytest.raises(WarehouseMissing):
        retention_plan(platform, now=NOW)
    analytics.publish(platform, now=NOW)
    planned = {row["table"]: row for row in retention_plan(platform, now=NOW).to_dicts()}
    assert "quarantine" not in planned
    row = planned["observations"]
    # Midnight ten days ago: the evidence of noon that day stays.
    assert row["before"] == datetime(2026, 6, 5)
    assert (row["rows"], row["of_rows"]) == (9, 20)
    assert row["oldest"] == NOW - timedelta(days=19)
    assert row["bytes"] > 0
    assert planned["pulls"]["rows"] == 0
    assert counts(platform)["observations"] == 20


def test_what_is_old_goes_and_attempts_stay(platform: Platform) -> None:
    removed = retain(platform, now=NOW)
    assert removed["rows"].sum() == 9 + 14
    assert counts(platform) == {
        "observations": 11, "storage_samples": 6, "quarantine": 20, "backup_jobs": 20
    }  # fmt: skip
    assert retain(platform, now=NOW)["rows"].sum() == 0


def test_once_a_day_is_enough(platform: Platform) -> None:
    assert retain_daily(platform, now=NOW) == 23
    assert retain_daily(platform, now=NOW + timedelta(hours=11)) == 0
    assert retain_daily(platform, now=NOW + timedelta(days=1)) == 2


def test_a_compacted_file_is_smaller_and_says_the_same(platform: Platform) -> None:
    retain(platform, now=NOW)
    with platform.warehouse.write() as session:
        session.execute("create view raw.seen as select count(*) as n from raw.backup_jobs")
        before = session.next_seq()
    kept = counts(platform)
    old, new = compact(platform)
    assert new < old
    assert counts(platform) == kept
    with platform.warehouse.write() as session:
        assert session.query("select n from raw.seen").item() == 20
        assert session.next_seq() > before
    assert not list(platform.config.warehouse.parent.glob("*.compact"))
