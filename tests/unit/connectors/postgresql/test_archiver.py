"""pg_stat_archiver: recorded looks, and the difference between idle and at risk."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cbcr_assets.connectors.base import Parsed

pytestmark = pytest.mark.usefixtures("process_zone")
Read = Callable[..., Parsed]
Said = Callable[[str, str], str]
IDLE = {
    "instance": "orders",
    "last_archived_wal": "0000000100000000000000FF",
    "last_archived_time": "2026-11-23T01:00:00+00:00",
    "failed_count": 0,
    "ready_files": 0,
    "current_wal": "000000010000000100000000",
    "current_offset": 40,
    "sampled_at": "2026-11-23T05:00:00+00:00",
}


def look(read: Read, document: Any) -> dict[str, Any]:
    text = document if isinstance(document, str) else json.dumps(document)
    parsed = read("postgresql", "archiver", text, host="db1")
    (row,) = parsed.frames["log_archive"].rows(named=True)
    return dict(row)


def test_an_archive_that_refuses(read: Read, said: Said) -> None:
    row = look(read, said("postgresql", "archiver_lag.json"))
    assert (row["failed_count"], row["pending_count"]) == (4, 1)
    assert row["archived_to_at"] == datetime(2026, 11, 23, 4, 50, 1, 841637)
    assert row["sampled_at"] == datetime(2026, 11, 23, 4, 50, 23, 851320)
    assert row["native_instance"] == "db1"


def test_without_more_knowledge_the_last_segment_is_the_lower_bound(read: Read, said: Said) -> None:
    row = look(read, said("postgresql", "archiver_e2e.json"))
    assert row["archived_to_at"] == datetime(2026, 11, 23, 5, 11, 46, 165608)
    assert row["pending_count"] is None


def test_an_idle_server_is_not_at_risk(read: Read) -> None:
    now = datetime(2026, 11, 23, 5)
    assert look(read, IDLE)["archived_to_at"] == now
    committed = IDLE | {"current_offset": 8_000, "last_commit_time": "2026-11-23T00:59:00Z"}
    assert look(read, committed)["archived_to_at"] == now


@pytest.mark.parametrize(
    "change",
    [
        {"current_offset": 4_096},
        {"ready_files": 1},
        {"ready_files": None},
        {"last_failed_time": "2026-11-23T01:00:01+00:00"},
        {"current_wal": "000000010000000100000001"},
        {"current_wal": "000000020000000100000000"},
        {"current_offset": 8_000, "last_commit_time": "2026-11-23T01:00:01Z"},
    ],
)
def test_whatever_may_be_missing_is_at_risk(read: Read, change: dict[str, Any]) -> None:
    assert look(read, IDLE | change)["archived_to_at"] == datetime(2026, 11, 23, 1)


def test_several_servers_and_a_bad_one(read: Read) -> None:
    parsed = read("postgresql", "archiver", json.dumps([IDLE, {"last_archived_time": "soon"}]))
    assert (parsed.seen, len(parsed.rejects)) == (2, 1)
