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


@given(st.sampled_from(["history", "info"]), st.text())
def test_it_never_raises(kind: str, text: str):
    for payload in (text, f"uuid\tstart_time\n{text}", f"uuid = {text}"):
        parsed = _parse(kind, payload)
        assert parsed.seen == sum(map(len, parsed.frames.values())) + len(parsed.rejects)
