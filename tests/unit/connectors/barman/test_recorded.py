"""What really happened in the Barman lab, whatever the zone of the process."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cbcr_assets.connectors.base import CatalogScope, Parsed

pytestmark = pytest.mark.usefixtures("process_zone")
Read = Callable[..., Parsed]
Said = Callable[[str, str], str]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-23T{text}")


@pytest.fixture
def barman(read: Read, said: Said) -> Read:
    def parsed(kind: str, name: str, **facts: object) -> Parsed:
        return read("barman", kind, said("barman", name), **facts)

    return parsed


def rows(parsed: Parsed, table: str) -> dict[str, dict[str, Any]]:
    key = {"backup_jobs": "backup_label", "backup_sets": "label", "restore_jobs": "restore_key"}
    found = parsed.frames[table].rows(named=True)
    return {row[key[table]] or "": row for row in found}


def test_the_list_tells_finished_backups_by_epoch_and_others_by_their_id(barman: Read) -> None:
    parsed = barman("backups", "12_list_after_kill_cron.json")
    attempts, sets = rows(parsed, "backup_jobs"), rows(parsed, "backup_sets")
    assert {label: row["state"] for label, row in attempts.items()} == {
        "20261123T045808": "running",
        "20261123T045744": "succeeded",
        "20261123T045736": "succeeded",
    }
    assert attempts["20261123T045808"]["started_at"] == at("04:58:08")
    assert sets["20261123T045744"]["recovery_point_at"] == at("04:57:47")
    assert sets["20261123T045744"]["repo_bytes"] == 63_763_603
    assert parsed.scopes == (CatalogScope("crm", "crm"),)


def test_an_id_that_cannot_be_of_that_zone_is_refused_with_advice(barman: Read) -> None:
    """Ids are local time. In a wrong zone backups would begin after they ended."""
    wrong = barman("backups", "12_list_after_kill_cron.json", tz="America/New_York")
    assert (wrong.frames, wrong.scopes) == ({}, ())
    assert [reject.rule for reject in wrong.rejects] == ["order"] * 3
    assert "timezone" in wrong.rejects[0].reason
    east = rows(barman("backups", "12_list_after_kill_cron.json", tz="Asia/Tokyo"), "backup_sets")
    # Nobody can see that this zone is wrong; what is told by epoch stays right.
    assert east["20261123T045744"]["recovery_point_at"] == at("04:57:47")


def test_the_hour_that_clocks_repeat_in_the_log(read: Read) -> None:
    lines = [
        "2026-11-01 01:50:00,100 [7] barman.backup_executor INFO: Starting backup using postgres"
        " method for server crm in /b/crm/base/20261101T015000",
        "2026-11-01 01:10:00,200 [7] barman.backup INFO: Backup completed (start time: x)",
    ]
    text = "".join(f"{line}\n" for line in lines)
    for payload, carry in ((text, ""), (lines[1] + "\n", lines[0] + "\n")):
        parsed = read("barman", "log", payload, carry=carry, stream="log:x", tz="America/New_York")
        row = parsed.frames["backup_jobs"].rows(named=True)[-1]
        assert (row["state"], row["started_at"]) == (
            "succeeded",
            datetime(2026, 11, 1, 5, 50, 0, 100_000),
        )
        assert row["finished_at"] == datetime(2026, 11, 1, 6, 10, 0, 200_000)


def test_retention_leaves_two(barman: Read) -> None:
    before = set(rows(barman("backups", "21_list.json"), "backup_sets"))
    after = set(rows(barman("backups", "23_list_after_retention.json"), "backup_sets"))
    assert before - after == {"20261123T045744"}
    assert after == {"20261123T045837", "20261123T045940"}


def test_a_failed_backup_is_an_attempt_with_its_reason_and_no_set(barman: Read) -> None:
    listed = barman("backups", "list_failed.json")
    assert rows(listed, "backup_jobs")["20261123T050114"]["state"] == "failed"
    assert "20261123T050114" not in rows(listed, "backup_sets")
    shown = rows(barman("backup", "show_failed.json"), "backup_jobs")["20261123T050114"]
    assert "failure copying files" in shown["error_text"]


def test_one_backup_shown(barman: Read) -> None:
    parsed = barman("backup", "show_20261123T045837.json")
    (made,) = rows(parsed, "backup_sets").values()
    assert made["started_at"] == at("04:58:37.183965")
    assert made["recovery_point_at"] == at("04:58:52.851314")
    assert (made["source_bytes"], made["log_start"]) == (105_420_001, "000000010000000000000011")
    assert parsed.scopes == ()


def test_backup_info_files(barman: Read) -> None:
    parsed = barman("backup_info", "backup_infos.info")
    attempts = rows(parsed, "backup_jobs")
    assert {label: row["state"] for label, row in attempts.items()} == {
        "20261123T045744": "succeeded",
        "20261123T045808": "running",
        "20261123T045837": "succeeded",
        "20261123T050114": "failed",
    }
    assert "failure copying" in attempts["20261123T050114"]["error_text"]
    assert attempts["20261123T045808"]["started_at"] == at("04:58:09.007292")
    assert set(rows(parsed, "backup_sets")) == {"20261123T045744", "20261123T045837"}


def test_a_backup_info_without_its_id_is_refused_with_advice(read: Read) -> None:
    parsed = read("barman", "backup_info", "server_name=crm\nstatus=DONE\n")
    assert (parsed.ok, parsed.seen) == (False, 1)
    assert "backup_id=ID" in (parsed.error or "")


def test_the_log_tells_what_never_came_into_the_catalog(barman: Read) -> None:
    parsed = barman("log", "barman.log")
    newest: dict[str, Any] = {}
    for row in parsed.frames["backup_jobs"].rows(named=True):
        newest[row["attempt_key"]] = row
    states = {key: row["state"] for key, row in newest.items() if "#" not in key}
    assert states == {
        "crm/20261123T045736": "succeeded",
        "crm/20261123T045744": "succeeded",
        "crm/20261123T045808": "running",
        "crm/20261123T045837": "succeeded",
        "crm/20261123T045940": "succeeded",
    }
    (down,) = (row for key, row in newest.items() if "#" in key)
    assert (down["state"], down["started_at"]) == ("failed", at("04:59:03.192"))
    assert "Impossible to start" in down["error_text"]


def test_log_and_catalog_tell_of_the_same_attempts(barman: Read) -> None:
    log = set(barman("log", "barman.log").frames["backup_jobs"]["attempt_key"])
    listed = set(barman("backups", "21_list.json").frames["backup_jobs"]["attempt_key"])
    assert listed <= log


def test_expiry_to_the_moment(barman: Read) -> None:
    gone = rows(barman("log", "barman.log"), "backup_sets")
    assert {label: row["unusable_from"] for label, row in gone.items()} == {
        "20261123T045736": at("04:59:17.040"),
        "20261123T045744": at("04:59:48.912"),
    }


def test_three_restores_none_of_them_verified(barman: Read) -> None:
    found = barman("log", "barman.log").frames["restore_jobs"].rows(named=True)
    done = [row for row in found if row["state"] == "succeeded"]
    assert len(done) == 3
    assert {row["verification"] for row in done} == {"none"}
    last = done[-1]
    # The drill measured 3.3 s for the whole command; the log tells its middle.
    assert 1 < (last["restored_at"] - last["started_at"]).total_seconds() < 3.322


@pytest.mark.parametrize(
    "name", ["10_list_after_kill.json", "12_list_after_kill_cron.json", "21_list.json",
             "23_list_after_retention.json"],
)  # fmt: skip
def test_a_killed_backup_stays_started_for_ever(barman: Read, name: str) -> None:
    row = rows(barman("backups", name), "backup_jobs")["20261123T045808"]
    assert (row["state"], row["finished_at"]) == ("running", None)
    assert "20261123T045808" not in rows(barman("backups", name), "backup_sets")


def test_a_server_that_was_down_left_no_row(barman: Read) -> None:
    listed = rows(barman("backups", "16_list_after_server_down.json"), "backup_jobs")
    assert set(listed) == {
        "20261123T045837", "20261123T045808", "20261123T045744", "20261123T045736",
    }  # fmt: skip


def test_the_kill_that_missed_is_a_success(barman: Read) -> None:
    made = rows(barman("backups", "21_list.json"), "backup_jobs")["20261123T045837"]
    assert (made["state"], made["finished_at"]) == ("succeeded", at("04:58:52"))


def test_sizes_grow_with_the_log_that_comes_later(barman: Read) -> None:
    label, sizes = "20261123T045744", []
    for name in ("12_list_after_kill_cron.json", "21_list.json"):
        row = rows(barman("backups", name), "backup_sets")[label]
        sizes.append((row["repo_bytes"], row["recovery_point_at"]))
    assert [moment for _, moment in sizes] == [at("04:57:47")] * 2
    assert sizes[0][0] <= sizes[1][0]


@pytest.mark.parametrize("size", [101, 3_000])
def test_pieces_cut_anywhere_tell_the_same(read: Read, said: Said, size: int) -> None:
    text = said("barman", "barman_info_level.log")
    carry: str = ""
    told: dict[tuple[str, str], Any] = {}
    for start in range(0, len(text), size):
        piece = text[start : start + size]
        parsed = read("barman", "log", piece, carry=carry, stream="log:x")
        carry = parsed.carry
        told |= newest_of(parsed)
    assert told == newest_of(read("barman", "log", text))


def newest_of(parsed: Parsed) -> dict[tuple[str, str], Any]:
    keys = {"backup_jobs": "attempt_key", "backup_sets": "label", "restore_jobs": "restore_key"}
    return {
        (table, row[keys[table]]): row.get("state") or row.get("lifecycle")
        for table, frame in parsed.frames.items()
        for row in frame.rows(named=True)
    }


def test_an_empty_list_is_also_what_an_unmounted_home_looks_like(read: Read) -> None:
    parsed = read("barman", "backups", '{"crm": [], "shop": []}')
    assert (parsed.ok, parsed.scopes, parsed.seen) == (False, (), 0)
    assert "mounted" in (parsed.error or "")


def test_one_server_without_backups_proves_nothing_and_hides_no_other(read: Read) -> None:
    listed = '{"crm": [{"backup_id": "20261123T045808", "status": "STARTED"}], "shop": []}'
    parsed = read("barman", "backups", listed)
    assert (parsed.ok, parsed.scopes) == (True, (CatalogScope("crm", "crm"),))


def test_status_tells_the_archiver_and_makes_no_recovery_point(barman: Read) -> None:
    (row,) = barman("status", "24_status.json").frames["log_archive"].rows(named=True)
    assert (row["native_instance"], row["kind"]) == ("crm", "wal")
    assert (row["last_archived_at"], row["failed_count"]) == (at("04:59:41"), 0)
    assert row["archived_to_at"] is None
    assert row["sampled_at"] == at("06:00:00")


def test_the_time_of_status_is_read_in_the_zone_of_its_source(barman: Read) -> None:
    west = barman("status", "09b_status.json", tz="Asia/Tokyo")
    assert west.frames["log_archive"]["last_archived_at"].to_list() == [
        datetime.fromisoformat("2026-11-22T19:58:09")
    ]
    east = barman("status", "09b_status.json", tz="America/New_York")
    assert (east.frames, len(east.rejects)) == ({}, 1)
    assert "later than the envelope" in east.rejects[0].reason


def test_status_of_a_server_that_is_down_is_no_sample(read: Read) -> None:
    down = '{"crm": {"active": {"description": "Active", "message": "True"}}}'
    assert read("barman", "status", down).seen == 0
    new = '{"crm": {"failed_count": {"message": "3"}, "last_archived_wal": {"message": "none"}}}'
    (row,) = read("barman", "status", new).frames["log_archive"].rows(named=True)
    assert (row["last_archived_at"], row["failed_count"]) == (None, 3)
