"""WAL-G, from the formats that its documentation publishes."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cbcr_assets.connectors.base import CatalogScope, Parsed

Read = Callable[..., Parsed]
FULL = {
    "backup_name": "base_000000010000000000000004",
    "time": "2026-11-23T04:02:00Z",
    "wal_file_name": "000000010000000000000004",
    "start_time": "2026-11-23T04:00:00.5Z",
    "finish_time": "2026-11-23T04:01:59Z",
    "uncompressed_size": 90_000,
    "compressed_size": 30_000,
    "is_permanent": False,
}
DELTA = FULL | {
    "backup_name": "base_000000010000000000000006_D_000000010000000000000004",
    "start_time": "2026-11-23T05:00:00Z",
    "finish_time": "2026-11-23T05:00:09Z",
}
SECOND = FULL | {
    "backup_name": "base_000000010000000000000008_D_000000010000000000000006",
    "start_time": "2026-11-23T05:30:00Z",
    "finish_time": "2026-11-23T05:30:09Z",
}


def test_a_chain_of_deltas(read: Read) -> None:
    parsed = read("walg", "backups", json.dumps([FULL, DELTA, SECOND]), host="db1")
    sets = parsed.frames["backup_sets"].rows(named=True)
    assert [row["backup_type"] for row in sets] == ["full", "incr", "incr"]
    assert [row["parent_label"] for row in sets] == [
        None, FULL["backup_name"], DELTA["backup_name"],
    ]  # fmt: skip
    assert sets[0]["recovery_point_at"] == datetime(2026, 11, 23, 4, 1, 59)
    assert (sets[0]["source_bytes"], sets[0]["native_instance"]) == (90_000, "db1")
    assert parsed.scopes == (CatalogScope(None, "default"),)


def test_a_list_without_details_is_refused_row_by_row(read: Read) -> None:
    short = {"backup_name": FULL["backup_name"], "time": FULL["time"]}
    parsed = read("walg", "backups", json.dumps([short]))
    assert (parsed.seen, len(parsed.rejects), parsed.scopes) == (1, 1, ())
    assert "--detail" in parsed.rejects[0].reason


def verified(*segments: tuple[str, int]) -> dict[str, Any]:
    details = [{"timeline_id": 1, "segments_count": n, "status": s} for s, n in segments]
    return {"integrity": {"status": "WARNING", "details": details}}


def test_a_verification_counts_what_waits_and_what_is_lost(read: Read) -> None:
    said = verified(("FOUND", 90), ("MISSING_UPLOADING", 2), ("MISSING_LOST", 3))
    (row,) = read("walg", "wal_verify", json.dumps(said)).frames["log_archive"].rows(named=True)
    assert (row["pending_count"], row["failed_count"], row["archived_to_at"]) == (2, 3, None)


def test_a_status_that_is_not_known_is_refused(read: Read) -> None:
    parsed = read("walg", "wal_verify", json.dumps(verified(("SOMEHOW", 1))))
    assert len(parsed.rejects) == 1


@pytest.mark.parametrize("text", ["[]", "", "\n"])
def test_an_empty_list_is_also_what_a_wrong_prefix_looks_like(read: Read, text: str) -> None:
    parsed = read("walg", "backups", text)
    assert (parsed.ok, parsed.scopes, parsed.seen) == (False, (), 0)
    assert "prefix" in (parsed.error or "")
