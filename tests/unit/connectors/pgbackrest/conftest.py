"""Recorded outputs, envelopes and a small oracle of the warehouse's merge."""

import gzip
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.pgbackrest import PgBackRest

RECORDED = Path(__file__).parents[3] / "recorded" / "pgbackrest"
READ_AT = datetime.fromisoformat("2026-11-23T05:00:00")
_RANK = {"running": 1, "lost": 2}
_INTEGRITY = ("unchecked", "ok", "suspect", "corrupt")
_SEEN = {"first_seen_at", "last_seen_at"}
_KEYS = {
    "backup_jobs": ("attempt_key",),
    "restore_jobs": ("restore_key",),
    "backup_sets": ("repo", "label"),
}


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], str]:
    """The text of a recorded output."""

    def text(name: str) -> str:
        path = RECORDED / name
        packed = path.with_name(f"{name}.gz")
        data = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
        return data.decode()

    return text


@pytest.fixture(scope="session")
def parse() -> Callable[..., Parsed]:
    """Parse a text; logs are streams unless `stream` is empty."""

    def parsed(kind: str, payload: str, *, carry: str = "", **facts: Any) -> Parsed:
        facts.setdefault("stream", f"{kind}:/var/log/x.log" if kind.endswith("log") else "")
        facts.setdefault("native_id", "20261123T050000Z.json")
        envelope = Envelope(
            source_id="pgbr",
            kind=kind,
            payload=payload,
            **{"started_at": READ_AT, "finished_at": READ_AT, "host": "backup01"} | facts,
        )
        answer = PgBackRest().parse(envelope, carry=carry)
        rows = sum(frame.height for frame in answer.frames.values())
        assert answer.seen == rows + len(answer.rejects)
        return answer

    return parsed


@pytest.fixture(scope="session")
def rows() -> Callable[[Parsed], list[dict[str, Any]]]:
    """The rows of an answer that has one table at most."""

    def listed(parsed: Parsed) -> list[dict[str, Any]]:
        return [row for frame in parsed.frames.values() for row in frame.to_dicts()]

    return listed


@pytest.fixture(scope="session")
def merged() -> Callable[[list[Parsed]], dict[Any, dict[str, Any]]]:
    """What the warehouse would hold after these answers, without the times of observation."""

    def fold(answers: list[Parsed]) -> dict[Any, dict[str, Any]]:
        held: dict[Any, dict[str, Any]] = {}
        for answer in answers:
            for table, frame in answer.frames.items():
                for row in frame.to_dicts():
                    key = (table, *(row[name] for name in _KEYS[table]))
                    held[key] = _fold(held.get(key, {}), row)
        return held

    return fold


def _fold(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    low, high = (old, new) if _knows(new) >= _knows(old) else (new, old)
    row = {name: high[name] if high.get(name) is not None else low.get(name) for name in new}
    gone = [r["unusable_from"] for r in (old, new) if r.get("unusable_from")]
    found = [r["integrity"] for r in (old, new) if r.get("integrity")]
    if "integrity" in new:
        row["unusable_from"] = min(gone, default=None)
        row["integrity"] = max(found, key=_INTEGRITY.index, default=None)
    return {name: value for name, value in row.items() if name not in _SEEN}


def _knows(row: dict[str, Any]) -> int:
    return 0 if not row else _RANK.get(row.get("state") or "", 3)
