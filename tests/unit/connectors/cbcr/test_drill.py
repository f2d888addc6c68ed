"""Restore drills: phases in order, proof only with a verification."""

import json
from datetime import datetime

import pytest

DRILL = {
    "id": "d1",
    "instance": "orders-db",
    "requested_at": "2026-11-23T04:30:00Z",
    "started_at": "2026-11-23T04:31:00Z",
    "restored_at": "2026-11-23T04:38:00Z",
    "recovered_at": "2026-11-23T04:40:00Z",
    "verified_at": "2026-11-23T04:41:00Z",
    "state": "succeeded",
    "verification": "passed",
}


def test_the_documented_example_is_a_proven_restore(parse, example):
    parsed = parse("drill", example("drill"))
    assert (parsed.rejects, parsed.seen) == ((), 1)
    row = parsed.frames["restore_jobs"].row(0, named=True)
    assert (row["restore_key"], row["purpose"]) == ("drill-20261123-orders", "drill")
    assert row["verified_at"] - row["requested_at"] == datetime.fromisoformat(
        "2026-11-23T04:41:00"
    ) - datetime.fromisoformat("2026-11-23T04:30:00")
    assert json.loads(row["checks"])[0]["found"] == 120344


@pytest.mark.parametrize("document", [[DRILL, DRILL | {"id": "d2"}], {"drills": [DRILL, DRILL]}])
def test_several_records_fit_one_document(parse, document):
    assert parse("drill", document).frames["restore_jobs"].height == 2


def test_a_running_restore_may_lack_its_later_phases(parse):
    record = {k: DRILL[k] for k in ("id", "instance", "requested_at")} | {"state": "running"}
    row = parse("drill", record).frames["restore_jobs"].row(0, named=True)
    assert (row["verification"], row["verified_at"]) == ("none", None)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"started_at": "2026-11-23T04:29:00Z"}, "phases"),
        ({"started_at": None, "restored_at": "2026-11-23T04:29:00Z"}, "phases"),
        ({"verified_at": "2026-11-23T04:39:00Z"}, "phases"),
        ({"verified_at": None}, "verification"),
        ({"state": "failed"}, "verification"),
        ({"state": None}, "missing"),
        ({"state": "done"}, "enum"),
        ({"id": None}, "missing"),
        ({"instance": ""}, "value"),
        ({"requested_at": None}, "missing"),
        ({"verified_at": "2026-11-23T06:00:00Z"}, "future"),
        ({"purpose": "fun"}, "enum"),
        ({"verification": "yes"}, "enum"),
        ({"bytes": -1}, "range"),
    ],
)
def test_a_wrong_record_is_refused(parse, change, rule):
    parsed = parse("drill", DRILL | change)
    assert [r.rule for r in parsed.rejects] == [rule]
    assert parsed.rejects[0].native_id.endswith(":drills[0]")


def test_a_broken_document_names_its_line(parse):
    parsed = parse("drill", '{\n"id": "x",\n')
    assert (parsed.ok, parsed.rejects[0].native_id) == (False, "20261123-x.jsonl:3")


def test_an_unknown_kind_is_refused_with_the_known_ones(parse):
    parsed = parse("dril", "{}")
    assert not parsed.ok
    assert "catalog, drill, job_log" in parsed.error


def test_an_error_envelope_is_no_answer(parse):
    parsed = parse("drill", "", error="time-out")
    assert (parsed.ok, parsed.error, parsed.seen) == (False, "time-out", 0)
