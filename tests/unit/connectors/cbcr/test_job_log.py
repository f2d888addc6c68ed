"""The job log: what a line becomes, what is refused, and that no cut loses a line."""

import json
import time
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Other work on the machine must not fail a property.
calm = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

BEGIN = {
    "event": "begin",
    "run_id": "r1",
    "instance": "orders-db",
    "type": "dump",
    "started_at": "2026-11-23T04:00:00Z",
}
END = {
    "event": "end",
    "run_id": "r1",
    "instance": "orders-db",
    "finished_at": "2026-11-23T04:07:30Z",
    "rc": 0,
}
WHOLE = BEGIN | END | {"event": "backup", "run_id": "r2"}


def at(text):
    return datetime.fromisoformat(text)


def test_the_documented_example_becomes_attempts_and_a_restore(parse, example):
    parsed = parse("job_log", example("job_log"))
    assert parsed.rejects == ()
    jobs = parsed.frames["backup_jobs"].to_dicts()
    assert [(j["attempt_key"], j["state"], j["exit_code"]) for j in jobs] == [
        ("01JDC2K8", "running", None),
        ("01JDC2K8", "succeeded", 0),
        ("01JDC3M1", "failed", 64),
    ]
    assert jobs[1]["duration_s"] == 450.0
    assert jobs[1]["backup_label"] == "orders-20261123"
    assert jobs[2]["error_code"] == "064"
    assert jobs[2]["error_class"] == "no_space"
    restores = parsed.frames["restore_jobs"].to_dicts()
    assert {r["restore_key"] for r in restores} == {"01JDC4Q7"}
    assert restores[1]["restored_at"] == at("2026-11-23T04:38:20")
    assert restores[1]["verification"] is None
    assert parsed.seen == 5


def test_an_end_has_no_defaults_that_would_overwrite_its_begin(parse):
    begin, end = parse("job_log", [BEGIN, END], host="h").frames["backup_jobs"].to_dicts()
    assert (begin["tool"], begin["worker"]) == ("cbcr", "h")
    assert (end["backup_type"], end["tool"], end["worker"]) == (None, None, None)


def test_an_end_learns_its_start_from_the_begin_of_the_same_piece(parse):
    rows = parse("job_log", [BEGIN, END]).frames["backup_jobs"].to_dicts()
    assert rows[1]["started_at"] == at("2026-11-23T04:00:00")
    assert rows[1]["first_seen_at"] == at("2026-11-23T05:00:00")
    assert rows[1]["source_id"] == "wrapper"


@pytest.mark.parametrize(
    ("rc", "state"), [(0, "succeeded"), (3, "failed"), ([0, 0], "succeeded"), ([3, 0], "failed")]
)
def test_the_state_follows_from_the_exit_code_of_every_stage(parse, rc, state):
    row = parse("job_log", [END | {"rc": rc}]).frames["backup_jobs"].row(0, named=True)
    assert row["state"] == state
    assert row["exit_code"] == (max(rc) if isinstance(rc, list) else rc)


@pytest.mark.parametrize(
    ("line", "rule", "hint"),
    [
        ({"event": "start"}, "enum", "begin, end"),
        ({"event": None}, "missing", "event"),
        (BEGIN | {"instance": None}, "missing", "instance"),
        (BEGIN | {"instance": " "}, "value", "instance"),
        (BEGIN | {"instance": ["a"]}, "type", "instance"),
        (BEGIN | {"run_id": None}, "missing", "run_id"),
        (BEGIN | {"type": "copy"}, "enum", "full, diff, incr, dump, snapshot"),
        (BEGIN | {"type": None}, "missing", "type"),
        (BEGIN | {"started_at": None}, "missing", "started_at"),
        (BEGIN | {"started_at": "yesterday"}, "timestamp", "ISO 8601"),
        (BEGIN | {"started_at": 1795410000000}, "timestamp", "milliseconds"),
        (BEGIN | {"started_at": "2026-11-23T05:06:00Z"}, "future", "clock"),
        (BEGIN | {"state": "failed"}, "state", "leave state out"),
        (BEGIN | {"finished_at": "2026-11-23T04:07:30Z"}, "order", "event end"),
        (END | {"rc": None}, "missing", "how it ended"),
        (END | {"rc": 1.5}, "type", "rc"),
        (END | {"rc": True}, "type", "rc"),
        (END | {"rc": []}, "type", "every pipe stage"),
        (END | {"rc": [0, None]}, "type", "every pipe stage"),
        (END | {"rc": 2**31}, "range", "rc"),
        (END | {"state": "running"}, "state", "not an end"),
        (END | {"state": "succeeded", "rc": 3}, "state", "succeeded_with_warnings"),
        (WHOLE | {"finished_at": "2026-11-23T03:59:59Z"}, "order", "before started_at"),
        (WHOLE | {"kind": "restore"}, "enum", "contradicts"),
        (WHOLE | {"duration_s": -1}, "range", "duration_s"),
        (WHOLE | {"duration_s": 1e12}, "range", "duration_s"),
        (WHOLE | {"duration_s": "7"}, "type", "duration_s"),
        (WHOLE | {"source_bytes": -1}, "range", "source_bytes"),
        (WHOLE | {"source_bytes": 2**63}, "range", "source_bytes"),
        (WHOLE | {"error": 5}, "type", "error"),
        ([1], "type", "JSON object"),
    ],
)
def test_a_wrong_line_is_refused_with_its_place_and_what_to_do(parse, line, rule, hint):
    parsed = parse("job_log", [WHOLE, line])
    (reject,) = parsed.rejects
    assert (reject.rule, reject.native_id) == (rule, "20261123-x.jsonl:2")
    assert hint in reject.reason
    assert json.loads(reject.payload) == line
    assert (parsed.seen, parsed.frames["backup_jobs"].height, parsed.ok) == (2, 1, True)


def test_nan_is_no_json(parse):
    (reject,) = parse("job_log", '{"event": "end", "duration_s": NaN}\n').rejects
    assert reject.rule == "json"
    assert "NaN" in reject.reason


def test_an_end_before_its_begin_is_refused(parse):
    parsed = parse("job_log", [BEGIN, END | {"finished_at": "2026-11-23T03:00:00Z"}])
    assert [r.rule for r in parsed.rejects] == ["order"]


def test_a_run_id_of_two_instances_is_refused(parse):
    parsed = parse("job_log", [BEGIN, END | {"instance": "billing-db"}])
    assert [r.rule for r in parsed.rejects] == ["identity"]


def test_stamps_without_offset_are_read_in_the_envelopes_zone(parse):
    line = WHOLE | {"started_at": "2026-11-22T23:00:00", "finished_at": "2026-11-22T23:01:00"}
    row = parse("job_log", [line], tz="America/New_York").frames["backup_jobs"].row(0, named=True)
    assert row["started_at"] == at("2026-11-23T04:00:00")


def test_an_unknown_zone_refuses_the_envelope(parse):
    parsed = parse("job_log", [WHOLE], tz="Mars/Olympus")
    assert not parsed.ok
    assert parsed.rejects[0].rule == "timezone"


def test_an_unknown_error_class_does_not_cost_the_failure(parse):
    line = END | {"rc": 1, "error": {"class": "gremlins", "text": "x\nFATAL: password=hunter2"}}
    row = parse("job_log", [line]).frames["backup_jobs"].row(0, named=True)
    assert row["error_class"] == "other"
    assert row["error_text"] == "FATAL: password=***"


def test_a_cut_line_is_carried_only_in_streams(parse):
    text = json.dumps(WHOLE)[:-5]
    streamed = parse("job_log", text, stream="job_log:/var/log/jobs")
    assert (streamed.carry, streamed.seen) == (text, 0)
    whole = parse("job_log", text)
    assert (whole.carry, [r.rule for r in whole.rejects]) == ("", ["json"])


def test_a_heartbeat_keeps_the_carry(parse):
    parsed = parse("job_log", "", carry='{"event"', stream="s")
    assert (parsed.carry, parsed.seen, parsed.ok) == ('{"event"', 0, True)


def test_an_endless_line_is_given_up(parse):
    parsed = parse("job_log", "x" * (4 * 1024 * 1024 + 1), stream="s")
    assert (parsed.carry, [r.rule for r in parsed.rejects]) == ("", ["json"])


def test_output_of_a_failed_command_is_not_used(parse):
    parsed = parse("job_log", [WHOLE], rc=3, carry="c")
    assert (parsed.ok, parsed.seen, parsed.carry) == (False, 0, "c")
    assert "exit code 3" in parsed.error


@calm
@given(cuts=st.lists(st.integers(0, 400), max_size=6))
def test_no_cut_loses_or_doubles_a_line(parse, cuts):
    lines = [WHOLE | {"run_id": f"ü{n}", "instance": "söme\u2028db"} for n in range(3)]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\r\n" for line in lines)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    carry, keys = "", []
    for start, stop in pairwise(edges):
        parsed = parse("job_log", text[start:stop], carry=carry, stream="s")
        assert parsed.rejects == ()
        carry = parsed.carry
        for frame in parsed.frames.values():
            keys += frame["attempt_key"].to_list()
    assert carry.strip() == ""
    assert keys == ["ü0", "ü1", "ü2"]


def test_a_hundred_thousand_lines_take_seconds(parse):
    text = "".join(json.dumps(WHOLE | {"run_id": f"r{n}"}) + "\n" for n in range(20_000))
    began = time.process_time()
    parsed = parse("job_log", text)
    assert parsed.frames["backup_jobs"].height == 20_000
    assert time.process_time() - began < 4  # 100,000 in less than 20 s even on a slow machine
