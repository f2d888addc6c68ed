"""Fixtures for CBCR's own connector: envelopes made in one line, examples out of the document."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.cbcr import Cbcr

_FORMATS = Path(__file__).parents[4] / "docs" / "formats.md"


@pytest.fixture(scope="session")
def example() -> Callable[[str], str]:
    """Return the text of an example of docs/formats.md by its name."""
    text = _FORMATS.read_text(encoding="utf-8")
    found = re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", text, re.DOTALL)
    return dict(found).__getitem__


@pytest.fixture(scope="session")
def parse() -> Callable[..., Parsed]:
    """Parse a payload (text, or a value that becomes JSON; a list of dicts becomes JSON lines)."""
    said_at = datetime.fromisoformat("2026-11-23T05:00:00")
    blank = Envelope("wrapper", "job_log", "20261123-x.jsonl", "", said_at, said_at)

    def run(kind: str, payload: object, *, carry: str = "", **facts: object) -> Parsed:
        if not isinstance(payload, str):
            lines = kind == "job_log" and isinstance(payload, list)
            payload = (
                "".join(json.dumps(item) + "\n" for item in payload)
                if lines
                else json.dumps(payload)
            )
        envelope = replace(blank, kind=kind, payload=payload, **facts)
        return Cbcr().parse(envelope, carry=carry)

    return run
