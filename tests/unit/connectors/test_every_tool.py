"""Whatever a source says: no exception, and every record is either used or refused."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.registry import CONNECTORS, connector
from cbcr_assets.records import raw_table

NOW = datetime(2026, 11, 23, 12)
RECORDED = Path(__file__).resolve().parents[2] / "recorded"
_LARGEST = 40_000

KINDS = [(tool, kind) for tool in CONNECTORS for kind in sorted(connector(tool).kinds)]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from(["2026-11-23T04:00:00Z", "COMPLETED", 10**30, 2**63, "\ud800", "\x00"]),
)  # fmt: skip
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["items", "status", "name", "id", "time", "BackupJobs"])
                      | st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


def check(tool: str, kind: str, payload: str) -> None:
    envelope = Envelope("s", kind, "file.json", payload, NOW, NOW, stream="log")
    parsed = connector(tool).parse(envelope)
    rows = sum(frame.height for frame in parsed.frames.values())
    assert parsed.seen == rows + len(parsed.rejects)
    assert parsed.ok or parsed.error
    for reject in parsed.rejects:
        assert reject.reason
        assert reject.rule
        reject.payload.encode()
    for name, frame in parsed.frames.items():
        assert dict(frame.schema) == dict(raw_table(name).polars_schema)


@pytest.mark.parametrize(("tool", "kind"), KINDS)
@settings(max_examples=40, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(document=documents)
def test_any_json(tool: str, kind: str, document: Any) -> None:
    check(tool, kind, json.dumps(document))


@pytest.mark.parametrize(("tool", "kind"), KINDS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(text=st.text(max_size=200))
def test_any_text(tool: str, kind: str, text: str) -> None:
    check(tool, kind, text)


def samples() -> Iterator[Any]:
    for tool in CONNECTORS:
        for path in sorted((RECORDED / tool).glob("*")):
            if path.suffix in {".json", ".out", ".log", ".txt", ".csv", ".info", ".jsonl"}:
                yield pytest.param(tool, path, id=f"{tool}-{path.name}")


@pytest.mark.parametrize(("tool", "path"), list(samples()))
@settings(max_examples=12, deadline=None, derandomize=True)
@given(data=st.data())
def test_damaged_outputs(tool: str, path: Path, data: st.DataObject) -> None:
    raw = bytearray(path.read_bytes()[:_LARGEST])
    cut = data.draw(st.integers(0, len(raw)))
    del raw[cut:]
    for _ in range(data.draw(st.integers(0, 5)) if raw else 0):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    payload = raw.decode("utf-8", "backslashreplace")
    for kind in sorted(connector(tool).kinds):
        check(tool, kind, payload)
