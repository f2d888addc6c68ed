"""Local stamps: zones, skipped and repeated hours."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbcr_assets.connectors.pgbackrest.clock import LogClock

pytestmark = pytest.mark.usefixtures("process_zone")

BERLIN = "Europe/Berlin"  # went back from 03:00 to 02:00 on 2026-10-25, at 01:00 UTC
BANNER = "-------------------PROCESS START-------------------\n"


def utc(text):
    return datetime.fromisoformat(f"2026-10-25T{text}")


def begin(clock, exec_id="1-a"):
    return (
        f"{BANNER}2026-10-25 {clock} P00   INFO: backup command begin 2.45:"
        f" --exec-id={exec_id} --stanza=orders\n"
    )


def end(clock, how):
    return f"2026-10-25 {clock} P00   INFO: backup command end: {how}\n"


def aborted(clock):
    return end(clock, "aborted with exception [056]")


@pytest.fixture
def times(parse, rows):
    def read(text, **facts):
        parsed = parse("backup_log", text, tz=BERLIN, **facts)
        return [(row["started_at"], row["finished_at"]) for row in rows(parsed)]

    return read


def test_an_unambiguous_stamp(times):
    assert times(begin("01:30:00.000") + aborted("01:30:01.000")) == [
        (utc("00:00:00") - timedelta(minutes=30), utc("00:00:00") - timedelta(seconds=1799))
    ]


def test_a_repeated_hour_is_the_first_pass_until_the_log_was_later(times):
    text = begin("02:10:00.000") + aborted("02:50:00.000")
    text += begin("02:10:00.000", "2-b") + aborted("02:50:00.000")
    assert times(text) == [
        (utc("00:10:00"), utc("00:50:00")),
        (utc("01:10:00"), utc("01:50:00")),
    ]


def test_a_command_across_the_change(times):
    assert times(begin("02:50:00.000") + aborted("02:05:00.000")) == [
        (utc("00:50:00"), utc("01:05:00"))
    ]


@pytest.mark.parametrize(
    ("started", "ended", "minutes", "expected"),
    [
        ("02:10", "02:20", 10, ("00:10:00", "00:20:00")),
        ("02:10", "02:20", 70, ("00:10:00", "01:20:00")),
        ("02:30", "03:10", 40, ("01:30:00", "02:10:00")),
        ("02:30", "03:10", 100, ("00:30:00", "02:10:00")),
        ("01:50", "02:10", 80, ("1", "01:10:00")),
    ],
)
def test_the_duration_tells_begin_and_end_exactly(started, ended, minutes, expected, times):
    took = f"completed successfully ({minutes * 60_000}ms)"
    ((first, last),) = times(begin(f"{started}:00.000") + end(f"{ended}:00.000", took))
    assert last == utc(expected[1])
    assert first == last - timedelta(minutes=minutes)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 700), max_size=6))
def test_cuts_do_not_change_the_reading(parse, rows, cuts):
    text = begin("02:10:00.000") + aborted("02:50:00.000")
    text += begin("02:10:00.000", "2-b")
    text += "2026-10-25 02:20:00.000 P01 DETAIL: backup file /x\n" + aborted("02:50:00.000")
    text += begin("02:55:00.000", "3-c")
    carry, begun, found = "", 0, {}
    for cut in [*sorted(cuts), len(text)]:
        answer = parse("backup_log", text[begun:cut], carry=carry, tz=BERLIN)
        found |= {row["attempt_key"]: row for row in rows(answer)}
        carry, begun = answer.carry, max(cut, begun)
        assert answer.rejects == ()
    assert [(row["started_at"], row["finished_at"]) for row in found.values()] == [
        (utc("00:10:00"), utc("00:50:00")),
        (utc("01:10:00"), utc("01:50:00")),
        (utc("01:55:00"), None),
    ]


def test_a_line_cannot_be_later_than_its_reading():
    clock = LogClock(BERLIN, utc("00:58:00"))
    assert clock.read("2026-10-25 02:57:00.000").at == utc("00:57:00")
    assert clock.read("2026-10-25 02:30:00.000").at == utc("00:30:00")


def test_lines_of_two_processes_may_be_a_little_out_of_order():
    clock = LogClock(BERLIN, utc("05:00:00"))
    assert clock.read("2026-10-25 02:30:00.500").at == utc("00:30:00.500")
    assert clock.read("2026-10-25 02:30:00.000").at == utc("00:30:00")


def test_a_skipped_hour_and_a_zone_west_of_utc():
    clock = LogClock("America/New_York", utc("05:00:00"))
    assert clock.read("2026-03-08 02:30:00.000").at == datetime.fromisoformat("2026-03-08T07:30")
    assert clock.read("2026-11-01 01:30:00.000").offset == "-0400"


@pytest.mark.parametrize("stamp", ["2026-02-30 00:00:00.000", "1960-01-01 00:00:00.000"])
def test_what_is_no_time_is_refused(stamp):
    with pytest.raises(ValueError, match=r"day|outside"):
        LogClock("UTC", utc("00:00:00")).read(stamp)
