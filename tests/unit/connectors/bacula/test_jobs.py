"""The recorded Bacula catalog, before and after the director was killed, and after a purge."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbcr_assets.connectors.bacula import Bacula
from cbcr_assets.connectors.base import Envelope, Parsed

_RECORDED = Path(__file__).parents[3] / "recorded" / "bacula"
_AT = datetime.fromisoformat("2026-11-23T06:00:00")


def _parse(text: str, **facts: str) -> Parsed:
    return Bacula().parse(Envelope("bac", "jobs", "job.csv", text, _AT, _AT, **facts))


def _states(name: str) -> list[str]:
    return _recorded(name).frames["backup_jobs"]["state"].to_list()


def _recorded(name: str) -> Parsed:
    return _parse((_RECORDED / name).read_text(encoding="utf-8"))


@pytest.mark.usefixtures("process_zone")
def test_all_jobs_with_their_states():
    good = ["succeeded"] * 4
    assert _states("job_after_dir_killed.csv") == [*good, "cancelled", "failed", "running"]
    assert _states("job_after_dir_restart.csv") == [*good, "cancelled", "failed", "lost"]


@pytest.mark.usefixtures("process_zone")
def test_the_restore_is_a_restore():
    (row,) = _recorded("job_after_dir_restart.csv").frames["restore_jobs"].to_dicts()
    assert row["bytes"] == 20_224_082
    assert (row["restored_at"] - row["started_at"]).total_seconds() == 12


@pytest.mark.usefixtures("process_zone")
def test_a_purge_leaves_one_set_and_names_the_clients():
    parsed = _recorded("job_view.csv")
    assert parsed.frames["backup_sets"]["label"].to_list() == ["orders-dump.2026-11-23_05.12.01_09"]
    assert [scope.native_instance for scope in parsed.scopes] == ["db-crm-1", "db-orders-1"]


@pytest.mark.usefixtures("process_zone")
def test_the_recovery_point_is_the_start_in_the_directors_zone():
    text = (_RECORDED / "job_after_dir_restart.csv").read_text(encoding="utf-8")
    row = _parse(text, tz="America/New_York").frames["backup_sets"].row(0, named=True)
    assert row["recovery_point_at"] == datetime.fromisoformat("2026-11-23T10:11:50")


@pytest.mark.usefixtures("process_zone")
def test_tabs_and_capitals_are_the_same_and_a_cut_text_proves_no_absence():
    text = (_RECORDED / "job_view.csv").read_text(encoding="utf-8")
    head, _, rest = text.replace(",", "\t").partition("\n")
    parsed = _parse(f"{head.upper()}\n{rest}")
    assert parsed.frames["backup_jobs"].equals(_parse(text).frames["backup_jobs"])
    assert _parse(text.rstrip("\n")).scopes == ()


@given(st.text())
def test_it_never_raises(text: str):
    head = (_RECORDED / "job.csv").read_text(encoding="utf-8").split("\n", 1)[0]
    for payload in (text, f"{head}\n{text}"):
        parsed = _parse(payload)
        assert parsed.seen == sum(map(len, parsed.frames.values())) + len(parsed.rejects)


@pytest.mark.usefixtures("process_zone")
def test_each_job_builds_on_the_one_that_bacula_restores_first():
    frame = _recorded("job_after_dir_restart.csv").frames["backup_sets"].sort("started_at")
    full, incr, diff, last = frame["label"].to_list()
    assert frame["backup_type"].to_list() == ["full", "incr", "diff", "incr"]
    assert frame["parent_label"].to_list() == [None, full, full, diff]
    assert len({full, incr, diff, last}) == 4
