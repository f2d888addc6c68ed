"""Cron schedules in their own zone, across changes of the clock."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from cbcr_assets.config import Inventory, expand_schedules
from cbcr_assets.config.inventory import Instance
from cbcr_assets.records import raw_table

calm = settings(deadline=None, derandomize=True, max_examples=50)
ZONES = [
    *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"),
    *("Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia"),
]
CRONS = [
    *("30 2 * * *", "0,30 2 * * *", "15 1,2,3 * * *", "0 0 * * *", "59 23 * * 0"),
    *("0 * * * *", "*/20 * * * *", "*/30 2 * * *", "5 */6 * * *", "0 3 1 * *", "0 2 * * 1-5"),
]


def instance(name="a", *, full=None, incr=None, zone="UTC", **columns):
    defaults = {"protect_from": None, "retired_at": None, "grace_s": 3600.0}
    schedules = {"timezone": zone, "full_schedule": full, "incr_schedule": incr}
    return Instance(name, defaults | schedules | columns, ())


def expand(*instances, start, until, known=None):
    return expand_schedules(Inventory(instances), start=start, until=until, known=known)


def runs(cron, zone, start, until, **columns):
    frame = expand(instance(full=cron, zone=zone, **columns), start=start, until=until)
    return frame["scheduled_at"].to_list()


def hours(*texts):
    return [datetime.fromisoformat(f"2026-{text}") for text in texts]


@pytest.mark.parametrize(
    ("zone", "cron", "day", "expected"),
    [
        # Berlin skips 02:00 to 03:00 on 29 March and repeats it on 25 October.
        ("Europe/Berlin", "30 2 * * *", "03-28", ("03-28T01:30", "03-29T01:00", "03-30T00:30")),
        ("Europe/Berlin", "0 3 * * *", "03-28", ("03-28T02:00", "03-29T01:00", "03-30T01:00")),
        ("Europe/Berlin", "30 2 * * *", "10-24", ("10-24T00:30", "10-25T00:30", "10-26T01:30")),
        ("Europe/Berlin", "0 3 * * *", "10-24", ("10-24T01:00", "10-25T02:00", "10-26T02:00")),
        # New York skips 02:00 to 03:00 on 8 March and repeats 01:00 to 02:00 on 1 November.
        ("America/New_York", "30 2 * * *", "03-07", ("03-07T07:30", "03-08T07:00", "03-09T06:30")),
        ("America/New_York", "30 1 * * *", "10-31", ("10-31T05:30", "11-01T05:30", "11-02T06:30")),
        ("America/New_York", "30 2 * * *", "10-31", ("10-31T06:30", "11-01T07:30", "11-02T07:30")),
    ],
)
def test_a_set_time_happens_once_a_day_whatever_the_clocks_do(zone, cron, day, expected):
    start = datetime.fromisoformat(f"2026-{day}")
    assert runs(cron, zone, start, start + timedelta(days=3)) == hours(*expected)


def test_two_times_that_are_skipped_together_are_one_run():
    start = datetime(2026, 3, 29)
    assert runs("0,30 2 * * *", "Europe/Berlin", start, start + timedelta(hours=22)) == hours(
        "03-29T01:00"
    )


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_every_hour_is_every_hour_that_passes(day):
    start = datetime.fromisoformat(day)
    found = runs("0 * * * *", "Europe/Berlin", start, start + timedelta(hours=23))
    assert found == [start + timedelta(hours=hour) for hour in range(24)]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-03-29", ()),
        ("2026-10-25", ("10-25T00:00", "10-25T00:30", "10-25T01:00", "10-25T01:30")),
    ],
)
def test_a_schedule_with_a_star_follows_the_clock(day, expected):
    start = datetime.fromisoformat(day)
    found = runs("*/30 2 * * *", "Europe/Berlin", start, start + timedelta(hours=20))
    assert found == hours(*expected)


@pytest.mark.parametrize(
    ("start", "until", "expected"),
    [
        ("11-23T02:00", "11-23T02:00", ("11-23T02:00",)),
        ("11-23T02:00:00.000001", "11-24T01:59:59", ()),
        ("11-23T01:59:59.5", "11-24T02:00", ("11-23T02:00", "11-24T02:00")),
        ("11-24T00:00", "11-23T00:00", ()),
    ],
)
def test_both_ends_of_the_range_are_in_it(start, until, expected):
    found = runs("0 2 * * *", "UTC", *hours(start, until))
    assert found == hours(*expected)


def test_nothing_is_asked_for_before_protection_and_after_retirement():
    found = runs(
        "0 2 * * *",
        "UTC",
        *hours("11-20", "11-30"),
        protect_from=datetime(2026, 11, 22, 2),
        retired_at=datetime(2026, 11, 25, 2),
    )
    assert found == hours("11-22T02:00", "11-23T02:00", "11-24T02:00")


def test_due_after_the_grace():
    frame = expand(
        instance("a", full="0 2 * * *", grace_s=5400.0),
        instance("b", full="0 2 * * *", grace_s=0.0),
        start=datetime(2026, 11, 23),
        until=datetime(2026, 11, 23, 12),
    )
    assert frame["due_at"].to_list() == hours("11-23T03:30", "11-23T02:00")


def test_the_frame_is_that_of_the_raw_table_in_order():
    frame = expand(
        instance("b", full="0 3 * * *", incr="0 2 * * *"),
        instance("a", incr="0 2 * * *"),
        instance("c"),
        start=datetime(2026, 11, 23),
        until=datetime(2026, 11, 24, 2),
    )
    assert dict(frame.schema) == raw_table("scheduled_runs").polars_schema
    assert frame.select("instance_id", "backup_type", "scheduled_at").rows() == [
        ("a", "incr", datetime(2026, 11, 23, 2)),
        ("a", "incr", datetime(2026, 11, 24, 2)),
        ("b", "full", datetime(2026, 11, 23, 3)),
        ("b", "incr", datetime(2026, 11, 23, 2)),
        ("b", "incr", datetime(2026, 11, 24, 2)),
    ]


@pytest.mark.parametrize("instances", [(), (instance("a"),)])
def test_no_schedule_is_an_empty_frame(instances):
    frame = expand(*instances, start=datetime(2026, 1, 1), until=datetime(2027, 1, 1))
    assert frame.is_empty()
    assert dict(frame.schema) == raw_table("scheduled_runs").polars_schema


moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1))
spans = st.timedeltas(timedelta(0), timedelta(days=10))


@calm
@given(st.sampled_from(CRONS), st.sampled_from(ZONES), moments, spans)
def test_runs_are_in_order_unique_and_in_range(cron, zone, start, span):
    found = runs(cron, zone, start, start + span)
    assert found == sorted(set(found))
    assert all(start <= run <= start + span for run in found)


# Around changes of the clock, where a range is cut matters most.
changes = st.sampled_from(
    [
        *(datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 1), datetime(2026, 3, 8, 7)),
        *(datetime(2026, 11, 1, 6), datetime(2026, 4, 4, 15), datetime(2026, 4, 23, 22)),
    ]
)
near = st.integers(-300, 300).map(lambda minutes: timedelta(minutes=minutes))


@calm
@given(st.sampled_from(CRONS), st.sampled_from(ZONES), changes, near, spans, spans)
def test_a_range_is_its_parts(cron, zone, change, offset, before, after):
    cut = change + offset
    start, until, step = cut - before, cut + after, timedelta(microseconds=1)
    parts = runs(cron, zone, start, cut) + runs(cron, zone, cut + step, until)
    assert parts == runs(cron, zone, start, until)


@calm
@given(
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
    st.dates(datetime(2020, 1, 1).date(), datetime(2034, 1, 1).date()),
)
def test_a_daily_run_happens_once_on_each_day_of_its_zone(hour, minute, zone, first):
    local = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone))
    utc = [(local + timedelta(days=n)).astimezone(ZoneInfo("UTC")) for n in (0, 365)]
    start, end = (moment.replace(tzinfo=None) for moment in utc)
    found = runs(f"{minute} {hour} * * *", zone, start, end - timedelta(seconds=1))
    assert len(found) == 365


def test_a_fleet_shares_its_schedules(monkeypatch):
    walked = []

    def counting(cron, start):
        walked.append((cron, start.tzinfo))
        return CronSim(cron, start)

    monkeypatch.setattr("cbcr_assets.config.schedule.CronSim", counting)
    fleet = [
        instance(f"db-{n}", full="0 1 * * 0", incr=f"{n % 60} 2 * * *", zone=ZONES[n % 3])
        for n in range(1000)
    ]
    frame = expand(*fleet, start=datetime(2026, 9, 24), until=datetime(2026, 11, 23))
    assert frame["instance_id"].n_unique() == 1000
    assert len(walked) == 3 + 60


def test_runs_that_are_known_are_not_walked_again():
    start, until = hours("01-01T00:00", "01-04T12:00")
    daily = [instance(name, full="0 0 * * *") for name in ("new", "old")]
    known = pl.DataFrame(
        {"instance_id": ["old"], "backup_type": ["full"], "known_until": hours("01-03T00:00")},
        schema_overrides={"known_until": pl.Datetime("us")},
    )
    found = expand(*daily, start=start, until=until, known=known)
    by_name = {name: part["scheduled_at"].to_list() for (name,), part in
               found.group_by("instance_id", maintain_order=True)}  # fmt: skip
    assert by_name == {
        "new": hours("01-01T00:00", "01-02T00:00", "01-03T00:00", "01-04T00:00"),
        "old": hours("01-04T00:00"),
    }
