"""The fast way through a backup log gives what the exact way gives: rows, rejects, carry."""

import random
import re
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.pgbackrest.backup_log import _FACTS, parse_backup_log
from cbcr_assets.connectors.pgbackrest.plain_backups import plain_backups
from cbcr_assets.connectors.transports.text import storable

READ_AT = datetime.fromisoformat("2026-11-23T05:00:00")
EXACT = 10**9
BANNER = "-------------------PROCESS START-------------------"
# Other work on the machine must not fail a property.
calm = settings(
    deadline=None, derandomize=True, max_examples=200, suppress_health_check=[HealthCheck.too_slow]
)


def both(payload, *, carry="", stream="l", tz="UTC", host="h", native_id="orders-backup.log"):
    """Read exactly and by the fast way; return what both say."""
    envelope = Envelope(
        "source", "backup_log", native_id, payload, READ_AT, READ_AT,
        tz=tz, stream=stream, host=host,
    )  # fmt: skip
    exact = parse_backup_log(envelope, carry, fewest=EXACT)
    fast = parse_backup_log(envelope, carry, fewest=1)
    assert fast.frames.keys() == exact.frames.keys()
    for table, frame in exact.frames.items():
        assert_frame_equal(fast.frames[table], frame, check_exact=True)
    assert (fast.rejects, fast.seen, fast.carry) == (exact.rejects, exact.seen, exact.carry)
    assert fast.seen == sum(f.height for f in fast.frames.values()) + len(fast.rejects)
    return fast


def plain(text, *, tz="UTC"):
    """How many backups of a text the fast way takes."""
    envelope = Envelope("s", "backup_log", "orders-backup.log", "", READ_AT, READ_AT, tz=tz)
    return len(plain_backups(storable(text).split("\n"), envelope, _FACTS).passages)


def line(at, text, level="INFO", process="P00"):
    return f"{at.isoformat(' ', 'milliseconds')} {process} {level:>6}: {text}"


def backup(at, number, *, kind="full", more=(), options="", took_ms=5201):
    """The lines of one backup as pgBackRest writes them."""
    label = f"{at:%Y%m%d-%H%M%S}F" + ("" if kind == "full" else f"_{at:%Y%m%d-%H%M%S}I")
    told = (
        f"--exec-id={number}-{number:08x} --lock-path=/l --repo1-path=/r"
        f" --stanza=orders --type={kind}{options}"
    )
    return [
        BANNER,
        line(at, f"backup command begin 2.45: {told}"),
        line(at, "backup start archive = 00000001, lsn = 0/7000028"),
        line(at, "backup file /pg/base/1 (4.3MB, 4.98%)", "DETAIL", "P02"),
        *(line(at, *said) for said in more),
        line(at, f"new backup label = {label}"),
        line(at, f"{kind} backup size = 86.4MB, file total = 971"),
        line(at + timedelta(milliseconds=took_ms), "backup command end: completed successfully"
             f" ({took_ms}ms)"),
        "",
    ]  # fmt: skip


OPTIONS = st.sampled_from([
    "", "", "", " --repo=2", " --repo=x", " --repo3-path=/x --no-repo2-y", " --repo", ' --a="b c"',
    " --a=x--stanza=z", " --stanza=other", " --exec-id=9-9", " --x--exec-id=9-9", " --stanza=",
    " --a=é", " bare", "  --two-spaces", " --type=diff", " --repo99999-path=1", " --ann=\x00",
])  # fmt: skip
MORE = st.lists(
    st.sampled_from([
        ("no prior backup exists, incr backup has been changed to full", "WARN"),
        ("invalid page checksum found in file x at page 1", "WARN"),
        ("option 'repo1-retention-full' is not set", "WARN"),
        ("[055]: no such file", "ERROR"),
        ("assert", "ASSERT"),
        ("new backup label = 20260101-000000F_20260102-000000D",),
        ("new backup label = 20260101-000000F ",),
        ("full backup size = 9999PB",),
        ("incr backup size = 1.5KB, file total = 1",),
        ("diff backup size = 12345B",),
        ("restore command begin 2.45: --stanza=orders",),
        ("backup command begin 2.45: --stanza=orders --exec-id=7-7",),
        ("backup command end: aborted with exception [050]",),
        ("backup command end: completed successfully",),
        ("backup command end: completed successfully (5201ms)",),
        ("expire command end: completed successfully (1ms)",),
        ("about a command begin or a command end:",),
        ("read up to here", "CARRY"),
        ("odd level", "NOTICE"),
        ("debug", "DEBUG"),
        ("from a child", "INFO", "P01"),
        ("from a child", "ERROR", "P12"),
        ("from a child", "INFO", "P100"),
        ("three digits", "INFO", "P000"),
        ("é",), ("a\x00b",), ("a\ttab",), ("\ud800",), ("x" * 70_000,),
    ]),
    max_size=2,
)  # fmt: skip
EXTRA = st.sampled_from([
    None, "  a line that continues another", "garbage", "", " ", "\r", BANNER, BANNER + " ",
    "-----PROCESS START-----", "2026-02-30 04:00:00.000 P00   INFO: no such day",
    "2026-11-23 24:00:00.000 P00   INFO: no such hour", "2026-11-23 04:59:60.000 P00   INFO: leap",
    "1979-01-01 00:00:00.000 P00   INFO: long ago", "2026-11-23 04:00:00.000 P00 INFO: narrow",
    "2026-11-23 04:00:00.000-0500 P00   INFO: with an offset",
    "2026-11-23 04:59:00.000 P00   INFO: later than the end", "\u2028", "\x85",
    "２026-11-23 04:00:00.000 P00   INFO: wide digits",
])  # fmt: skip
BERLIN_BACK = datetime(2026, 10, 25, 1, 30)
STARTS = st.one_of(
    st.datetimes(datetime(2026, 10, 24, 22), datetime(2026, 10, 25, 5)),
    st.datetimes(datetime(2026, 3, 29, 0), datetime(2026, 3, 29, 5)),
    st.datetimes(datetime(2026, 11, 23, 3), datetime(2026, 11, 23, 5, 10)),
    st.sampled_from([datetime(1980, 1, 1), datetime(2199, 12, 31, 23, 59, 59), BERLIN_BACK]),
)


@st.composite
def blocks(draw):
    """One command: mostly as usual, else with something odd or missing."""
    took = draw(st.sampled_from([0, 1, 333, 5201, 5201, 3_600_001, 40 * 86_400_000]))
    said = backup(
        draw(STARTS), draw(st.integers(1, 4)), kind=draw(st.sampled_from(["full", "incr"])),
        options=draw(OPTIONS), more=draw(st.one_of(st.just(()), MORE)), took_ms=took,
    )  # fmt: skip
    style = draw(st.sampled_from(["usual"] * 6 + ["without", "extra", "double", "swap", "moved"]))
    at = draw(st.integers(0, len(said) - 1))
    if style == "without":
        del said[at]
    if style == "extra" and (extra := draw(EXTRA)) is not None:
        said.insert(at, extra)
    if style == "double":
        said.insert(at, said[at])
    if style == "swap":
        said[at], said[at - 1] = said[at - 1], said[at]
    if style == "moved":
        told = draw(st.sampled_from(["5ms", "1" * 12 + "ms", "1" * 13 + "ms", "ms"]))
        said = [text.replace("5201ms", told) for text in said]
    return said


@pytest.mark.slow
@calm
@given(
    parts=st.lists(blocks(), max_size=6),
    end=st.sampled_from(["\n", "", "\n\n", "\r\n"]),
    cuts=st.lists(st.floats(0, 1), max_size=2),
    stream=st.sampled_from(["l", ""]),
    tz=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_both_ways_give_the_same(parts, end, cuts, stream, tz):
    text = "\n".join(said for block in parts for said in block) + end
    event(f"plain: {min(plain(text, tz=tz), 3)}")
    carry, begun = "", 0
    for cut in [*sorted(int(len(text) * cut) for cut in cuts), len(text)]:
        carry = both(text[begun:cut], carry=carry, stream=stream, tz=tz).carry
        begun = cut


@pytest.mark.slow
@calm
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 12), stream=st.sampled_from(["l", ""]))
def test_both_ways_give_the_same_of_a_damaged_log(seed, changes, stream):
    rng = random.Random(seed)
    at = datetime(2026, 11, 23, 2)
    lines = [x for n in range(6) for x in backup(at + timedelta(minutes=n), n + 1)]
    damaged = bytearray("\n".join(lines).encode())
    for _ in range(changes):
        place = rng.randrange(len(damaged))
        match rng.randrange(3):
            case 0:
                damaged[place] = rng.randrange(256)
            case 1:
                del damaged[place : place + rng.randrange(200)]
            case _:
                damaged[place:place] = damaged[rng.randrange(len(damaged)) :][: rng.randrange(300)]
    text = bytes(damaged).decode("utf-8", "backslashreplace")
    event(f"plain: {plain(text)}")
    both(text, stream=stream)


def test_the_fast_way_takes_what_pgbackrest_writes():
    at = datetime(2026, 11, 23, 4)
    lines = [*backup(at, 1), *backup(at + timedelta(minutes=9), 2, kind="incr"), ""]
    parsed = both("\n".join(lines))
    assert plain("\n".join(lines)) == 2
    rows = parsed.frames["backup_jobs"]
    assert rows["attempt_key"].to_list() == ["orders:1-00000001", "orders:2-00000002"]
    assert rows["backup_type"].to_list() == ["full", "incr"]
    assert rows["source_bytes"].to_list() == [90596966] * 2
    assert rows["duration_s"].to_list() == [5.201] * 2


def test_rows_stay_in_the_order_of_the_log():
    at = datetime(2026, 11, 23, 4)
    failed = [*backup(at, 2)[:3], line(at, "backup command end: aborted with exception [050]")]
    lines = [*backup(at, 1), *failed, *backup(at, 3), *failed[:3], *backup(at, 4), *backup(at, 5)]
    parsed = both("\n".join([*lines, ""]))
    assert plain("\n".join(lines)) == 4
    keys = parsed.frames["backup_jobs"]["attempt_key"].to_list()
    assert [key.split(":")[1][0] for key in keys] == ["1", "2", "3", "2", "4", "5"]


def test_a_backup_that_is_open_before_is_found_lost_by_the_next():
    at = datetime(2026, 11, 23, 4)
    lines = [*backup(at, 1)[:3], *backup(at + timedelta(minutes=1), 2), ""]
    parsed = both("\n".join(lines))
    assert parsed.frames["backup_jobs"]["state"].to_list() == ["lost", "succeeded"]


def test_the_recorded_log(recorded):
    text = recorded("orders-backup.log")
    both(text)
    assert plain(text) > 0
    short = re.sub(r".* DETAIL: .*\n", "", text)
    for cut in range(0, len(short), 997):
        first = both(short[:cut])
        both(short[cut:], carry=first.carry)
