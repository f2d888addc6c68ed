"""Good answers of every tool, spoilt in one place: never an exception, never a wrong record.

What is wrong without any knowledge of the tool: time that runs backwards or lies ahead, numbers
that cannot be, words that no model knows, text that no database stores, and a proof of absence out
of an answer that was not read whole.
"""

import gzip
import json
import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.registry import CONNECTORS, connector
from cbcr_assets.records import (
    BackupState,
    BackupType,
    Integrity,
    Lifecycle,
    Verification,
    raw_table,
)

RECORDED = Path(__file__).resolve().parents[2] / "recorded"
NOW = datetime(2026, 11, 23, 6)
AHEAD = timedelta(minutes=5)
_INT64 = 2**63
_LONGEST_SAMPLE = 12_000
FILES = {
    ("bacula", "jobs"): "job_after_dir_restart.csv",
    ("barman", "backups"): "21_list.json",
    ("barman", "backup"): "show_20261123T045837.json",
    ("barman", "backup_info"): "backup_infos.info",
    ("barman", "status"): "24_status.json",
    ("barman", "log"): "barman_info_level.log",
    ("borg", "list"): "08_list_with_checkpoint.json",
    ("borg", "info"): "21_info_all.json",
    ("borg", "create"): "02_create1.json",
    ("borg", "check"): "24_check.log",
    ("mariadb", "history"): "history.tsv",
    ("mariadb", "info"): "full1_xtrabackup_info",
    ("mariadb", "log"): "full1.log.gz",
    ("mariadb", "binlogs"): "binlogs.txt",
    ("pgbackrest", "info"): "info_before_restore.json",
    ("pgbackrest", "backup_log"): "orders-backup.log.gz",
    ("pgbackrest", "restore_log"): "orders-restore.log.gz",
    ("pgbackrest", "expire_log"): "orders-expire.log",
    ("pgbackrest", "verify_log"): "orders-verify.log",
    ("postgresql", "archiver"): "archiver_lag.json",
    ("restic", "snapshots"): "20_snapshots.json",
    ("restic", "backup"): "02_backup1.jsonl",
    ("restic", "forget"): "28_forget.txt",
    ("restic", "check"): "27_check.txt",
}
_AT, _TO = "2026-11-23T04:00:00Z", "2026-11-23T04:05:00Z"
_META = {"name": "b1", "uid": "u1", "labels": {"velero.io/schedule-name": "daily"},
         "creationTimestamp": _AT}  # fmt: skip
_RUN = {"phase": "Completed", "startTimestamp": _AT, "completionTimestamp": _TO, "warnings": 0}


def _velero(kind: str, **spec: Any) -> dict[str, Any]:
    item = {"kind": kind, "metadata": _META, "spec": spec, "status": _RUN}
    return {"kind": f"{kind}List", "items": [item, item | {"metadata": _META | {"uid": "u2"}}]}


def _prometheus(*names: str) -> dict[str, Any]:
    def answer(name: str) -> dict[str, Any]:
        labels = {"instance": "h", "job": "node", "mountpoint": "/", "device": "e", "queue": "q"}
        values = [[1795410094 + i, "1" if name == "up" else str(1000 + i)] for i in range(3)]
        series = {"metric": labels, "values": values}
        return {"status": "success", "data": {"resultType": "matrix", "result": [series]}}

    return {"start": 0, "end": 1, "step": 1, "answers": {n: answer(n) for n in (*names, "up")}}


_JOB = {"BackupJobId": "j", "ResourceArn": "a", "State": "COMPLETED", "CreationDate": _AT,
        "CompletionDate": _TO, "BackupSizeInBytes": 5, "BackupVaultName": "v"}  # fmt: skip
MADE: dict[tuple[str, str], Any] = {
    ("aws_backup", "backup_jobs"): {"BackupJobs": [_JOB, _JOB | {"BackupJobId": "k"}]},
    ("aws_backup", "restore_jobs"): {
        "RestoreJobs": [{"RestoreJobId": "r", "SourceResourceArn": "a", "Status": "COMPLETED",
                         "CreationDate": _AT, "CompletionDate": _TO}]
    },
    ("aws_backup", "recovery_points"): {
        "RecoveryPoints": [{"RecoveryPointArn": "p", "ResourceArn": "a", "BackupVaultName": "v",
                            "Status": "COMPLETED", "CreationDate": _AT, "CompletionDate": _TO,
                            "CalculatedLifecycle": {"DeleteAt": _TO}}]
    },
    ("velero", "backups"): _velero("Backup", storageLocation="s"),
    ("velero", "restores"): _velero("Restore", backupName="b1"),
    ("walg", "backups"): [
        {"backup_name": "base_000000010000000000000004", "start_time": _AT, "finish_time": _TO,
         "wal_file_name": "000000010000000000000004", "uncompressed_size": 9, "compressed_size": 3},
    ],
    ("walg", "wal_verify"): {
        "integrity": {"status": "OK", "details": [
            {"status": "FOUND", "segments_count": 3}, {"status": "MISSING_LOST",
                                                       "segments_count": 1}]},
    },
    ("prometheus", "storage"): _prometheus("size", "avail", "free"),
    ("prometheus", "network"): _prometheus("rx", "tx", "speed"),
    ("prometheus", "queue"): _prometheus("depth"),
    ("prometheus", "workers"): _prometheus("busy", "total"),
    ("cbcr", "catalog"): {"complete": True, "instances": ["orders"], "backups": [
        {"instance": "orders", "repo": "r", "label": "L", "type": "full", "started_at": _AT,
         "finished_at": _TO, "source_bytes": 7, "integrity": "ok", "lifecycle": "available"}]},
    ("cbcr", "drill"): {"id": "d", "instance": "orders", "requested_at": _AT, "started_at": _AT,
                        "restored_at": _TO, "recovered_at": _TO, "verified_at": _TO,
                        "state": "succeeded", "verification": "passed", "bytes": 7},
}  # fmt: skip
TEXTS = {
    ("cbcr", "job_log"): json.dumps({
        "event": "backup", "run_id": "x", "instance": "orders", "type": "full", "started_at": _AT,
        "finished_at": _TO, "state": "succeeded", "source_bytes": 7, "rc": 0}) + "\n",
    ("openmetrics", "metrics"):
        'node_filesystem_size_bytes{mountpoint="/srv"} 1000\n'
        'node_filesystem_avail_bytes{mountpoint="/srv"} 600\n'
        'node_network_receive_bytes_total{device="eth0"} 5\n'
        'backup_queue_depth{queue="q"} 3\n',
}  # fmt: skip
STREAMS = {"log", "backup_log", "restore_log", "expire_log", "verify_log", "metrics", "job_log"}
LISTS = {"backups", "list", "snapshots", "info", "jobs", "recovery_points", "catalog"}
WORDS = {
    "state": BackupState, "backup_type": BackupType, "integrity": Integrity,
    "lifecycle": Lifecycle, "verification": Verification,
}  # fmt: skip
ORDERS = [
    ("started_at", "finished_at"), ("requested_at", "verified_at"), ("started_at", "restored_at"),
    ("restored_at", "recovered_at"), ("recovered_at", "verified_at"),
    ("archived_from_at", "archived_to_at"),
]  # fmt: skip
PLANNED = {"expires_at", "target_at", "scheduled_at"}


def good(tool: str, kind: str) -> str:
    """A whole, good answer."""
    if (tool, kind) in MADE:
        return json.dumps(MADE[tool, kind])
    if (tool, kind) in TEXTS:
        return TEXTS[tool, kind]
    data = (RECORDED / tool / FILES[tool, kind]).read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
    head = text[:_LONGEST_SAMPLE]
    return text if kind in LISTS or len(text) == len(head) else head[: head.rfind("\n") + 1]


SAMPLES = {
    (tool, kind): good(tool, kind) for tool in CONNECTORS for kind in sorted(connector(tool).kinds)
}


def parse(tool: str, kind: str, payload: str, **facts: Any) -> Parsed:
    stream = "log:x" if kind in STREAMS else ""
    facts = {"host": "db1", "tz": "UTC", "started_at": NOW, "finished_at": NOW} | facts
    native_id = "orders-backup.log" if kind.endswith("_log") else "a.json"
    envelope = Envelope("s", kind, native_id, payload, stream=stream, **facts)
    return connector(tool).parse(envelope)


def check(parsed: Parsed, *, finished: datetime = NOW) -> None:
    """What must hold whatever a source says."""
    rows = sum(frame.height for frame in parsed.frames.values())
    assert parsed.seen == rows + len(parsed.rejects)
    assert parsed.ok or parsed.error
    assert not (parsed.scopes and not parsed.ok), "a failed reading proves no absence"
    for reject in parsed.rejects:
        assert reject.rule
        assert reject.reason
        (reject.payload + reject.reason + reject.native_id).encode()
    for name, frame in parsed.frames.items():
        assert dict(frame.schema) == dict(raw_table(name).polars_schema)
        for row in frame.iter_rows(named=True):
            check_row(name, row, finished + AHEAD)


def check_value(name: str, value: Any, latest: datetime) -> None:
    match value:
        case str():
            assert "\0" not in value.encode().decode(), name
        case datetime():
            assert datetime(1980, 1, 1) <= value, name
            assert value <= latest or name in PLANNED, (name, value)
        case float():
            assert math.isfinite(value), name
            assert value >= 0, name
        case int() if name != "exit_code":
            assert 0 <= value < _INT64, name


def check_row(table: str, row: dict[str, Any], latest: datetime) -> None:
    for name, value in row.items():
        check_value(name, value, latest)
    for name, words in WORDS.items():
        assert row.get(name) is None or row[name] in set(words), (name, row[name])
    for earlier, later in ORDERS:
        known = row.get(earlier) is not None and row.get(later) is not None
        assert not known or row[earlier] <= row[later], (earlier, later)
    if table in ("backup_jobs", "restore_jobs"):
        assert row["state"]
    if table in ("backup_jobs", "backup_sets", "restore_jobs"):
        assert row["native_instance"]
    for key in raw_table(table).key:
        # The instance of a sample is found by its alias later.
        assert row[key] is not None or key == "instance_id", key


def test_every_kind_has_a_good_sample() -> None:
    known = {*FILES, *MADE, *TEXTS}
    assert known == {(tool, kind) for tool in CONNECTORS for kind in connector(tool).kinds}
    for (tool, kind), text in SAMPLES.items():
        parsed = parse(tool, kind, text)
        check(parsed)
        assert parsed.ok, (tool, kind, parsed.error)
        assert parsed.frames or parsed.verdicts, (tool, kind)
        assert parsed.rejects == (), (tool, kind, parsed.rejects[:1])


class Raw(str):
    """JSON text that is put in as it is."""


DEEP = Raw("[" * 3_000 + "]" * 3_000)
HUGE = Raw("9" * 5_000)
SPOILT: list[Any] = [
    None, True, False, 0, -1, 1, 10**30, _INT64, _INT64 - 1, -(2**63), 0.5, -0.5, 1e308, "", " ",
    "x" * 1_500, "\ud800", "\x00", "\u202e", "1", "-1", "NaN", "done", "2036-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z", "1979-12-31T23:59:59Z", "2026-13-45T99:99:99Z", "yesterday",
    "2026-11-23", "2026-11-23T04:02:00-05:00", 1795410094, 1795410094000, [], {}, [[]], [None],
    {"a": 1}, DEEP, HUGE, Raw("NaN"), Raw("1e999"), Raw("-Infinity"), Raw('{"a":1,"a":2}'),
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document, the whole included."""
    found = [path]
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            found += places(inner, (*path, key))
    return found


def spoil(document: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> None:
    for key in path[:-1]:
        document = document[key]
    change(document, path[-1])


def dumped(document: Any) -> str:
    """Write JSON with raw parts put in."""
    raws: list[str] = []

    def marked(value: Any) -> Any:
        if isinstance(value, Raw):
            raws.append(str(value))
            return f"@@{len(raws) - 1}@@"
        if isinstance(value, dict):
            return {key: marked(inner) for key, inner in value.items()}
        return [marked(inner) for inner in value] if isinstance(value, list) else value

    text = json.dumps(marked(document))
    return re.sub(r'"@@(\d+)@@"', lambda found: raws[int(found[1])], text)


def json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


JSON_KINDS = [key for key, text in SAMPLES.items() if isinstance(json_of(text), (dict, list))]


@pytest.mark.parametrize(("tool", "kind"), JSON_KINDS)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_one_value_is_another(tool: str, kind: str, data: st.DataObject) -> None:
    document = json_of(SAMPLES[tool, kind])
    path = data.draw(st.sampled_from(places(document)))
    if not path:
        document = data.draw(st.sampled_from(SPOILT))
    elif isinstance(path[-1], str) and data.draw(st.booleans(), label="drop the key"):
        spoil(document, path, lambda inner, key: inner.pop(key))
    else:
        value = data.draw(st.sampled_from(SPOILT))
        spoil(document, path, lambda inner, key: inner.__setitem__(key, value))
    check(parse(tool, kind, dumped(document)))


@pytest.mark.parametrize(("tool", "kind"), JSON_KINDS)
def test_a_doubled_key_is_refused(tool: str, kind: str) -> None:
    """Nobody can know which of the two is meant: nothing of the object may be believed."""
    text = json.dumps(json_of(SAMPLES[tool, kind])) + "\n"
    doubled = re.sub(r'("(\w+)": (?:"[^"]*"|\d+))(?=[,}])', r'\1, "\2": 7', text, count=1)
    assert doubled != text
    parsed = parse(tool, kind, doubled)
    check(parsed)
    assert parsed.scopes == ()
    assert parsed.rejects or not parsed.ok or kind in ("create", "check"), parsed
    if kind == "create":
        assert "backup_sets" not in parsed.frames


def damage(data: st.DataObject, raw: bytearray) -> None:
    """Spoil bytes in one of the ways in which files are spoilt."""
    where = data.draw(st.integers(0, len(raw)), label="where")
    how = data.draw(st.sampled_from(["flip", "insert", "remove", "encode", "repeat", "blank"]))
    size = data.draw(st.integers(1, 40), label="size")
    part = bytes(raw[where : where + size])
    if how == "flip" and where < len(raw):
        raw[where] ^= 1 << data.draw(st.integers(0, 7))
    elif how == "insert":
        raw[where:where] = data.draw(st.binary(min_size=1, max_size=size))
    elif how == "remove":
        del raw[where : where + size]
    elif how == "encode":
        encoding = data.draw(st.sampled_from(["utf-16", "utf-32-be", "cp037", "utf-8-sig"]))
        raw[where : where + size] = part.decode("latin-1").encode(encoding)
    elif how == "repeat":
        raw[where:where] = part
    else:
        raw[where : where + size] = b"\0" * len(part)


@pytest.mark.parametrize(("tool", "kind"), list(SAMPLES))
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_bytes_are_damaged(tool: str, kind: str, data: st.DataObject) -> None:
    raw = bytearray(SAMPLES[tool, kind].encode())
    for _ in range(data.draw(st.integers(1, 3))):
        damage(data, raw)
    check(parse(tool, kind, raw.decode("utf-8", "backslashreplace")))


@pytest.mark.parametrize(("tool", "kind"), list(SAMPLES))
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_cut_answer_proves_no_absence(tool: str, kind: str, data: st.DataObject) -> None:
    text = SAMPLES[tool, kind]
    whole = parse(tool, kind, text)
    kept = text[: data.draw(st.integers(0, len(text.rstrip()) - 1))]
    parsed = parse(tool, kind, kept)
    check(parsed)
    # A table that ends between two rows cannot be told from a shorter one.
    if whole.scopes and not (tool == "bacula" and kept.endswith("\n")):
        assert parsed.scopes == ()


@pytest.mark.parametrize(
    "zone", ["America/New_York", "Asia/Tokyo", "Europe/Berlin", "Pacific/Apia"]
)
@pytest.mark.parametrize(("tool", "kind"), list(SAMPLES))
def test_clocks_that_differ(tool: str, kind: str, zone: str) -> None:
    """Read in another zone, or with a clock that is behind: nothing lies in the future."""
    check(parse(tool, kind, SAMPLES[tool, kind], tz=zone))
    early = NOW - timedelta(hours=1, minutes=30)
    parsed = parse(tool, kind, SAMPLES[tool, kind], started_at=early, finished_at=early)
    check(parsed, finished=early)


BACK = {"America/New_York": "2026-11-01", "Europe/Berlin": "2026-10-25"}
_STAMP = re.compile(r"2026-11-2[23]([ T])\d\d:(\d\d):(\d\d)")


@pytest.mark.parametrize("zone", BACK)
@pytest.mark.parametrize(("tool", "kind"), list(SAMPLES))
def test_the_hour_that_clocks_repeat(tool: str, kind: str, zone: str) -> None:
    """All stamps moved into the repeated hour: rows stay in order, whichever pass is meant."""
    hour = "01" if zone.startswith("America") else "02"
    text = _STAMP.sub(rf"{BACK[zone]}\g<1>{hour}:\2:\3", SAMPLES[tool, kind])
    parsed = parse(tool, kind, text, tz=zone)
    check(parsed)


def test_the_checks_can_fail() -> None:
    """What these tests look for would be seen."""
    parsed = parse("walg", "backups", SAMPLES["walg", "backups"])
    frame = parsed.frames["backup_sets"]
    for change in (
        pl.lit(NOW + timedelta(hours=1)).alias("finished_at"),
        pl.lit(NOW - timedelta(days=9)).alias("finished_at"),
        pl.lit(-1, pl.Int64).alias("source_bytes"),
        pl.lit("done").alias("lifecycle"),
        pl.lit("a\0b").alias("log_start"),
    ):
        wrong = Parsed(frames={"backup_sets": frame.with_columns(change)}, seen=frame.height)
        with pytest.raises(AssertionError):
            check(wrong)
