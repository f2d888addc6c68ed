"""What the tests of all tools need: the zone of the process, and recorded outputs read."""

import gzip
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.registry import connector

_RECORDED = Path(__file__).parents[2] / "recorded"
_READ_AT = datetime.fromisoformat("2026-11-23T06:00:00")


@pytest.fixture(scope="session")
def said() -> Callable[[str, str], str]:
    """The text of a recorded output of a tool."""

    def text(tool: str, name: str) -> str:
        path = _RECORDED / tool / name
        packed = path.with_name(f"{name}.gz")
        data = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
        return data.decode()

    return text


@pytest.fixture(scope="session")
def read() -> Callable[..., Parsed]:
    """What a tool's connector makes of a text; every record is used or refused."""

    def parsed(tool: str, kind: str, payload: str, *, carry: str = "", **facts: Any) -> Parsed:
        facts = {"started_at": _READ_AT, "finished_at": _READ_AT, "native_id": "a.json"} | facts
        envelope = Envelope(source_id="source", kind=kind, payload=payload, **facts)
        answer = connector(tool).parse(envelope, carry=carry)
        rows = sum(frame.height for frame in answer.frames.values())
        assert answer.seen == rows + len(answer.rejects)
        return answer

    return parsed


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Tokyo"])
def process_zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run in a process of this zone: it must not matter."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()
