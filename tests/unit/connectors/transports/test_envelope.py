"""Envelope files: written whole, read exactly, refused with a reason."""

import hashlib
import json
import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cbcr_assets.connectors.base import Envelope, Reject
from cbcr_assets.connectors.transports.envelope import read_envelope, write_envelope

# Other work on the machine must not fail a property.
calm = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

AT = datetime.fromisoformat("2026-11-23T05:00:00.123456")
BLANK = Envelope("src", "info", "", "", AT, AT)
VALID = {"source_id": "src", "finished_at": "2026-11-23T05:00:00Z", "payload": [1]}


def read(path, **facts):
    return read_envelope(path, source_id="src", kind="info", timezone="UTC", **facts)


@pytest.fixture
def dropped(tmp_path):
    def drop(content, name="20261123T050000Z-info.json"):
        path = tmp_path / name
        if isinstance(content, dict):
            content = json.dumps(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return drop


def test_what_is_written_is_read_back(tmp_path):
    facts = replace(BLANK, tz="Europe/Berlin", rc=3, stream="s", host="h", tool_version="2.45")
    path = write_envelope(tmp_path / "src" / "info", facts, "täxt\n", tool="t", command=("a",))
    assert path.name == "20261123T050000.123456Z-info.json"
    assert read(path) == replace(facts, native_id=path.name, payload="täxt\n")
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_json_payload_becomes_canonical_text(tmp_path):
    path = write_envelope(tmp_path, BLANK, {"b": [1.5, None], "a": "ü"})
    assert read(path).payload == '{"a":"ü","b":[1.5,null]}'


def test_a_taken_name_moves_to_the_next_microsecond_in_order(tmp_path):
    paths = [write_envelope(tmp_path, BLANK, str(n)) for n in range(3)]
    assert sorted(paths) == paths
    assert [read(path).payload for path in paths] == ["0", "1", "2"]


def test_a_leftover_temporary_file_does_not_stop_anyone(tmp_path):
    (tmp_path / "20261123T050000.123456Z-info.json.tmp").write_text("{")
    assert write_envelope(tmp_path, BLANK, "x").name == "20261123T050000.123457Z-info.json"


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_envelope(tmp_path, BLANK, "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "rule", "place", "hint"),
    [
        ('{"source_id": "src",\n "payload": [', "json", 2, "rename"),
        ("", "json", 1, "rename"),
        ("[" * 100_000, "json", 1, "deep"),
        ('{"source_id": "src", "payload": NaN}', "json", 1, "NaN"),
        (b'{"source_id":\n "\xff"}', "encoding", 2, "UTF-8"),
        ("[]", "envelope", 1, "wrap it"),
        ("5", "envelope", 1, "wrap it"),
        ('{"payload": 1}', "envelope", 1, "wrap it"),
        (VALID | {"source_id": "other"}, "source_id", 1, "move the file"),
        (VALID | {"sha256": "00"}, "sha256", 1, "send it again"),
        (VALID | {"finished_at": None}, "timestamp", 1, "finished_at is missing"),
        (VALID | {"finished_at": "noon"}, "timestamp", 1, "ISO 8601"),
        (VALID | {"started_at": "2026-11-23T06:00:00Z"}, "timestamp", 1, "after"),
        (VALID | {"tz": "Mars"}, "timestamp", 1, "IANA"),
        (VALID | {"tz": 5}, "envelope", 1, "tz must be text"),
        (VALID | {"rc": "0"}, "envelope", 1, "rc"),
        (VALID | {"rc": 2**40}, "envelope", 1, "rc"),
        ({k: VALID[k] for k in ("source_id", "finished_at")}, "envelope", 1, "neither payload"),
    ],
)
def test_what_is_no_envelope_is_refused(dropped, content, rule, place, hint):
    reject = read(dropped(content))
    assert isinstance(reject, Reject)
    assert (reject.rule, reject.native_id) == (rule, f"20261123T050000Z-info.json:{place}")
    assert hint in reject.reason


def test_the_sha256_is_of_the_payload_text(dropped):
    text = hashlib.sha256("ü".encode()).hexdigest()
    assert read(dropped(VALID | {"payload": "ü", "sha256": text})).payload == "ü"
    canonical = hashlib.sha256(b'{"a":1,"b":2}').hexdigest()
    document = VALID | {"payload": {"b": 2, "a": 1}, "sha256": canonical}
    assert read(dropped(document)).payload == '{"a":1,"b":2}'


def test_times_without_offset_are_read_in_the_envelopes_zone(dropped):
    body = VALID | {"tz": "America/New_York", "finished_at": "2026-11-23T00:00:00"}
    envelope = read(dropped(body))
    assert envelope.finished_at == envelope.started_at == AT.replace(microsecond=0)


def test_an_error_needs_no_payload(dropped):
    body = {"source_id": "src", "finished_at": 1795410000, "error": "refused"}
    envelope = read(dropped(body))
    assert (envelope.error, envelope.payload) == ("refused", "")


def test_a_large_file_is_refused_without_loading_it(dropped):
    reject = read(dropped("x" * 100_000), max_bytes=50_000)
    assert (reject.rule, len(reject.payload)) == ("size", 0)


def test_a_vanished_file_is_refused(tmp_path):
    assert read(tmp_path / "gone.json").rule == "unreadable"


def test_another_suffix_is_refused(dropped):
    assert read(dropped("a,b", "x.csv")).rule == "suffix"


@pytest.mark.parametrize(
    ("name", "stream"),
    [
        ("20261123T050000Z-main.log", "info/main.log"),
        ("20261123T050000.123Z_main.jsonl", "info/main.jsonl"),
        ("20261123T050000Z.log", "info/log"),
        ("main.log", ""),
    ],
)
def test_plain_text_needs_no_envelope(dropped, name, stream):
    path = dropped(b"\xef\xbb\xbfa\xff\n", name)
    os.utime(path, ns=(0, 1795410000_123456789))
    envelope = read(path)
    assert (envelope.stream, envelope.payload) == (stream, "a\\xff\n")
    assert envelope.started_at == envelope.finished_at == AT
    assert envelope.native_id == name


def test_lone_surrogates_become_visible_text(dropped):
    envelope = read(dropped('{"source_id":"src","finished_at":1795410000,"payload":"a\\ud800"}'))
    assert envelope.payload == "a\\ud800"


@calm
@given(st.binary(max_size=200), st.sampled_from([".json", ".log", ".jsonl"]))
def test_no_bytes_raise(tmp_path_factory, data, suffix):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(data)
    assert isinstance(read(path), (Envelope, Reject))


@calm
@given(
    st.dictionaries(
        st.sampled_from(
            ["source_id", "tz", "rc", "started_at", "finished_at", "stream", "error", "payload"]
        ),
        st.one_of(st.none(), st.integers(), st.text(max_size=5), st.booleans(), st.just([{}])),
    )
)
def test_no_envelope_raises(tmp_path_factory, body):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(body | {"source_id": "src"}))
    read(path)


@calm
@given(payload=st.one_of(st.text(), st.lists(st.integers() | st.floats(-1e300, 1e300))))
def test_any_payload_survives(tmp_path_factory, payload):
    folder = tmp_path_factory.mktemp("any")
    path = write_envelope(folder, BLANK, payload)
    envelope = read(path)
    assert isinstance(envelope, Envelope)
    if isinstance(payload, str):
        assert envelope.payload == payload
    else:
        assert json.loads(envelope.payload) == payload
    assert envelope.finished_at - envelope.started_at == timedelta(0)


def test_the_documented_example_is_an_envelope(tmp_path):
    text = (Path(__file__).parents[4] / "docs" / "formats.md").read_text(encoding="utf-8")
    body = text.split("<!-- example: envelope -->\n```json\n")[1].split("```")[0]
    path = tmp_path / "20261123T050000Z-info.json"
    path.write_text(body)
    envelope = read_envelope(path, source_id="pgbr-main", kind="info", timezone="UTC")
    assert (envelope.payload, envelope.host, envelope.tool_version) == ("[]", "backup01", "2.45")
