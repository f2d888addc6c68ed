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
    row = _parse(text, tz="Asia/Tokyo").frames["backup_sets"].row(0, named=True)
    assert row["recovery_point_at"] == datetime.fromisoformat("2026-11-22T20:11:50")


@pytest.mark.usefixtures("process_zone")
def test_a_wrong_zone_that_makes_the_future_is_refused_with_advice():
    text = (_RECORDED / "job_after_dir_restart.csv").read_text(encoding="utf-8")
    parsed = _parse(text, tz="America/New_York")
    assert (parsed.frames, parsed.scopes) == ({}, ())
    assert {reject.rule for reject in parsed.rejects} == {"future"}
    assert "timezone" in parsed.rejects[0].reason


@pytest.mark.usefixtures("process_zone")
def test_sizes_kinds_and_what_had_nothing_to_do():
    parsed = _recorded("job_after_dir_restart.csv")
    rows = parsed.frames["backup_jobs"].to_dicts()
    assert [row["backup_type"] for row in rows] == [
        "full", "incr", "diff", "incr", "full", "full", "full",
    ]  # fmt: skip
    assert [row["transferred_bytes"] for row in rows[:4]] == [10_622_636, 2_000_814, 2_000_814, 0]
    assert rows[0]["source_bytes"] == 18_224_077
    assert rows[5]["finished_at"] == datetime.fromisoformat("2026-11-23T05:14:09")
    assert rows[6]["finished_at"] is None, "nobody knows when it ended"
    sets = parsed.frames["backup_sets"]
    assert sets["recovery_point_at"].to_list() == [
        datetime.fromisoformat(f"2026-11-23T05:{clock}")
        for clock in ("11:50", "11:57", "12:00", "12:03")
    ]


@pytest.mark.usefixtures("process_zone")
def test_waiting_for_a_volume_looks_like_running():
    rows = _recorded("job_while_waiting_media.csv").frames["backup_jobs"].to_dicts()
    assert (rows[-1]["state"], rows[-1]["finished_at"]) == ("running", None)


HEAD = "job,type,level,jobstatus,schedtime,starttime,endtime,realendtime,jobtdate,client,logtext"


def _row(**changes: str) -> Parsed:
    values = {
        "job": "j", "type": "B", "level": "F", "jobstatus": "T", "client": "db1", "logtext": "",
        "schedtime": "", "starttime": "2026-11-23 05:00:00", "endtime": "2026-11-23 05:01:00",
        "realendtime": "2026-11-23 05:01:00", "jobtdate": "0",
    } | changes  # fmt: skip
    tz = values.pop("tz", "UTC")
    line = ",".join(values[name] for name in HEAD.split(","))
    return _parse(f"{HEAD}\n{line}\n", tz=tz)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"level": "X"}, "level"),
        ({"level": " "}, "level"),
        ({"jobstatus": "Z"}, "status"),
        ({"endtime": "2026-11-23 04:59:59"}, "order"),
        ({"starttime": ""}, "missing"),
        ({"endtime": "2026-11-23 25:00:00"}, "timestamp"),
        ({"jobtdate": "soon"}, "type"),
    ],
)
def test_what_cannot_be_is_refused_and_proves_no_absence(changes: dict[str, str], rule: str):
    parsed = _row(**changes)
    assert ([reject.rule for reject in parsed.rejects], parsed.scopes) == ([rule], ())
    assert parsed.frames == {}


def test_a_failure_before_it_had_a_level_is_kept_with_its_reason():
    parsed = _row(level=" ", jobstatus="f", logtext="db1-fd JobId 8: Fatal error: no route to db1")
    (row,) = parsed.frames["backup_jobs"].to_dicts()
    assert (row["state"], row["backup_type"]) == ("failed", None)
    assert "no route" in row["error_text"]


@pytest.mark.parametrize("level", ["f", "B"])
def test_a_virtual_full_and_a_base_job_are_full(level: str):
    assert _row(level=level).frames["backup_sets"]["backup_type"].to_list() == ["full"]


def test_a_level_that_bareos_alone_has_and_a_device_that_it_waits_for():
    (row,) = _row(jobstatus="q", endtime="", realendtime="").frames["backup_jobs"].to_dicts()
    assert row["state"] == "running"


@pytest.mark.parametrize(
    ("end", "epoch", "meant"),
    [
        # Clocks in New York went from 02:00 back to 01:00 at 06:00 UTC on 2026-11-01.
        ("01:50:00", 0, "05:50:00"),
        ("01:50:00", 1793515800, "06:50:00"),
        ("01:10:00", 0, "06:10:00"),  # begun at 01:40: only the second pass is later
    ],
)
def test_the_hour_that_clocks_repeat(end: str, epoch: int, meant: str):
    parsed = _row(
        tz="America/New_York", jobtdate=str(epoch), starttime="2026-11-01 01:40:00",
        endtime=f"2026-11-01 {end}", realendtime=f"2026-11-01 {end}",
    )  # fmt: skip
    (row,) = parsed.frames["backup_sets"].to_dicts()
    assert row["finished_at"] == datetime.fromisoformat(f"2026-11-01T{meant}")
    # Which pass it began in nobody tells: the earlier one makes no backup newer than it is.
    assert row["recovery_point_at"] == datetime.fromisoformat("2026-11-01T05:40:00")


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
