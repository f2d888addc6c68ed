"""The pull: nothing lost, nothing doubled, absence believed only where it may be."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbcr_assets.connectors import pull as pull_module
from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.pgbackrest import PgBackRest
from cbcr_assets.connectors.pull import PullReport, batches, pull
from cbcr_assets.connectors.registry import connector
from cbcr_assets.connectors.transports.drop import OfferedFile, offered
from cbcr_assets.warehouse import FileWarehouse, WarehouseError

NOW = datetime(2026, 6, 15, 12)
Drop = Callable[..., None]


@pytest.fixture
def warehouse(tmp_path: Path) -> FileWarehouse:
    return FileWarehouse(tmp_path / "w.duckdb", tmp_path / "s")


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    def put(kind: str, payload: Any, *, at: datetime, **facts: Any) -> None:
        folder = tmp_path / "inbox" / "s" / kind
        folder.mkdir(parents=True, exist_ok=True)
        stamp = at.isoformat() + "Z"
        envelope = {"source_id": "s", "started_at": stamp, "finished_at": stamp,
                    "payload": payload, **facts}  # fmt: skip
        (folder / f"{at:%Y%m%dT%H%M%S}Z-{kind}.json").write_text(json.dumps(envelope))

    return put


def run(
    tmp_path: Path, warehouse: FileWarehouse, tool: Any = None, *, keep: bool = False
) -> PullReport:
    """Pull everything on offer; what is acknowledged disappears unless `keep`."""

    def acknowledge(files: Any) -> None:
        for file in files:
            if not keep:
                file.path.unlink()

    files = offered(tmp_path / "inbox", "s")
    reader = tool or PgBackRest()
    return pull(warehouse, "s", reader, files, timezone="UTC", now=NOW, acknowledge=acknowledge)


def rows(warehouse: FileWarehouse, sql: str) -> list[tuple[Any, ...]]:
    with warehouse.live(as_of=NOW) as session:
        return session.query(sql).rows()


def info(*labels: str, code: int = 0) -> list[dict[str, Any]]:
    status = {"code": code, "message": "m", "lock": {"backup": {"held": False}}}
    backups = [
        {"label": label, "type": "full", "prior": None, "reference": None, "error": False,
         "database": {"id": 1, "repo-key": 1},
         "timestamp": {"start": 1781000000, "stop": 1781000060},
         "archive": {"start": "0", "stop": "1"}, "lsn": {"start": "0/0", "stop": "0/1"},
         "backrest": {"format": 5, "version": "2.45"},
         "info": {"size": 5, "delta": 5, "repository": {"size": 3, "delta": 3}}}
        for label in labels
    ]  # fmt: skip
    return [{"name": "orders", "status": status, "backup": backups, "archive": [], "cipher": "none",
             "db": [{"id": 1, "repo-key": 1, "system-id": 7, "version": "15"}],
             "repo": [{"key": 1, "cipher": "none", "status": status}]}]  # fmt: skip


LIFE = "select label, lifecycle, unusable_from from raw.backup_sets order by label"
A, B = "20260609-101320F", "20260609-101321F"


def test_absence_from_a_complete_listing_is_expiry_and_return_takes_it_back(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop
) -> None:
    drop("info", info(A, B), at=NOW - timedelta(hours=3))
    run(tmp_path, warehouse)
    drop("info", info(B), at=NOW - timedelta(hours=2))
    run(tmp_path, warehouse)
    gone = NOW - timedelta(hours=2)
    assert rows(warehouse, LIFE) == [(A, "expired", gone), (B, "available", None)]
    drop("info", info(A, B), at=NOW - timedelta(hours=1))
    run(tmp_path, warehouse)
    assert rows(warehouse, LIFE) == [(A, "available", None), (B, "available", None)]


@pytest.mark.parametrize("answer", [info(code=1), [], info(code=99)])
def test_a_missing_repository_never_reads_as_all_expired(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop, answer: Any
) -> None:
    drop("info", info(A), at=NOW - timedelta(hours=3))
    run(tmp_path, warehouse)
    drop("info", answer, at=NOW - timedelta(hours=2), rc=0)
    report = run(tmp_path, warehouse)
    assert not report.ok
    assert rows(warehouse, LIFE) == [(A, "available", None)]
    pulls = "select ok, complete from raw.pulls order by finished_at"
    assert rows(warehouse, pulls) == [(True, True), (False, False)]


def test_an_older_listing_that_arrives_late_expires_nothing(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop
) -> None:
    drop("info", info(A, B), at=NOW - timedelta(hours=1))
    run(tmp_path, warehouse)
    drop("info", info(B), at=NOW - timedelta(hours=2))
    run(tmp_path, warehouse)
    assert [row[1] for row in rows(warehouse, LIFE)] == ["available", "available"]


def test_an_older_listing_that_arrives_late_brings_nothing_back(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop
) -> None:
    drop("info", info(A, B), at=NOW - timedelta(hours=3))
    run(tmp_path, warehouse)
    drop("info", info(B), at=NOW - timedelta(hours=1))
    run(tmp_path, warehouse)
    drop("info", info(A, B), at=NOW - timedelta(hours=2))
    run(tmp_path, warehouse)
    assert rows(warehouse, LIFE)[0] == (A, "expired", NOW - timedelta(hours=1))


BEGIN = (
    "-------------------PROCESS START-------------------\n"
    "2026-06-15 10:00:00.000 P00   INFO: backup command begin 2.45: --exec-id=1-a"
    " --stanza=orders --type=full\n"
)
END = "2026-06-15 10:05:00.000 P00   INFO: backup command end: aborted with exception [064]\n"


def test_a_log_cut_between_two_pulls_makes_one_attempt(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop
) -> None:
    jobs = "select state, error_code from raw.backup_jobs"
    drop("backup_log", BEGIN[:70], at=NOW - timedelta(minutes=9), stream="l")
    run(tmp_path, warehouse)
    drop("backup_log", BEGIN[70:], at=NOW - timedelta(minutes=8), stream="l")
    run(tmp_path, warehouse)
    assert rows(warehouse, jobs) == [("running", None)]
    drop("backup_log", END, at=NOW - timedelta(minutes=7), stream="l")
    run(tmp_path, warehouse)
    assert rows(warehouse, jobs) == [("failed", "064")]
    assert rows(warehouse, "select count(*) from raw.quarantine") == [(0,)]


def test_a_file_offered_again_after_a_crash_changes_nothing(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop
) -> None:
    drop("backup_log", BEGIN + END, at=NOW - timedelta(minutes=8), stream="l")
    drop("info", info(A), at=NOW - timedelta(minutes=7))
    run(tmp_path, warehouse, keep=True)
    tables = ("backup_jobs", "backup_sets", "observations", "pulls", "quarantine")
    before = {table: rows(warehouse, f"from raw.{table} order by all") for table in tables}
    again = run(tmp_path, warehouse, keep=True)
    assert {t: rows(warehouse, f"from raw.{t} order by all") for t in tables} == before
    assert sum(result.changed for result in again.loaded) == 0


def test_a_failing_store_acknowledges_nothing(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("info", info(A), at=NOW - timedelta(minutes=7))

    def full(*_: object, **__: object) -> None:
        raise WarehouseError("nothing was stored, the commit failed: No space left on device")

    monkeypatch.setattr("cbcr_assets.connectors.pull.observe", full)
    with pytest.raises(WarehouseError, match="No space left"):
        run(tmp_path, warehouse)
    assert len(offered(tmp_path / "inbox", "s")) == 1
    assert rows(warehouse, "select count(*) from raw.backup_sets") == [(0,)]


def test_unreadable_files_are_quarantined_whole_and_the_others_are_read(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop
) -> None:
    drop("info", info(A), at=NOW - timedelta(minutes=7))
    folder = tmp_path / "inbox" / "s" / "info"
    (folder / "20260101T000000Z-cut.json").write_text('{"source_id": "s", "finis')
    (folder / "20260101T000001Z-bytes.json").write_bytes(b"\xff\xfe\x00garbage")
    drop("no_such_kind", {}, at=NOW - timedelta(minutes=6))
    report = run(tmp_path, warehouse)
    assert (report.files, report.rejected) == (4, 3)
    refused = rows(warehouse, "select native_id, reason from raw.quarantine order by native_id")
    assert [name.split(":")[0] for name, _ in refused] == [
        "20260101T000000Z-cut.json", "20260101T000001Z-bytes.json",
        "20260615T115400Z-no_such_kind.json",
    ]  # fmt: skip
    assert all(reason for _, reason in refused)
    assert rows(warehouse, LIFE) == [(A, "available", None)]


class Broken:
    tool = "broken"
    kinds = frozenset({"info"})

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        raise ZeroDivisionError("a bug")


def test_a_bug_in_a_connector_quarantines_and_goes_on(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop
) -> None:
    drop("info", info(A), at=NOW - timedelta(minutes=7))
    report = run(tmp_path, warehouse, Broken())
    assert not report.ok
    assert "a bug" in rows(warehouse, "select reason from raw.quarantine")[0][0]


def test_a_clock_that_runs_ahead_does_not_look_fresh(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop
) -> None:
    drop("info", info(A), at=NOW + timedelta(days=2))
    run(tmp_path, warehouse)
    assert rows(warehouse, "select max(finished_at) from raw.pulls") == [(NOW,)]


def test_every_record_is_parsed_or_rejected(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop
) -> None:
    lines = '{"event": "queued"}\n[1]\n{"event": "begin", "run_id": "1", "instance": "i", "type": '
    lines += '"full", "started_at": "2026-06-15T10:00:00Z"}\nnot json\n'
    drop("job_log", lines, at=NOW - timedelta(minutes=7), stream="j")
    report = run(tmp_path, warehouse, connector("cbcr"))
    loaded = sum(result.seen for result in report.loaded if result.table == "backup_jobs")
    assert report.seen == 4 == loaded + report.rejected


def snapshots(*names: str) -> list[dict[str, Any]]:
    return [
        {"id": name * 8, "hostname": f"db-{name}", "time": "2026-06-15T09:00:00Z"} for name in names
    ]


def test_a_whole_source_lists_everything_even_when_it_lists_nothing(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop
) -> None:
    drop("snapshots", snapshots("a", "b"), at=NOW - timedelta(hours=2))
    run(tmp_path, warehouse, connector("restic"))
    drop("snapshots", snapshots("b"), at=NOW - timedelta(hours=1))
    run(tmp_path, warehouse, connector("restic"))
    fates = "select native_instance, lifecycle from raw.backup_sets order by 1"
    assert rows(warehouse, fates) == [("db-a", "expired"), ("db-b", "available")]
    drop("snapshots", [], at=NOW)
    run(tmp_path, warehouse, connector("restic"))
    assert rows(warehouse, fates) == [("db-a", "expired"), ("db-b", "expired")]


def test_a_check_judges_what_lay_there_and_a_good_one_takes_it_back(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop
) -> None:
    judged = "select integrity, unusable_from from raw.backup_sets"
    drop("snapshots", snapshots("a"), at=NOW - timedelta(hours=2))
    run(tmp_path, warehouse, connector("restic"))
    found_at = NOW - timedelta(hours=1)
    drop("check", "Fatal: repository contains errors", at=found_at, rc=1)
    run(tmp_path, warehouse, connector("restic"))
    assert rows(warehouse, judged) == [("corrupt", found_at)]
    drop("snapshots", snapshots("a"), at=NOW - timedelta(minutes=30))
    run(tmp_path, warehouse, connector("restic"))
    assert rows(warehouse, judged) == [("corrupt", found_at)]
    drop("check", "read all data\nno errors were found\n", at=NOW)
    run(tmp_path, warehouse, connector("restic"))
    assert rows(warehouse, judged) == [("ok", None)]


def test_a_backlog_is_cut_into_batches_in_order(tmp_path: Path) -> None:
    mib = 1024 * 1024
    sizes = [10, 20, 30, 40 * mib, 5, 20 * mib, 20 * mib]
    files = [OfferedFile(tmp_path / str(n), "info", size, 0) for n, size in enumerate(sizes)]
    cut = batches(files)
    assert [file for batch in cut for file in batch] == files
    assert [len(batch) for batch in cut] == [3, 1, 2, 1]
    assert batches([]) == []


def test_a_failing_batch_leaves_what_came_before_it(
    tmp_path: Path, warehouse: FileWarehouse, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"event": "backup", "instance": "db1", "type": "full", "rc": 0,
            "started_at": "2026-06-15T01:00:00Z",
            "finished_at": "2026-06-15T02:00:00Z"}  # fmt: skip
    for hour in (3, 4, 5):
        payload = json.dumps(line | {"run_id": f"r{hour}"}) + "\n"
        drop("job_log", payload, at=datetime(2026, 6, 15, hour), stream="l")
    monkeypatch.setattr("cbcr_assets.connectors.pull.BATCH_BYTES", 1)
    whole, calls = pull_module.observe, []

    def failing(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise WarehouseError("no space")
        whole(*arguments)

    monkeypatch.setattr(pull_module, "observe", failing)
    with pytest.raises(WarehouseError):
        run(tmp_path, warehouse, connector("cbcr"))
    assert rows(warehouse, "select attempt_key from raw.backup_jobs") == [("r3",)]
    report = run(tmp_path, warehouse, connector("cbcr"))
    assert (report.files, report.seen) == (2, 2)
    assert rows(warehouse, "select attempt_key from raw.backup_jobs order by 1") == [
        ("r3",), ("r4",), ("r5",),
    ]  # fmt: skip
