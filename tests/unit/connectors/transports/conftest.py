"""Fixtures for transports: sources as cbcr.yaml describes them, a ledger, a spool."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.ledger import Ledger


@dataclass(frozen=True)
class Feed:
    """The attributes of a configured feed that transports use."""

    kind: str | None = None
    drop: Path | None = None
    command: tuple[str, ...] | None = None
    file: str | None = None
    sql: str | None = None
    timeout_s: float = 10.0
    objects: str | None = None
    http: str | None = None
    bearer: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True)
class Source:
    """The attributes of a configured source that transports use."""

    feeds: tuple[Feed, ...]
    source_id: str = "src"
    tool: str = "cbcr"
    timezone: str = "UTC"
    every_s: float = 30.0
    stale_after_s: float = 900.0


@pytest.fixture
def feed() -> type[Feed]:
    """Make a feed."""
    return Feed


@pytest.fixture
def source() -> Callable[..., Source]:
    """Make a source of feeds."""
    return lambda *feeds, **facts: Source(feeds, **facts)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger of its own."""
    return Ledger(tmp_path / "home" / "ledger.db")


@pytest.fixture
def now() -> datetime:
    """The present of these tests."""
    return datetime.fromisoformat("2026-11-23T05:00:00.123456")


@pytest.fixture
def envelope(now: datetime) -> Envelope:
    """An envelope that can be written."""
    return Envelope("src", "info", "", "", now, now, host="backup01")
