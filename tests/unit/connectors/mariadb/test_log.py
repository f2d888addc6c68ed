"""What really happened in the MariaDB lab by the tool's log, whatever the zone of the process."""

from collections.abc import Callable
from datetime import datetime

import pytest

from cbcr_assets.connectors.base import Parsed

pytestmark = pytest.mark.usefixtures("process_zone")
Read = Callable[..., Parsed]
Said = Callable[[str, str], str]


@pytest.fixture
def log(read: Read, said: Said) -> Read:
    def parsed(*names: str, **facts: object) -> Parsed:
        text = "".join(said("mariadb", f"{name}.log") for name in names)
        return read("mariadb", "log", text, host="shop1", **facts)

    return parsed


@pytest.mark.parametrize(
    ("name", "state", "kind", "error"),
    [
        ("full1", "succeeded", "full", None),
        ("incr1", "succeeded", "incr", None),
        ("fail_target_exists", "failed", "full", "File exists"),
        ("fail_disk_full", "failed", "full", "No space left"),
        ("fail_server_down", "failed", "full", "Can't connect"),
        ("fail_killed", "running", "full", None),
    ],
)
def test_a_run_is_good_only_if_it_says_so(
    log: Read, name: str, state: str, kind: str, error: str | None
) -> None:
    (attempt,) = log(name).frames["backup_jobs"].rows(named=True)
    assert (attempt["state"], attempt["backup_type"]) == (state, kind)
    assert (error or "") in (attempt["error_text"] or "")
    assert (attempt["error_text"] is None) == (error is None)
    assert (attempt["finished_at"] is None) == (state == "running")


def test_log_and_history_tell_of_the_same_attempts(log: Read, read: Read, said: Said) -> None:
    history = read("mariadb", "history", said("mariadb", "history.tsv"), host="shop1")
    known = set(history.frames["backup_jobs"]["attempt_key"])
    told = log("full1", "incr1").frames["backup_jobs"]["attempt_key"].to_list()
    there = log("full2_client_tz_new_york", tz="America/New_York").frames["backup_jobs"]
    assert {*told, *there["attempt_key"]} <= known
    assert there["started_at"].to_list() == [datetime(2026, 11, 23, 4, 52, 14)]


def test_many_runs_in_one_log(log: Read) -> None:
    names = ("full1", "fail_target_exists", "fail_disk_full", "fail_killed", "incr1")
    rows = log(*names).frames["backup_jobs"].rows(named=True)
    assert [row["state"] for row in rows] == [
        "succeeded", "failed", "failed", "running", "succeeded",
    ]  # fmt: skip


@pytest.mark.parametrize("size", [97, 5_000])
def test_pieces_cut_anywhere_tell_the_same(log: Read, read: Read, said: Said, size: int) -> None:
    names = ("full1", "fail_target_exists", "incr1")
    text = "".join(said("mariadb", f"{name}.log") for name in names)
    carry, states = "", {}
    for start in range(0, len(text), size):
        piece = text[start : start + size]
        parsed = read("mariadb", "log", piece, carry=carry, stream="log:x", host="shop1")
        carry = parsed.carry
        assert len(carry) < 12_000
        for frame in parsed.frames.values():
            states |= {row["attempt_key"]: row["state"] for row in frame.rows(named=True)}
    whole = log(*names).frames["backup_jobs"].rows(named=True)
    assert states == {row["attempt_key"]: row["state"] for row in whole}


def test_a_copy_back_is_a_restore_and_a_failed_preparation_a_failed_one(log: Read) -> None:
    (back,) = log("copy_back").frames["restore_jobs"].rows(named=True)
    assert (back["state"], back["verification"]) == ("succeeded", "none")
    assert back["restored_at"] == datetime(2026, 11, 23, 4, 52, 24)
    (gap,) = log("fail_prepare_gap").frames["restore_jobs"].rows(named=True)
    assert gap["state"] == "failed"
    assert "not to be proper" in gap["error_text"]
    assert log("prepare_incr1").frames == {}


def test_a_text_that_is_no_such_log_is_refused(read: Read) -> None:
    parsed = read("mariadb", "log", "hello\nworld\n")
    assert (parsed.ok, parsed.seen) == (False, 1)


def test_binary_logs_in_the_archive(read: Read, said: Said) -> None:
    (look,) = (
        read("mariadb", "binlogs", said("mariadb", "binlogs.txt"), host="shop1")
        .frames["log_archive"]
        .rows(named=True)
    )
    assert (look["kind"], look["pending_count"]) == ("binlog", 0)
    assert look["archived_to_at"] == datetime(2026, 11, 23, 4, 52, 20, 180214)
    assert look["archived_from_at"] == datetime(2026, 11, 23, 4, 52, 20, 177835)


def test_a_hole_in_the_archive_ends_the_stretch_and_what_lacks_is_pending(
    read: Read, said: Said
) -> None:
    lines = said("mariadb", "binlogs.txt").splitlines(keepends=True)
    without = [line for line in lines if not (line.startswith("-rw") and "000002" in line)]
    (look,) = read("mariadb", "binlogs", "".join(without)).frames["log_archive"].rows(named=True)
    assert look["pending_count"] == 1
    assert look["archived_from_at"] == look["archived_to_at"]


def test_a_server_without_an_archive_has_nothing_archived(read: Read) -> None:
    text = "Log_name\tFile_size\nbinlog.000001\t10\nbinlog.000002\t4\n"
    (look,) = read("mariadb", "binlogs", text).frames["log_archive"].rows(named=True)
    assert (look["pending_count"], look["archived_to_at"]) == (1, None)
