"""One lab run, five tools: what each of them tells fits together, whatever the process's zone."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cbcr_assets.connectors.base import Parsed

pytestmark = pytest.mark.usefixtures("process_zone")
Read = Callable[..., Parsed]
Said = Callable[[str, str], str]


def rows(parsed: Parsed, table: str) -> list[dict[str, Any]]:
    return list(parsed.frames[table].rows(named=True))


def test_the_log_has_three_attempts_and_the_catalog_two_sets(read: Read, said: Said) -> None:
    log = read("pgbackrest", "backup_log", said("e2e", "orders-backup.log"), stream="log:x",
               native_id="orders-backup.log")  # fmt: skip
    attempts = rows(log, "backup_jobs")
    assert [row["state"] for row in attempts] == ["succeeded", "succeeded", "failed"]
    assert attempts[2]["error_code"] == "056"
    sets = rows(read("pgbackrest", "info", said("e2e", "pgbackrest_info.json")), "backup_sets")
    assert [row["backup_type"] for row in sets] == ["full", "incr"]
    assert {row["label"] for row in sets} == {row["backup_label"] for row in attempts[:2]}
    # The catalog counts whole seconds, the log milliseconds: one run by both.
    for attempt, kept in zip(attempts, sets, strict=False):
        assert attempt["started_at"] <= kept["finished_at"] <= attempt["finished_at"]


def test_the_restore_as_its_tool_saw_it(read: Read, said: Said) -> None:
    text = said("e2e", "orders-restore.log")
    (row,) = rows(
        read("pgbackrest", "restore_log", text, stream="log:y", native_id="orders-restore.log"),
        "restore_jobs",
    )
    assert (row["state"], row["verification"]) == ("succeeded", "none")
    assert row["restored_at"] == datetime(2026, 11, 23, 5, 11, 48, 158_000)


def test_the_dump_in_restic(read: Read, said: Said) -> None:
    (made,) = rows(read("restic", "snapshots", said("e2e", "restic_snapshots.json")), "backup_sets")
    (attempt,) = rows(read("restic", "backup", said("e2e", "restic_backup.json")), "backup_jobs")
    assert made["label"].startswith(attempt["backup_label"])
    assert (made["native_instance"], attempt["source_bytes"]) == ("orders", 2_075_656)
    assert made["recovery_point_at"] == datetime(2026, 11, 23, 5, 11, 53, 934_527)


def test_the_archive_reached_the_last_segment(read: Read, said: Said) -> None:
    (look,) = rows(
        read("postgresql", "archiver", said("e2e", "pg_stat_archiver.json")), "log_archive"
    )
    assert look["archived_to_at"] == datetime(2026, 11, 23, 5, 11, 46, 165_608)
    assert look["failed_count"] == 0


def test_prometheus_saw_the_queue_and_the_disk(read: Read, said: Said) -> None:
    def answers(**names: str) -> str:
        found = {k: json.loads(said("e2e", f"prom_{name}.json")) for k, name in names.items()}
        return json.dumps({"start": 0, "end": 0, "step": 1, "answers": found})

    queue = read("prometheus", "queue", answers(depth="backup_queue_depth", up="up"))
    assert queue.ok
    assert rows(queue, "queue_samples")[-1]["depth"] == 2
    disk = rows(
        read("prometheus", "storage", answers(
            size="node_filesystem_size_bytes", avail="node_filesystem_avail_bytes")),
        "storage_samples",
    )  # fmt: skip
    assert all(0 < row["avail_bytes"] < row["size_bytes"] for row in disk)
