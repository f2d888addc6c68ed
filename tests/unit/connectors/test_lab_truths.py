"""What the labs' READMEs count, tool by tool: all attempts by state, sizes, drills, the archiver.

The finer truths are in each tool's own tests; here is what adds up over a whole lab.
"""

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from cbcr_assets.connectors.base import Parsed

pytestmark = pytest.mark.usefixtures("process_zone")
Read = Callable[..., Parsed]
Said = Callable[[str, str], str]
OK, WARN, FAIL = "succeeded", "succeeded_with_warnings", "failed"


def rows(parsed: Parsed, table: str) -> list[dict[str, Any]]:
    return list(parsed.frames[table].rows(named=True)) if table in parsed.frames else []


RESTIC = [
    ("02_backup1", 0, OK), ("03_backup2", 0, OK), ("04_stdin_ok", 0, OK),
    ("05_stdin_dump_died", 0, OK), ("06_partial_missing_path", 0, WARN),
    ("07_partial_rc3", 3, WARN), ("08_killed", 137, FAIL), ("11_disk_full", 1, FAIL),
    ("12_wrong_password", 1, FAIL),
]  # fmt: skip


def test_restic_nine_attempts_six_snapshots_three_failures(read: Read, said: Said) -> None:
    states: Counter[str] = Counter()
    labels = set()
    for name, rc, state in RESTIC:
        out = said("restic", f"{name}.{'txt' if name.startswith('12') else 'jsonl'}")
        if name.startswith("06"):  # its complaint was on stderr
            out = "/nonexistent/x does not exist, skipping\n" + out
        (attempt,) = rows(read("restic", "backup", out, rc=rc, host="h"), "backup_jobs")
        assert attempt["state"] == state, name
        states[attempt["state"]] += 1
        labels |= {attempt["backup_label"]} - {None}
    assert states == {OK: 4, WARN: 2, FAIL: 3}
    listed = rows(read("restic", "snapshots", said("restic", "20_snapshots.json")), "backup_sets")
    # 07 wrote to a copy of the repository.
    assert {row["label"][:8] for row in listed} == labels - {"f6c32e5b"}


BORG = [
    ("02_create1.json", 0, OK), ("03_create2_logjson.json", 0, OK),
    ("04_warning_rc1.json", 1, WARN), ("06b_locked_create.json", 0, OK), (None, 137, FAIL),
    (None, 124, FAIL), ("09_disk_full.log", 2, FAIL), ("10_dup_name.log", 2, FAIL),
]  # fmt: skip


def test_borg_eight_attempts_four_archives_four_failures(read: Read, said: Said) -> None:
    states: Counter[str] = Counter()
    made = set()
    for name, rc, state in BORG:
        parsed = read("borg", "create", said("borg", name) if name else "", rc=rc, host="h")
        (attempt,) = rows(parsed, "backup_jobs")
        assert attempt["state"] == state, name
        states[state] += 1
        made |= {row["label"] for row in rows(parsed, "backup_sets")}
    assert states == {OK: 3, WARN: 1, FAIL: 4}
    listed = rows(read("borg", "list", said("borg", "20_list.json")), "backup_sets")
    assert {row["label"] for row in listed} == made


def test_mariadb_eight_attempts_four_sets_four_failures(read: Read, said: Said) -> None:
    history = read("mariadb", "history", said("mariadb", "history.tsv"), host="shop1")
    good = {row["attempt_key"]: row for row in rows(history, "backup_jobs")}
    names = ("target_exists", "disk_full", "killed", "server_down")
    logs = [read("mariadb", "log", said("mariadb", f"fail_{n}.log"), host="shop1") for n in names]
    bad = [row for parsed in logs for row in rows(parsed, "backup_jobs")]
    assert Counter(row["state"] for row in [*good.values(), *bad]) == {OK: 4, FAIL: 3, "running": 1}
    assert not good.keys() & {row["attempt_key"] for row in bad}
    sets = rows(history, "backup_sets")
    assert [(s["log_start"], s["log_stop"]) for s in sets[:3]] == [
        ("0", "17127651"), ("17127651", "19593132"), ("19593132", "23732584"),
    ]  # fmt: skip
    assert {s["source_bytes"] for s in sets} == {None}, "the tool tells no size"
    newyork = sets[3]
    assert (newyork["started_at"], newyork["recovery_point_at"]) == (
        datetime(2026, 11, 23, 4, 52, 14), datetime(2026, 11, 23, 4, 52, 16),
    )  # fmt: skip


def test_barman_seven_attempts_by_log_and_catalog(read: Read, said: Said) -> None:
    newest = {
        row["attempt_key"]: row["state"]
        for parsed in (
            read("barman", "log", said("barman", "barman.log")),
            read("barman", "backups", said("barman", "list_failed.json")),
        )
        for row in rows(parsed, "backup_jobs")
    }
    assert Counter(newest.values()) == {OK: 4, "running": 1, FAIL: 2}


def test_pgbackrest_last_full_and_restores(read: Read, said: Said) -> None:
    last = rows(read("pgbackrest", "info", said("pgbackrest", "info_final.json")), "backup_sets")
    assert [row["backup_type"] for row in last] == ["full", "full"]
    assert (last[-1]["source_bytes"], last[-1]["repo_bytes"]) == (142_489_402, 31_147_794)
    text = said("pgbackrest", "orders-restore.log")
    done = [
        (row["restored_at"] - row["started_at"]).total_seconds()
        for row in rows(read("pgbackrest", "restore_log", text, native_id="orders-restore.log"),
                        "restore_jobs")
        if row["state"] == OK
    ]  # fmt: skip
    assert done == [pytest.approx(took, abs=0.02) for took in (2.941, 1.782, 3.784)]


def test_a_lock_that_is_held_is_no_attempt_and_hides_no_set(read: Read, said: Said) -> None:
    for name in ("info_running.json", "info_after_killed_orphan.json"):
        parsed = read("pgbackrest", "info", said("pgbackrest", name))
        assert (parsed.ok, list(parsed.frames)) == (True, ["backup_sets"])
        assert len(parsed.scopes) == 1


@pytest.mark.parametrize(
    ("name", "failures", "archived"),
    [
        ("ok", 0, "04:43:14.271608"),
        ("failing", 3, "04:43:41.007144"),
        ("disk_full", 12, "04:44:46.901465"),
    ],
)
def test_the_archiver_in_time(
    read: Read, said: Said, name: str, failures: int, archived: str
) -> None:
    (row,) = rows(
        read("postgresql", "archiver", said("postgresql", f"archiver_{name}.json"), host="h"),
        "log_archive",
    )
    moment = datetime.fromisoformat(f"2026-11-23T{archived}")
    assert (row["failed_count"], row["last_archived_at"]) == (failures, moment)
    assert row["archived_to_at"] == moment, "without knowledge of what waits: the lower bound"


@pytest.mark.parametrize(
    ("tool", "name", "total", "phases"),
    [
        ("pgbackrest", "drill_latest_result.json", 8.309, 3),
        ("pgbackrest", "drill_pitr_result.json", 5.447, 3),
        ("barman", "drill_result.json", 5.880, 3),
        ("mariadb", "drill_result.json", 4.044, 3),
    ],
)
def test_drills_of_the_labs(
    read: Read, said: Said, tool: str, name: str, total: float, phases: int
) -> None:
    """A drill's phases, told in CBCR's own record, give the time that the lab measured."""
    told = json.loads(said(tool, name))
    took = [told[f"{phase}_s"] for phase in ("restore", "recovery", "verify")]
    assert len(took) == phases
    begun = datetime(2026, 11, 23, 5)
    ends = [begun + timedelta(seconds=sum(took[: n + 1])) for n in range(phases)]
    keys = ("restored_at", "recovered_at", "verified_at")
    record = {"id": "d", "instance": "orders", "state": "succeeded", "verification": "passed",
              "requested_at": begun.isoformat() + "Z", "started_at": begun.isoformat() + "Z",
              **{k: end.isoformat() + "Z" for k, end in zip(keys, ends, strict=True)}}  # fmt: skip
    (row,) = rows(read("cbcr", "drill", json.dumps(record)), "restore_jobs")
    assert (row["verified_at"] - row["requested_at"]).total_seconds() == pytest.approx(
        total, abs=0.002
    )
    assert row["restored_at"] - row["started_at"] == timedelta(seconds=took[0])


def test_the_drill_of_the_five_tools_lab(read: Read, said: Said) -> None:
    told = json.loads(said("e2e", "drill.json"))
    record = {"id": told["drill_id"], "instance": told["instance"], "state": "succeeded",
              "verification": "passed" if told["rows_ok"] else "failed",
              "target_at": told["target_time"] + ":00", "requested_at": told["started"],
              "started_at": told["started"], "verified_at": told["finished"]}  # fmt: skip
    (row,) = rows(read("cbcr", "drill", json.dumps(record)), "restore_jobs")
    assert (row["verified_at"] - row["requested_at"]).total_seconds() == pytest.approx(
        2.595, abs=0.001
    )
    assert row["target_at"] == datetime(2026, 11, 23, 5, 11, 45, 575_571)


def test_a_device_that_is_not_exported_is_no_data_and_a_pushed_value_never_dies(
    read: Read, said: Said
) -> None:
    def answers(**names: str) -> str:
        found = {k: json.loads(said("prometheus", f"{n}.json")) for k, n in names.items()}
        return json.dumps({"start": 0, "end": 1, "step": 1, "answers": found})

    parsed = read("prometheus", "network", answers(rx="net_rx_rate", tx="net_rx_rate"))
    assert (parsed.ok, parsed.seen) == (True, 0)
    pushed = read("prometheus", "queue", answers(depth="pushed"))
    assert pushed.ok
    assert len(rows(pushed, "queue_samples")) > 1, "its job is gone, and nobody can see it"
