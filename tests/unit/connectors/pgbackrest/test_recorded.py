"""The recorded lab run against what really happened (tests/recorded/pgbackrest/README.md)."""

from collections import Counter
from datetime import datetime

import pytest

pytestmark = pytest.mark.usefixtures("process_zone")

FIRST = "20261123-044257F"
DAMAGED = "20261123-044257F_20261123-044351I"
CHAIN = [
    FIRST,
    f"{FIRST}_20261123-044304I",
    f"{FIRST}_20261123-044310D",
    f"{FIRST}_20261123-044333I",
    DAMAGED,
]


def at(clock):
    return datetime.fromisoformat(f"2026-11-23T{clock}")


@pytest.fixture
def attempts(recorded, parse, rows):
    parsed = parse("backup_log", recorded("orders-backup.log"))
    assert parsed.ok
    assert parsed.rejects == ()
    assert parsed.carry == ""
    return rows(parsed)


def test_thirteen_attempts_of_which_seven_succeeded(attempts):
    assert Counter(row["state"] for row in attempts) == {
        "succeeded": 6,
        "succeeded_with_warnings": 1,
        "failed": 4,
        "cancelled": 1,
        "lost": 1,
    }
    assert {row["native_instance"] for row in attempts} == {"orders"}
    assert {row["evidence"] for row in attempts} == {"log"}
    assert {row["worker"] for row in attempts} == {"backup01"}
    assert {row["instance_id"] for row in attempts} == {None}


def test_failures_tell_code_class_and_time(attempts):
    failed = {
        (r["error_code"], r["error_class"], r["exit_code"], r["started_at"], r["finished_at"])
        for r in attempts
        if r["state"] == "failed"
    }
    assert failed == {
        ("050", "lock", 50, at("04:43:29.786"), at("04:43:29.786")),
        ("050", "lock", 50, at("04:43:31.778"), at("04:43:31.778")),
        ("056", "unreachable", 56, at("04:43:50.079"), at("04:43:50.080")),
        ("064", "no_space", 64, at("04:44:45.563"), at("04:45:03.502")),
    }
    texts = {r["error_code"]: r["error_text"] for r in attempts if r["state"] == "failed"}
    assert texts["050"].startswith("[050]: unable to acquire lock on file")
    assert texts["050"].endswith("HINT: is another pgBackRest process running?")
    assert texts["056"].endswith("cannot proceed HINT: are all available clusters in recovery?")
    assert texts["064"].endswith("[28] No space left on device")


def test_terminated_and_killed(attempts):
    (cancelled,) = (r for r in attempts if r["state"] == "cancelled")
    assert cancelled["attempt_key"] == "orders:19790-3639bd19"
    assert (cancelled["started_at"], cancelled["finished_at"]) == (
        at("04:43:39.678"),
        at("04:43:41.708"),
    )
    assert (cancelled["exit_code"], cancelled["error_class"]) == (63, "signal")
    assert "SIGTERM" in cancelled["error_text"]

    (lost,) = (r for r in attempts if r["state"] == "lost")
    assert lost["attempt_key"] == "orders:19579-178a65f2"
    assert lost["started_at"] == at("04:43:28.288")
    assert lost["finished_at"] is None
    assert lost["exit_code"] is None


def test_a_corrupt_page_is_a_success_with_a_warning(attempts):
    (warned,) = (r for r in attempts if r["state"] == "succeeded_with_warnings")
    assert warned["backup_label"] == DAMAGED
    assert warned["exit_code"] == 0
    assert warned["error_class"] == "checksum"
    assert "base/5/16394 at page 1" in warned["error_text"]


def test_a_success_tells_label_type_size_and_duration(attempts):
    first = attempts[0]
    assert first["attempt_key"] == "orders:19173-df631cf4"
    assert (first["backup_label"], first["backup_type"]) == (FIRST, "full")
    assert (first["started_at"], first["finished_at"]) == (at("04:42:57.007"), at("04:43:02.202"))
    assert first["duration_s"] == 5.201
    assert first["source_bytes"] == pytest.approx(90_634_040, rel=0.001)
    assert (first["repo"], first["exit_code"], first["error_text"]) == ("repo1", 0, None)


def test_the_catalog_has_every_success_that_the_log_has(attempts, recorded, parse, rows):
    listed = {row["label"] for row in rows(parse("info", recorded("info_before_restore.json")))}
    made = {r["backup_label"] for r in attempts if r["started_at"] < at("04:44:00")}
    assert made - {None} == listed == set(CHAIN)


def test_info_before_the_restores(recorded, parse, rows):
    parsed = parse("info", recorded("info_before_restore.json"))
    assert (parsed.ok, parsed.error, parsed.rejects) == (True, None, ())
    assert [(s.native_instance, s.repo) for s in parsed.scopes] == [("orders", "repo1")]
    sets = rows(parsed)
    assert [row["label"] for row in sets] == CHAIN
    assert [row["integrity"] for row in sets] == ["ok"] * 4 + ["suspect"]
    assert [row["parent_label"] for row in sets] == [None, CHAIN[0], CHAIN[0], CHAIN[2], CHAIN[3]]
    first = sets[0]
    assert (first["started_at"], first["finished_at"]) == (at("04:42:57"), at("04:43:01"))
    assert first["recovery_point_at"] == at("04:43:01")
    assert (first["log_start"], first["log_stop"]) == ("000000010000000000000007",) * 2
    assert (first["source_bytes"], first["repo_bytes"]) == (90_634_040, 9_669_563)
    assert sets[1]["repo_delta_bytes"] == 7_528_081
    assert {row["lifecycle"] for row in sets} == {"available"}


def test_info_at_the_end_and_while_running(recorded, parse, rows):
    assert [row["label"] for row in rows(parse("info", recorded("info_final.json")))] == [
        "20261123-044428F",
        "20261123-044435F",
    ]
    running = parse("info", recorded("info_running.json"))
    assert len(rows(running)) == 3
    assert running.ok


def test_a_missing_repository_never_reads_as_all_expired(recorded, parse):
    parsed = parse("info", recorded("info_nostanza.json"))
    assert parsed.ok is False
    assert parsed.scopes == ()
    assert "stanza orders, repo1: status 1 (missing stanza path)" in parsed.error


@pytest.mark.parametrize("name", ["info_after_stanza_create.json", "info_after_disk_full.json"])
def test_no_valid_backups_is_an_answer(name, recorded, parse, rows):
    parsed = parse("info", recorded(name))
    assert (parsed.ok, rows(parsed)) == (True, [])
    assert [(s.native_instance, s.repo) for s in parsed.scopes] == [("orders", "repo1")]


def test_local_labels_and_local_log_stamps_are_not_utc(recorded, parse, rows):
    catalog = rows(parse("info", recorded("info_tz.json")))
    (local,) = (r for r in catalog if r["label"] == "20261123-044435F_20261122-234956I")
    assert local["started_at"] == at("04:49:56")

    printed = recorded("backup_tz_new_york.out").split("expire command begin")[0]
    backup = "\n".join(printed.split("\n")[:-1]) + "\n"
    (attempt,) = rows(parse("backup_log", backup, tz="America/New_York"))
    assert attempt["backup_label"] == local["label"]
    assert attempt["started_at"] == at("04:49:55.876")
    assert attempt["finished_at"] == at("04:50:02.023")


def test_restores(recorded, parse, rows):
    parsed = parse("restore_log", recorded("orders-restore.log"))
    assert (parsed.rejects, parsed.carry) == ((), "")
    found = rows(parsed)
    assert [row["state"] for row in found] == [
        "succeeded",
        "succeeded",
        "failed",
        "failed",
        "succeeded",
    ]
    assert [row["error_code"] for row in found] == [None, None, "075", "040", None]
    assert [row["source_label"] for row in found] == [DAMAGED, DAMAGED, None, DAMAGED, DAMAGED]
    assert [row["target_at"] for row in found[:3]] == [
        None,
        at("04:43:59.115916"),
        datetime.fromisoformat("2026-01-01T00:00:00"),
    ]
    assert found[0]["restore_key"] == "orders:20377-60f08181"
    assert (found[0]["started_at"], found[0]["restored_at"]) == (
        at("04:44:02.231"),
        at("04:44:05.166"),
    )
    assert found[0]["bytes"] == pytest.approx(142_767_929, rel=0.001)
    assert [row["restored_at"] for row in found[2:4]] == [None, None]
    assert {(row["purpose"], row["verification"]) for row in found} == {("unknown", "none")}


def test_expiry_has_the_exact_time(recorded, parse, rows):
    parsed = parse("expire_log", recorded("orders-expire.log"))
    assert (parsed.rejects, parsed.carry) == ((), "")
    assert {row["label"] for row in rows(parsed)} == set(CHAIN)
    for row in rows(parsed):
        assert (row["lifecycle"], row["unusable_from"]) == ("expired", at("04:44:40.411"))
        assert (row["repo"], row["native_instance"]) == ("repo1", "orders")
        assert row["integrity"] is None


@pytest.mark.parametrize(
    ("name", "facts"),
    [("orders-verify.log", {}), ("verify_full_corrupt.out", {"stream": ""})],
)
def test_verify_finds_the_corrupt_full(name, facts, recorded, parse, rows):
    parsed = parse("verify_log", recorded(name), **facts)
    assert parsed.rejects == ()
    found = {row["label"]: (row["integrity"], row["unusable_from"]) for row in rows(parsed)}
    assert found == {FIRST: ("corrupt", at("04:44:26.852"))} | dict.fromkeys(
        CHAIN[1:], ("ok", None)
    )


def test_verify_names_every_set_that_shares_the_corrupt_file(recorded, parse, rows):
    found = rows(parse("verify_log", recorded("verify_corrupt.out"), stream=""))
    assert [(row["label"], row["integrity"]) for row in found] == [
        ("20261123-044428F", "ok"),
        ("20261123-044435F", "corrupt"),
        ("20261123-044435F_20261122-234956I", "corrupt"),
    ]
