"""The catalog: sets, samples, and what a complete listing proves."""

from datetime import datetime

import pytest

from cbcr_assets.connectors.base import CatalogScope
from cbcr_assets.records import raw_table

SET = {
    "instance": "orders-db",
    "label": "a",
    "type": "full",
    "started_at": "2026-11-23T04:00:00Z",
    "finished_at": "2026-11-23T04:10:00Z",
}


def at(text):
    return datetime.fromisoformat(text)


def one(parsed, table="backup_sets"):
    assert parsed.rejects == ()
    return parsed.frames[table].row(0, named=True)


def test_the_documented_example_fills_three_tables(parse, example):
    parsed = parse("catalog", example("catalog"))
    assert parsed.rejects == ()
    assert parsed.seen == 4
    for table, frame in parsed.frames.items():
        assert dict(frame.schema) == raw_table(table).polars_schema
    dump, incr = parsed.frames["backup_sets"].to_dicts()
    assert dump["recovery_point_at"] == dump["started_at"]
    assert incr["recovery_point_at"] == incr["finished_at"]
    assert parsed.scopes == (
        CatalogScope("billing-db"),
        CatalogScope("orders-db"),
        CatalogScope("retired-db"),
    )


@pytest.mark.parametrize(
    ("change", "point"),
    [
        ({}, "2026-11-23T04:00:00"),
        ({"log_archived": True}, "2026-11-23T04:10:00"),
        ({"log_archived": 1}, "2026-11-23T04:10:00"),
        ({"type": "dump", "log_archived": True}, "2026-11-23T04:00:00"),
        ({"type": "snapshot"}, "2026-11-23T04:00:00"),
        ({"recovery_point_at": "2026-11-23T04:05:00Z"}, "2026-11-23T04:05:00"),
    ],
)
def test_the_recovery_point_is_never_later_than_is_proven(parse, change, point):
    assert one(parse("catalog", [SET | change]))["recovery_point_at"] == at(point)


def test_a_bare_array_is_a_listing_that_proves_no_absence(parse):
    parsed = parse("catalog", [SET])
    assert (one(parsed)["repo"], one(parsed)["integrity"], parsed.scopes) == (
        "default",
        "unchecked",
        (),
    )


def test_a_complete_empty_listing_proves_absence_for_the_named_instances(parse):
    parsed = parse("catalog", {"complete": True, "instances": ["orders-db"], "backups": []})
    assert (parsed.scopes, parsed.ok) == ((CatalogScope("orders-db"),), True)


def test_a_refused_record_proves_nothing_about_its_instance(parse):
    document = {
        "complete": True,
        "backups": [
            SET,
            SET | {"label": "b", "type": "?"},
            SET | {"instance": "billing-db", "label": "c"},
        ],
    }
    parsed = parse("catalog", document)
    assert [r.native_id for r in parsed.rejects] == ["20261123-x.jsonl:backups[1]"]
    assert parsed.scopes == (CatalogScope("billing-db"),)


@pytest.mark.parametrize("broken", [None, 5, SET | {"instance": 5.5}, {"label": ["x"]}])
def test_a_record_of_an_unknown_instance_proves_nothing_at_all(parse, broken):
    parsed = parse("catalog", {"complete": True, "backups": [SET, broken]})
    assert len(parsed.rejects) == 1
    assert parsed.scopes == ()


@pytest.mark.parametrize(
    ("change", "since"),
    [
        ({"lifecycle": "expired"}, "2026-11-23T05:00:00"),
        ({"integrity": "corrupt"}, "2026-11-23T05:00:00"),
        (
            {"lifecycle": "purged", "unusable_from": "2026-11-23T04:30:00Z"},
            "2026-11-23T04:30:00",
        ),
    ],
)
def test_what_is_gone_or_bad_says_since_when(parse, change, since):
    assert one(parse("catalog", [SET | change]))["unusable_from"] == at(since)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"label": None}, "missing"),
        ({"started_at": None}, "missing"),
        ({"finished_at": "2026-11-23T03:00:00Z"}, "order"),
        ({"finished_at": "2026-11-23T05:05:01Z"}, "future"),
        ({"recovery_point_at": "2026-11-23T04:10:01Z"}, "order"),
        ({"integrity": "fine"}, "enum"),
        ({"lifecycle": "gone"}, "enum"),
        ({"unusable_from": "2026-11-23T04:30:00Z"}, "order"),
        ({"repo_bytes": 2**63}, "range"),
        ({"repo_bytes": "12"}, "type"),
        ({"log_archived": "yes"}, "type"),
    ],
)
def test_a_wrong_set_is_refused(parse, change, rule):
    parsed = parse("catalog", [SET | change])
    assert [(r.rule, parsed.seen, parsed.frames) for r in parsed.rejects] == [(rule, 1, {})]


@pytest.mark.parametrize(
    "document",
    [
        *('{"backups": [', "[" * 100_000, "5", '"x"', "{}", '{"backups": 5}', '{"backups": NaN}'),
        *('{"backups": [], "complete": "yes"}', '{"backups": [], "instances": [5]}', ""),
    ],
)
def test_a_document_that_is_no_catalog_is_refused_whole(parse, document):
    parsed = parse("catalog", document)
    assert (parsed.ok, parsed.seen, len(parsed.rejects), parsed.scopes) == (False, 1, 1, ())
    assert parsed.error == parsed.rejects[0].reason


@pytest.mark.parametrize(
    ("sample", "rule"),
    [
        ({"volume": "v", "size_bytes": 10, "avail_bytes": 11}, "range"),
        ({"volume": "v", "size_bytes": 10}, "missing"),
        ({"volume": "v", "avail_bytes": 10}, "missing"),
        ({"size_bytes": 10, "avail_bytes": 1}, "missing"),
    ],
)
def test_an_impossible_storage_sample_is_refused(parse, sample, rule):
    assert [r.rule for r in parse("catalog", {"storage": [sample]}).rejects] == [rule]


def test_a_sample_without_a_time_is_of_now(parse):
    sample = {"volume": "v", "size_bytes": 10, "avail_bytes": 4.0}
    row = one(parse("catalog", {"storage": [sample]}), "storage_samples")
    assert (row["sampled_at"], row["avail_bytes"]) == (at("2026-11-23T05:00:00"), 4)


def test_a_log_archive_must_not_run_backwards(parse):
    entry = {
        "instance": "i",
        "kind": "wal",
        "archived_from_at": "2026-11-23T04:00:00Z",
        "archived_to_at": "2026-11-23T03:00:00Z",
    }
    assert [r.rule for r in parse("catalog", {"log_archive": [entry]}).rejects] == ["order"]
