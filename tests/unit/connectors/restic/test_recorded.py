"""What really happened in the restic lab, whatever the zone of the process."""

from collections.abc import Callable
from datetime import datetime

import pytest

from cbcr_assets.connectors.base import CatalogScope, Parsed, RepositoryVerdict
from cbcr_assets.connectors.restic import outcome
from cbcr_assets.records import BackupState, Integrity

pytestmark = pytest.mark.usefixtures("process_zone")
Read = Callable[..., Parsed]
Said = Callable[[str, str], str]


@pytest.fixture
def restic(read: Read, said: Said) -> Read:
    def parsed(kind: str, name: str, **facts: object) -> Parsed:
        return read("restic", kind, said("restic", name), **facts)

    return parsed


def test_five_snapshots_of_one_instance_and_the_list_is_whole(restic: Read) -> None:
    parsed = restic("snapshots", "20_snapshots.json")
    sets = parsed.frames["backup_sets"]
    assert list(parsed.frames) == ["backup_sets"]
    assert sets["native_instance"].to_list() == ["orders"] * 5
    assert [label[:8] for label in sets["label"]] == [
        "fb57b68a", "776232e4", "c00ee09c", "552e7858", "e938d190",
    ]  # fmt: skip
    assert sets["recovery_point_at"][0] == datetime(2026, 11, 23, 5, 1, 20, 878459)
    assert sets["finished_at"].null_count() == 5  # 0.14 does not say it
    assert parsed.scopes == (CatalogScope(None, "default"),)


def test_a_writers_offset_is_read_as_utc(restic: Read) -> None:
    starts = restic("snapshots", "33_snapshots_tz.json").frames["backup_sets"]["started_at"]
    assert starts.max() == datetime(2026, 11, 23, 5, 2, 18, 178844)


def test_an_empty_repository_proves_that_everything_is_gone(restic: Read) -> None:
    parsed = restic("snapshots", "11_snapshots_after_disk_full.json")
    assert (parsed.ok, parsed.seen, parsed.scopes) == (True, 0, (CatalogScope(None, "default"),))


def test_a_wrong_password_proves_nothing(restic: Read) -> None:
    parsed = restic("snapshots", "12_wrong_password.txt", rc=1)
    assert (parsed.ok, parsed.scopes, parsed.frames) == (False, (), {})


@pytest.mark.parametrize(
    ("name", "rc", "state", "label", "size"),
    [
        ("02_backup1", 0, "succeeded", "fb57b68a", 29_429_377),
        ("03_backup2", 0, "succeeded", "776232e4", 33_482_009),
        ("04_stdin_ok", 0, "succeeded", "c00ee09c", 2_701_756),
        ("05_stdin_dump_died", 0, "succeeded", "552e7858", 675_440),
        ("07_partial_rc3", 3, "succeeded_with_warnings", "f6c32e5b", 28_577_018),
        ("08_killed", 137, "failed", None, None),
        ("11_disk_full", 1, "failed", None, None),
    ],
)
def test_attempts_by_their_exit_code(
    restic: Read, name: str, rc: int, state: str, label: str | None, size: int | None
) -> None:
    parsed = restic("backup", f"{name}.jsonl", rc=rc, host="db-orders-1")
    attempt = parsed.frames["backup_jobs"].row(0, named=True)
    assert (attempt["state"], attempt["backup_label"], attempt["source_bytes"]) == (
        state, label, size,
    )  # fmt: skip
    assert attempt["native_instance"] == "db-orders-1"
    assert (attempt["error_text"] is None) == (state == "succeeded")


def test_what_a_backup_added(restic: Read) -> None:
    parsed = restic("backup", "03_backup2.jsonl")
    assert parsed.frames["backup_jobs"]["transferred_bytes"].to_list() == [4_058_941]


def test_a_missing_path_is_told_on_stderr_only(read: Read, said: Said) -> None:
    out = said("restic", "06_partial_missing_path.jsonl")
    complaint = "/nonexistent/x does not exist, skipping\n"
    silent = read("restic", "backup", out).frames["backup_jobs"].row(0, named=True)
    assert (silent["state"], silent["backup_label"]) == ("succeeded", "e938d190")
    both = read("restic", "backup", complaint + out).frames["backup_jobs"].row(0, named=True)
    assert (both["state"], both["source_bytes"]) == ("succeeded_with_warnings", 33_482_009)
    assert both["error_text"] == complaint.strip()
    assert outcome(out, 0, complaint).state is BackupState.SUCCEEDED_WITH_WARNINGS


def test_an_unreadable_file_looks_like_a_whole_snapshot(restic: Read) -> None:
    parsed = restic("snapshots", "07_snapshots_after_partial.json")
    assert "f6c32e5b" in {label[:8] for label in parsed.frames["backup_sets"]["label"]}


def test_forget_names_what_it_removed(restic: Read) -> None:
    rows = restic("forget", "28_forget.txt").frames["backup_sets"].rows(named=True)
    fates = {row["label"][:8]: row["lifecycle"] for row in rows}
    left = restic("snapshots", "29_snapshots_after_forget.json").frames["backup_sets"]["label"]
    assert {label for label, fate in fates.items() if fate == "available"} == {
        label[:8] for label in left
    }
    assert fates["c00ee09c"] == "expired"
    assert {row["unusable_from"] for row in rows if row["lifecycle"] == "expired"} == {
        datetime(2026, 11, 23, 6)
    }


def test_a_check_that_read_the_data_judges_the_repository(restic: Read) -> None:
    assert restic("check", "27_check.txt").verdicts == (RepositoryVerdict(Integrity.OK, "default"),)
    assert restic("check", "30_check_corrupt.txt", rc=1).verdicts == (
        RepositoryVerdict(Integrity.CORRUPT, "default"),
    )


def test_a_check_of_the_structure_says_nothing_about_the_data(read: Read, said: Said) -> None:
    text = said("restic", "27_check.txt").replace("read all data", "")
    parsed = read("restic", "check", text)
    assert (parsed.ok, parsed.verdicts) == (True, ())


def test_a_check_that_could_not_begin_is_no_verdict(read: Read) -> None:
    parsed = read("restic", "check", "Fatal: unable to create lock in backend", rc=1)
    assert (parsed.ok, parsed.verdicts) == (False, ())
    assert "lock" in (parsed.error or "")


def test_newer_versions_say_the_end_and_the_size(read: Read) -> None:
    text = (
        '[{"id":"0123456789abcdef","hostname":"db","time":"2026-11-23T05:00:00Z","summary":'
        '{"backup_start":"2026-11-23T05:00:00Z","backup_end":"2026-11-23T05:03:00Z",'
        '"total_bytes_processed":7,"data_added_packed":5}}]'
    )
    made = read("restic", "snapshots", text).frames["backup_sets"].row(0, named=True)
    assert made["finished_at"] == datetime(2026, 11, 23, 5, 3)
    assert (made["source_bytes"], made["repo_delta_bytes"]) == (7, 5)
    assert made["native_instance"] == "db"


def test_one_bad_snapshot_and_the_list_proves_no_absence(read: Read) -> None:
    text = '[{"id":"0123456789abcdef","hostname":"db","time":"2026-11-23T05:00:00Z"},{"id":7}]'
    parsed = read("restic", "snapshots", text)
    assert (len(parsed.rejects), parsed.scopes, parsed.seen) == (1, (), 2)


def test_the_outcome_of_a_wrapped_backup(said: Said) -> None:
    found = outcome(said("restic", "04_stdin_ok.jsonl"), 0)
    assert (found.state, found.label) == (BackupState.SUCCEEDED, "c00ee09c")
    assert outcome("no json at all", 3).state is BackupState.SUCCEEDED_WITH_WARNINGS
    assert outcome("", 1).label is None
