"""What really happened in the borg lab, whatever the zone of the process."""

from collections.abc import Callable
from datetime import datetime

import pytest

from cbcr_assets.connectors.base import CatalogScope, Parsed, RepositoryVerdict
from cbcr_assets.connectors.borg import outcome
from cbcr_assets.records import BackupState, Integrity

pytestmark = pytest.mark.usefixtures("process_zone")
Read = Callable[..., Parsed]
Said = Callable[[str, str], str]
REPO = "64b63521c81702ee"


@pytest.fixture
def borg(read: Read, said: Said) -> Read:
    def parsed(kind: str, name: str, **facts: object) -> Parsed:
        return read("borg", kind, said("borg", name), **facts)

    return parsed


def test_four_archives_and_the_list_is_whole(borg: Read) -> None:
    parsed = borg("list", "20_list.json")
    sets = parsed.frames["backup_sets"]
    assert sets["label"].to_list() == [
        "orders-20261123T050221Z", "orders-20261123T050223Z", "orders-20261123T050226Z", "x",
    ]  # fmt: skip
    assert sets["native_instance"].to_list() == ["orders", "orders", "orders", "x"]
    assert sets["recovery_point_at"][0] == datetime(2026, 11, 23, 5, 2, 21)
    assert parsed.scopes == (CatalogScope(None, REPO),)


def test_a_checkpoint_is_an_attempt_without_an_end_and_no_archive(borg: Read) -> None:
    for kind, name in (("list", "08_list_with_checkpoint.json"), ("info", "21_info_all.json")):
        parsed = borg(kind, name)
        assert parsed.frames["backup_sets"].height == 4
        (attempt,) = parsed.frames["backup_jobs"].rows(named=True)
        assert (attempt["state"], attempt["native_instance"]) == ("running", "orders-int")
        assert attempt["started_at"] == datetime(2026, 11, 23, 5, 2, 39)


def test_sizes_of_what_is_there_but_not_the_share_that_shrinks(borg: Read) -> None:
    made = borg("info", "21_info_all.json").frames["backup_sets"].row(0, named=True)
    assert (made["source_bytes"], made["repo_bytes"]) == (33_482_009, 24_764_717)
    assert made["repo_delta_bytes"] is None
    assert made["finished_at"] == datetime(2026, 11, 23, 5, 2, 21)


def test_a_creation_tells_what_it_added(borg: Read) -> None:
    parsed = borg("create", "02_create1.json")
    made = parsed.frames["backup_sets"].row(0, named=True)
    attempt = parsed.frames["backup_jobs"].row(0, named=True)
    assert (made["label"], made["repo"]) == ("orders-20261123T050221Z", REPO)
    assert made["repo_delta_bytes"] == 24_765_315
    assert attempt["attempt_key"] == "orders-20261123T050221Z@2026-11-23T05:02:21"
    assert (attempt["state"], attempt["duration_s"]) == ("succeeded", 0.329629)


def test_a_warning_makes_an_archive_all_the_same(borg: Read) -> None:
    parsed = borg("create", "04_warning_rc1.json", rc=1)
    assert parsed.frames["backup_jobs"]["state"].to_list() == ["succeeded_with_warnings"]
    assert parsed.frames["backup_sets"].height == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [("09_disk_full.log", "No space left on device"), ("10_dup_name.log", "already exists")],
)
def test_failures_leave_an_attempt_only(borg: Read, name: str, text: str) -> None:
    parsed = borg("create", name, rc=2, host="db1")
    (attempt,) = parsed.frames["backup_jobs"].rows(named=True)
    assert (attempt["state"], attempt["exit_code"]) == ("failed", 2)
    assert text in attempt["error_text"]
    assert list(parsed.frames) == ["backup_jobs"]


def test_an_empty_repository_after_a_full_disk(borg: Read) -> None:
    parsed = borg("list", "09b_list_after_disk_full.json")
    assert (parsed.seen, parsed.ok, len(parsed.scopes)) == (0, True, 1)


def test_pruning_shows_in_the_list(borg: Read) -> None:
    assert borg("list", "26_list_after_prune.json").frames["backup_sets"]["label"].to_list() == [
        "x"
    ]


def test_the_readers_zone_decides(borg: Read) -> None:
    there = borg("list", "28_list_ny.json", tz="America/New_York").frames["backup_sets"]
    here = borg("list", "29_list_utc.json").frames["backup_sets"]
    assert there["started_at"].to_list() == here["started_at"].to_list()
    assert here["started_at"][1] == datetime(2026, 11, 23, 5, 3, 10)


def test_checks(borg: Read) -> None:
    assert borg("check", "24_check.log").verdicts == (RepositoryVerdict(Integrity.OK),)
    assert borg("check", "30_check_corrupt.log", rc=1).verdicts == (
        RepositoryVerdict(Integrity.CORRUPT),
    )


def test_a_check_of_the_archives_alone_says_nothing_about_the_data(read: Read, said: Said) -> None:
    lines = said("borg", "24_check.log").splitlines(keepends=True)
    alone = "".join(line for line in lines if "borg.repository" not in line)
    parsed = read("borg", "check", alone)
    assert (parsed.ok, parsed.verdicts) == (True, ())
    partial = said("borg", "24_check.log").replace("full repository", "partial repository")
    assert read("borg", "check", partial).verdicts == ()


def test_a_kill_and_an_interruption_leave_an_attempt_without_an_archive(read: Read) -> None:
    for rc in (137, 124):
        parsed = read("borg", "create", "", rc=rc, host="db1")
        (attempt,) = parsed.frames["backup_jobs"].rows(named=True)
        assert (list(parsed.frames), attempt["state"]) == (["backup_jobs"], "failed")
        assert (attempt["exit_code"], attempt["backup_label"]) == (rc, None)


def test_information_about_the_repository_alone_is_refused_with_advice(borg: Read) -> None:
    parsed = borg("info", "22_info_repo.json")
    assert (parsed.ok, parsed.seen) == (False, 1)
    assert "--glob-archives" in (parsed.error or "")


def test_the_outcome_of_a_wrapped_creation(said: Said) -> None:
    found = outcome(said("borg", "03_create2_logjson.json"), 0)
    assert (found.state, found.label) == (BackupState.SUCCEEDED, "orders-20261123T050223Z")
    assert outcome("", 1).state is BackupState.SUCCEEDED_WITH_WARNINGS
    assert outcome("", 107).state is BackupState.SUCCEEDED_WITH_WARNINGS
    assert outcome("", 2).state is BackupState.FAILED
    for not_borgs in (124, 126, 127, 137):  # timeout, not executable, not found, killed
        assert outcome("", not_borgs).state is BackupState.FAILED
