"""Whatever comes, the connector answers: nothing raises, nothing gets lost."""

import json

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cbcr_assets.records import raw_table

# Other work on the machine must not fail a property.
calm = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

KEYS = """
event kind run_id instance type state rc error started_at finished_at requested_at label repo
verified_at restored_at verification id duration_s source_bytes bytes checks recovery_point_at
log_archived lifecycle integrity unusable_from expires_at volume size_bytes avail_bytes
sampled_at archived_to_at archived_from_at complete instances backups storage log_archive drills
"""
WORDS = """
begin end backup restore full dump succeeded failed running passed expired corrupt wal orders
2026-11-23T04:00:00Z 2026-11-23T04:10:00 0001-01-01T00:00:00+14:00 9999-12-31T23:59:59-14:00
"""

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(WORDS.split()),
    st.text(st.characters(), max_size=8),
    st.integers(),
    st.sampled_from([2**63, -(2**63), 2**64, 10**400, 1795410000, 0, -1]),
    st.floats(allow_nan=True, allow_infinity=True),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=12),
    ),
    max_leaves=25,
)
kinds = st.sampled_from(["job_log", "catalog", "drill"])


def check(parsed):
    rows = 0
    for table, frame in parsed.frames.items():
        assert dict(frame.schema) == raw_table(table).polars_schema
        assert frame.select(pl.col(raw_table(table).key).is_null().any()).row(0).count(True) == 0
        rows += frame.height
    assert rows + len(parsed.rejects) == parsed.seen
    for reject in parsed.rejects:
        (reject.native_id + reject.reason + reject.payload).encode("utf-8")


@calm
@given(kind=kinds, value=values)
def test_any_json_value(parse, kind, value):
    check(parse(kind, json.dumps(value)))


@calm
@given(
    kind=kinds,
    records=st.lists(st.dictionaries(st.sampled_from(KEYS.split()), scalars), max_size=4),
)
def test_records_of_wrong_types(parse, kind, records):
    document = {"complete": True, "backups": records, "storage": records, "log_archive": records}
    payload = {"job_log": records, "catalog": document, "drill": {"drills": records}}[kind]
    check(parse(kind, payload))


@calm
@given(
    kind=kinds,
    start=st.integers(0, 3000),
    length=st.integers(0, 40),
    noise=st.text(st.characters(), max_size=5),
    stream=st.sampled_from(["", "s"]),
)
def test_truncated_and_flipped_documents(parse, example, kind, start, length, noise, stream):
    text = example(kind)
    start %= len(text)
    check(parse(kind, text[:start], stream=stream))
    check(parse(kind, text[:start] + noise + text[start + length :], stream=stream))


@calm
@given(kind=kinds, depth=st.integers(1, 20_000), bracket=st.sampled_from(["[", '{"error":']))
def test_deep_nesting(parse, kind, depth, bracket):
    check(parse(kind, bracket * depth))
    closing = {"[": "]", '{"error":': "}"}[bracket]
    check(parse(kind, bracket * depth + "1" + closing * depth))


@calm
@given(kind=kinds, depth=st.integers(100, 1200))
def test_deep_nesting_inside_a_record(parse, kind, depth):
    deep = "[" * depth + "]" * depth
    check(parse(kind, f'{{"id": {deep}, "checks": {deep}, "backups": [{deep}], "event": {deep}}}'))
