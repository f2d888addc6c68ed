"""Evidence goes when it is old enough, in whole days; what history rests on stays."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cbcr_assets.records import RAW_TABLES, typed_frame
from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import Platform, open_platform
from cbcr_assets.steps.retention import compact, retain, retain_daily, retention_plan
from cbcr_assets.warehouse import Session, WarehouseMissing
from cbcr_assets.warehouse.alert_history import store_history

NOW = datetime(2026, 6, 15, 12)
CONFIG = """
sources: {agents: {tool: cbcr, feeds: [{drop: inbox}]}}
retention:
  observations: 10d
  samples: 5d
  rollups_hourly: 8d
  rollups_daily: 12d
  violations: 15d
  quarantine:
"""


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """A platform with an hour's evidence for each of 20 days."""
    (tmp_path / "cbcr.yaml").write_text(CONFIG)
    platform = open_platform({"CBCR_CONFIG": str(tmp_path / "cbcr.yaml")})
    with platform.warehouse.write() as session:
        for table, rows in evidence().items():
            session.load(table, typed_frame(table, rows))
        session.execute("create schema marts")
        roll_up(session)
        session.execute(
            "create table marts.fct_rpo_violations as"
            " select sampled_at as ended_at from raw.storage_samples"
        )
    return platform


def roll_up(session: Session) -> None:
    """Make what a build would leave: rows by hour and day, with the watermark of their samples."""
    shapes = (("hourly", "hour", "sampled_at"), ("daily", "day", "sampled_at::date"))
    for mart, column, of in shapes:
        session.execute(
            f"create or replace table marts.fct_storage_{mart} as"
            f" select {of} as {column}, ingest_seq from raw.storage_samples"
        )


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


def rows_of(planned: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["table"]: row for row in planned.to_dicts()}


def test_a_plan_tells_of_every_table_and_removes_nothing(platform: Platform) -> None:
    with pytest.raises(WarehouseMissing):
        retention_plan(platform, now=NOW)
    analytics.publish(platform, now=NOW)
    planned = rows_of(retention_plan(platform, now=NOW))
    assert {f"raw.{table.name}" for table in RAW_TABLES} <= planned.keys()
    row = planned["raw.observations"]
    # Midnight ten days ago: the evidence of noon that day stays.
    assert row["before"] == datetime(2026, 6, 5)
    assert (row["rows"], row["of_rows"]) == (9, 20)
    assert row["oldest"] == NOW - timedelta(days=19)
    assert row["bytes"] == row["of_bytes"] * 9 // 20 > 0
    assert planned["raw.pulls"]["rows"] == 0
    # For ever: because nothing is written, and because history is computed from it.
    for table, group in (("raw.quarantine", "quarantine"), ("raw.backup_jobs", "facts")):
        row = planned[table]
        assert (row["group"], row["keep_s"], row["before"]) == (group, None, None)
        assert (row["rows"], row["of_rows"]) == (0, 20)
    assert planned["alerts.journal"]["keep_s"] == 1830 * 86400
    assert counts(platform)["observations"] == 20


def test_what_is_old_goes_and_attempts_stay(platform: Platform) -> None:
    removed = retain(platform, now=NOW)
    gone = {row["table"]: row["rows"] for row in removed.to_dicts() if row["rows"]}
    assert gone == {
        "raw.observations": 9, "raw.storage_samples": 14, "marts.fct_storage_hourly": 11,
        "marts.fct_storage_daily": 7, "marts.fct_rpo_violations": 4,
    }  # fmt: skip
    assert counts(platform) == {
        "observations": 11, "storage_samples": 6, "quarantine": 20, "backup_jobs": 20
    }  # fmt: skip
    assert retain(platform, now=NOW)["rows"].sum() == 0


def test_samples_wait_until_they_are_rolled_up(platform: Platform) -> None:
    late = NOW - timedelta(days=12, hours=1)
    with platform.warehouse.write() as session:
        row = {"source_id": "a", "volume": "v", "sampled_at": late}
        session.load("storage_samples", typed_frame("storage_samples", [row]))
        row = {"source_id": "a", "queue": "q", "sampled_at": late}
        session.load("queue_samples", typed_frame("queue_samples", [row]))
    removed = rows_of(retain(platform, now=NOW))
    # All of the day of the late one, for its rollup is made of the whole day.
    assert (removed["raw.storage_samples"]["rows"], removed["raw.storage_samples"]["waiting"]) == (
        13, 2,
    )  # fmt: skip
    # Nothing was ever built of these.
    assert (removed["raw.queue_samples"]["rows"], removed["raw.queue_samples"]["waiting"]) == (0, 1)
    with platform.warehouse.write() as session:
        roll_up(session)
    removed = rows_of(retain(platform, now=NOW))
    assert removed["raw.storage_samples"]["rows"] == 2
    assert counts(platform)["storage_samples"] == 6


def test_once_a_day_is_enough(platform: Platform) -> None:
    assert retain_daily(platform, now=NOW) == 45
    assert retain_daily(platform, now=NOW + timedelta(hours=11)) == 0
    assert retain_daily(platform, now=NOW + timedelta(days=1)) == 5


def test_what_a_full_refresh_has_made_anew_goes_the_same_day(platform: Platform) -> None:
    retain_daily(platform, now=NOW)
    with platform.warehouse.write() as session:
        session.execute(
            "create or replace table marts.fct_rpo_compliance_daily as"
            " select started_at::date as day from raw.backup_jobs"
        )
    assert retain_daily(platform, now=NOW + timedelta(hours=1)) == 4
    with platform.warehouse.live(as_of=NOW) as session:
        oldest = session.query("select min(day) from marts.fct_rpo_compliance_daily").item()
    assert oldest == date(2026, 5, 31)


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


def test_the_copy_of_alerts_goes_after_ten_years_but_nothing_of_one_that_goes_on(
    platform: Platform,
) -> None:
    old, newer = NOW - timedelta(days=3_700), NOW - timedelta(days=3_600)
    ends = {"over": (1, old), "late": (1, newer), "open": (1, None)}
    line = {"what": "opened", "rule": "rpo", "happened_at": old}
    sent = {"receiver": "log", "kind": "opened", "says": "firing", "created_at": old,
            "done_at": old, "state": "sent"}  # fmt: skip
    known = enumerate(ends.items(), 1)
    keys = [(number, {"fingerprint": name, "n": n}, end) for number, (name, (n, end)) in known]
    with platform.warehouse.write() as session:
        store_history(session, {
            "alert_journal": [line | key | {"id": i} for i, key, _ in keys]
            + [{"id": 9, "what": "silenced", "happened_at": old}],
            "alert_episodes": [
                key | {"rule": "rpo", "opened_at": old, "resolved_at": end} for _, key, end in keys
            ],
            "alert_deliveries": [sent | key | {"outbox_id": i} for i, key, _ in keys],
        })  # fmt: skip
    removed = rows_of(retain(platform, now=NOW))
    assert {name: (row["rows"], row["waiting"]) for name, row in removed.items()
            if row["group"] == "alert_history"} == {
        "state.alert_episodes": (1, 0), "state.alert_journal": (2, 2),
        "state.alert_deliveries": (1, 2),
    }  # fmt: skip
    with platform.warehouse.live(as_of=NOW) as session:
        for table in ("alert_episodes", "alert_journal", "alert_deliveries"):
            left = session.query(f"select fingerprint from state.{table} order by 1")
            assert left.to_series().to_list() == ["late", "open"], table
