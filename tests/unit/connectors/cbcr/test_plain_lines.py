"""The fast way through a job log gives exactly what the exact way gives: rows, rejects, carry."""

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.cbcr.job_log import parse_job_log
from cbcr_assets.connectors.cbcr.plain_lines import plain_attempts

NOW = datetime.fromisoformat("2026-11-23T05:00:00")
LATEST = datetime.fromisoformat("2026-11-23T05:05:00")
EXACT = 10**9
# Other work on the machine must not fail a property.
calm = settings(
    deadline=None, derandomize=True, max_examples=400, suppress_health_check=[HealthCheck.too_slow]
)

WORDS = st.sampled_from(
    [
        "db1",
        "db2",
        "a b",
        " a",
        "a ",
        "",
        " ",
        "é",
        "\x00",
        "\x1f",
        "\x7f",
        '"',
        "\\",
        "\ud800",
        "a" * 200,
        "a" * 201,
        "a" * 1001,
        "type",
        '","rc":1',
        "{}",
        "\u2028",
        "\r",
        "1",
    ]
)
STAMPS = st.one_of(
    st.datetimes(datetime(1979, 1, 1), datetime(2201, 1, 1)).map(lambda at: at.isoformat() + "Z"),
    st.datetimes(datetime(2026, 11, 23, 4), datetime(2026, 11, 23, 5, 7)).map(
        lambda at: at.isoformat(timespec="milliseconds") + "Z"
    ),
    st.sampled_from(
        [
            "2026-11-23T04:00:00Z",
            "2026-11-23T04:10:00Z",
            "2026-11-23T04:00:00",
            "2026-11-23T04:00:00+00:00",
            "2026-02-30T04:00:00Z",
            "2026-11-23T04:00:60Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23 04:00:00Z",
            "2026-11-23T04:00:00.1Z",
            "2026-11-23T04:00:00.123456789Z",
            "2026-11-23T04:00Z",
            "2026-11-23",
            "2026-W47-1T04:00:00Z",
            "20261123T040000Z",
            "2026-11-23T05:05:00Z",
            "2026-11-23T05:05:00.000001Z",
            "2026-11-23T04:00:00z",
            "１２３４-11-23T04:00:00Z",
            1795406400,
            1795406400.5,
            None,
        ]
    ),
)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from(
        [2**31, -(2**31), 10**9, 10**18, 2**63 - 1, 2**63, 10**30, 1.0, 1.5, -0.0, True]
    ),
    st.sampled_from(["0", None, [0, 0], [0, 3], [], {}]),
)
USUAL_NUMBERS = st.integers(0, 10**18)
EVENTS = st.sampled_from(["begin", "end", "backup", "queued", "restore", "other", None])
USUAL = {
    "event": st.sampled_from(["begin", "end", "backup", "queued"]),
    "run_id": st.sampled_from(["r1", "r2", "r3", "r4", "r5", "r6", "r7", "7"]),
    "instance": st.sampled_from(["db1", "db1", "db2"]),
    "type": st.sampled_from(["full", "incr", "dump"]),
    "kind": st.just("backup"),
    "started_at": st.sampled_from(["2026-11-23T04:00:00Z", "2026-11-23T04:00:00.123456Z"]),
    "finished_at": st.sampled_from(
        [f"2026-11-23T{at}Z" for at in ("04:10:00.500", "03:10:00", "05:05:00", "05:05:00.001")]
    ),
    "scheduled_at": st.just("2027-01-01T00:00:00Z"),
    "state": st.sampled_from(["succeeded", "failed", "lost", "succeeded_with_warnings"]),
    "rc": st.sampled_from([0, 0, 1, -9]),
    "label": st.just("l1"),
    "worker": st.just("w1"),
    "tool": st.just("pg_dump"),
    "repo": st.just("repo1"),
    "source_bytes": USUAL_NUMBERS,
    "transferred_bytes": USUAL_NUMBERS,
    "bytes": USUAL_NUMBERS,
}
ODD = {
    "event": EVENTS,
    "run_id": st.one_of(WORDS, NUMBERS),
    "attempt": st.one_of(WORDS, st.just("r1")),
    "instance": st.one_of(WORDS, NUMBERS),
    "type": WORDS,
    "kind": st.sampled_from(["restore", "x", None]),
    "started_at": STAMPS,
    "finished_at": STAMPS,
    "scheduled_at": STAMPS,
    "requested_at": STAMPS,
    "state": st.sampled_from(["running", "queued", "succeeded", "cancelled", 1]),
    "rc": NUMBERS,
    "label": WORDS,
    "worker": WORDS,
    "tool": WORDS,
    "repo": WORDS,
    "source_bytes": NUMBERS,
    "transferred_bytes": NUMBERS,
    "bytes": NUMBERS,
    "duration_s": NUMBERS,
    "error": st.one_of(WORDS, st.just({"code": "064", "text": "no space"})),
    "error_code": WORDS,
    "extra": NUMBERS,
}


@st.composite
def usual_events(draw):
    """A whole event as a wrapper writes it."""
    name = draw(st.sampled_from(["begin", "end", "backup"]))
    keys = {"event", "run_id", "instance"} | (
        {"begin": {"started_at", "type"}, "end": {"finished_at", "rc"}}.get(
            name, {"started_at", "finished_at", "type", "state"}
        )
    )
    keys |= draw(
        st.sets(st.sampled_from(["worker", "label", "source_bytes", "kind", "tool", "rc"]))
    )
    values = {key: draw(USUAL[key]) for key in sorted(keys)} | {"event": name}
    if values.get("state") == "succeeded":
        values["rc"] = 0
    return values


@st.composite
def lines(draw):
    """One line: usual, or with odd fields, doubled keys, another form, or damage."""
    values = draw(usual_events())
    style = draw(
        st.sampled_from(["usual"] * 6 + ["any", "odd", "odd", "twice", "damaged", "other"])
    )
    if style == "any":
        values = draw(st.fixed_dictionaries({}, optional=USUAL))
    if style == "odd":
        keys = draw(st.lists(st.sampled_from(sorted(ODD)), min_size=1, max_size=3))
        values |= {key: draw(ODD[key]) for key in keys}
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    text = json.dumps(values, separators=separators, ensure_ascii=draw(st.booleans()))
    if style == "twice":
        key = draw(st.sampled_from(sorted(USUAL)))
        text = text[:-1] + f', "{key}": {json.dumps(draw(USUAL[key]))}}}'
    if style == "damaged":
        at = draw(st.integers(0, len(text)))
        text = draw(
            st.sampled_from(
                [
                    text[:at],
                    text[:at] + "\\" + text[at:],
                    text[at:],
                    f" {text} ",
                    text + "\r",
                    text.replace('"event"', '"\\u0065vent"'),
                    text.replace('"r1"', '"\\u00721"'),
                    text.replace(": ", ":  "),
                    text.replace("0", "00", 1),
                    text + text,
                ]
            )
        )
    if style == "other":
        text = draw(
            st.sampled_from(
                [
                    "",
                    " ",
                    "{}",
                    "[]",
                    "null",
                    '{"run_id": "r1"}',
                    "[" * 3000,
                    "7",
                    '{"attempt": 7}',
                    '{"run_id": NaN}',
                    "\ud800",
                ]
            )
        )
    return text


def both(payload, *, carry="", stream="l", tz="UTC", host="h"):
    """Read exactly and by the fast way; return what both say."""
    envelope = Envelope(
        "source", "job_log", "a.jsonl", payload, NOW, NOW, tz=tz, stream=stream, host=host
    )
    exact = parse_job_log(envelope, carry, fewest=EXACT)
    fast = parse_job_log(envelope, carry, fewest=1)
    assert fast.frames.keys() == exact.frames.keys()
    for table, frame in exact.frames.items():
        assert_frame_equal(fast.frames[table], frame, check_exact=True)
    assert (fast.rejects, fast.seen, fast.carry) == (exact.rejects, exact.seen, exact.carry)
    assert (fast.ok, fast.error) == (exact.ok, exact.error)
    return fast


@calm
@given(
    text=st.lists(lines(), max_size=14).map("\n".join),
    end=st.sampled_from(["\n", "", "\n\n"]),
    cut=st.floats(0, 1),
    stream=st.sampled_from(["l", ""]),
    tz=st.sampled_from(["UTC", "America/New_York"]),
    host=st.sampled_from(["h", "", "é"]),
)
def test_both_ways_give_the_same(text, end, cut, stream, tz, host):
    text += end
    at = int(len(text) * cut)
    first = both(text[:at], stream=stream, tz=tz, host=host)
    second = both(text[at:], carry=first.carry, stream=stream, tz=tz, host=host)
    plain = plain_attempts(text.split("\n"), envelope(), LATEST) if _storable(text) else ()
    event(f"plain lines: {min(len(plain), 3)}")
    event(f"rejected: {bool(first.rejects or second.rejects)}")


def _storable(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def envelope(host="h"):
    return Envelope("source", "job_log", "a.jsonl", "", NOW, NOW, stream="l", host=host)


def event_line(**values):
    return json.dumps(values)


BEGIN = {
    "event": "begin",
    "run_id": "r1",
    "instance": "db1",
    "type": "full",
    "started_at": "2026-11-23T04:00:00Z",
}
END = {
    "event": "end",
    "run_id": "r1",
    "instance": "db1",
    "rc": 0,
    "finished_at": "2026-11-23T04:10:00.250Z",
}


WHOLE = BEGIN | END | {"event": "backup", "started_at": "2025-01-01T00:00:00Z"}


def taken(*events):
    frame = plain_attempts([event_line(**e) for e in events], envelope(), LATEST)
    return frame["place_"].to_list()


def test_the_fast_way_takes_what_a_wrapper_writes():
    other = END | {"run_id": "r2"}
    assert taken(BEGIN, END, other) == [0, 1, 2]
    rows = both("".join(event_line(**e) + "\n" for e in (BEGIN, END, other))).frames["backup_jobs"]
    assert rows["duration_s"].to_list() == [None, 600.25, None]
    assert rows["state"].to_list() == ["running", "succeeded", "succeeded"]


@pytest.mark.parametrize(
    "events",
    [
        (BEGIN, END | {"instance": "db2"}),  # refused: another instance
        (BEGIN, BEGIN),
        (BEGIN, END, END),
        (BEGIN, END | {"finished_at": "2026-11-23T03:00:00Z"}),  # refused: before its begin
        (BEGIN, END | {"error": {"code": "1"}}),  # not plain, so its begin is needed beside it
        (BEGIN, END | {"rc": [0, 0]}),
        (BEGIN | {"kind": "restore"}, END),
        (END | {"rc": 10**9},),
        (END | {"state": "succeeded", "rc": 1},),
        (END | {"finished_at": "2026-11-23T05:06:00Z"},),
    ],
)
def test_the_fast_way_leaves_alone_whatever_could_be_doubted(events):
    assert taken(*events) == []
    both("".join(event_line(**e) + "\n" for e in events))


@calm
@given(st.integers(0, 400 * 86_400 * 10**6))
def test_durations_are_the_same_to_the_last_bit(took_us):
    began = datetime.fromisoformat("2025-01-01")
    ended = (began + timedelta(microseconds=took_us)).isoformat(timespec="microseconds")
    both(event_line(**WHOLE | {"finished_at": f"{ended}Z"}) + "\n")


def test_a_line_that_is_too_long_is_refused_beside_lines_that_are_read():
    both(event_line(**BEGIN) + "\n" + '{"run_id": "' + "x" * 5_000_000 + '"}\n' + event_line(**END))
