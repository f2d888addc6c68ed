"""The recorded history table and info file of mariadb-backup."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.mariadb import MariaDb

_RECORDED = Path(__file__).parents[3] / "recorded" / "mariadb"
_AT = datetime.fromisoformat("2026-11-23T06:00:00")


def _parse(kind: str, text: str) -> Parsed:
    return MariaDb().parse(Envelope("shop", kind, "x", text, _AT, _AT, host="db1"))


@pytest.mark.usefixtures("process_zone")
def test_four_successes():
    text = (_RECORDED / "history.tsv").read_text(encoding="utf-8")
    parsed = _parse("history", text)
    sets = parsed.frames["backup_sets"]
    assert sets["backup_type"].to_list() == ["full", "incr", "incr", "full"]
    assert sets["log_stop"].to_list()[:3] == ["17127651", "19593132", "23732584"]
    assert sets["recovery_point_at"][3] == datetime.fromisoformat("2026-11-23T04:52:16")
    full, first, _, _ = sets["label"].to_list()
    assert sets["parent_label"].to_list() == [None, full, first, None]
    assert parsed.rejects == ()
    assert parsed.scopes == ()


@pytest.mark.usefixtures("process_zone")
def test_history_and_info_share_the_key():
    history = _parse("history", (_RECORDED / "history.tsv").read_text(encoding="utf-8"))
    info = _parse("info", (_RECORDED / "full1_xtrabackup_info").read_text(encoding="utf-8"))
    for table in ("backup_jobs", "backup_sets"):
        assert info.frames[table].equals(history.frames[table].head(1))


HEAD = "uuid\tstart_time\tend_time\tinnodb_from_lsn\tinnodb_to_lsn\tpartial\tincremental"


def _row(**changes: str) -> Parsed:
    values = {
        "uuid": "u", "start_time": "2026-11-23 05:00:00", "end_time": "2026-11-23 05:01:00",
        "innodb_from_lsn": "0", "innodb_to_lsn": "7", "partial": "N", "incremental": "N",
    } | changes  # fmt: skip
    line = "\t".join(values[name] for name in HEAD.split("\t"))
    return _parse("history", f"{HEAD}\n{line}\n")


@pytest.mark.parametrize("turned", [False, True])
def test_an_incremental_of_nothing_builds_on_the_one_before_it(turned: bool):
    """Nothing was written: all end at the same place, two of them within one second."""
    lines = [
        "f\t2026-11-23 05:00:00\t2026-11-23 05:00:00\t0\t7\tN\tN",
        "i1\t2026-11-23 05:00:00\t2026-11-23 05:00:01\t7\t7\tN\tY",
        "i2\t2026-11-23 05:01:00\t2026-11-23 05:01:01\t7\t7\tN\tY",
        "lone\t2026-11-23 05:02:00\t2026-11-23 05:02:01\t5\t8\tN\tY",
    ]
    text = "\n".join([HEAD, *(reversed(lines) if turned else lines)]) + "\n"
    sets = _parse("history", text).frames["backup_sets"]
    parents = dict(zip(sets["label"], sets["parent_label"], strict=True))
    assert parents == {"f": None, "i1": "f", "i2": "i1", "lone": None}


def test_a_partial_backup_brings_back_no_instance():
    parsed = _row(partial="Y")
    (attempt,) = parsed.frames["backup_jobs"].to_dicts()
    assert list(parsed.frames) == ["backup_jobs"]
    assert attempt["state"] == "succeeded_with_warnings"
    assert "partial" in attempt["error_text"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"incremental": "Z"}, "enum"),
        ({"partial": "yes"}, "enum"),
        ({"end_time": "2026-11-23 04:59:59"}, "order"),
        ({"end_time": "2036-11-23 05:00:00"}, "future"),
        ({"end_time": "NULL"}, "missing"),
        ({"innodb_to_lsn": "-1"}, "type"),
        ({"start_time": "yesterday"}, "timestamp"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, str], rule: str):
    parsed = _row(**changes)
    assert ([reject.rule for reject in parsed.rejects], parsed.frames) == ([rule], {})


def test_without_the_column_the_first_lsn_tells_an_incremental():
    for first, kind in (("0", "full"), ("5", "incr")):
        row = _row(incremental="NULL", innodb_from_lsn=first)
        assert row.frames["backup_sets"]["backup_type"].to_list() == [kind]


@given(st.sampled_from(["history", "info"]), st.text())
def test_it_never_raises(kind: str, text: str):
    for payload in (text, f"uuid\tstart_time\n{text}", f"uuid = {text}"):
        parsed = _parse(kind, payload)
        assert parsed.seen == sum(map(len, parsed.frames.values())) + len(parsed.rejects)
