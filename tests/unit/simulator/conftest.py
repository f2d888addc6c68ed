"""Fixtures of the simulator's tests: one fleet, written once, and read back by the connectors."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbcr_assets.config import SourceConfig, load_config
from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.registry import connector
from cbcr_assets.connectors.transports.drop import offered
from cbcr_assets.connectors.transports.envelope import read_envelope
from cbcr_assets.connectors.transports.sql import read_table
from cbcr_assets.simulator import Fleet, FleetSpec, simulate, write_workspace

NOW = datetime(2026, 6, 15, 12, 34, 56)


@pytest.fixture(scope="session")
def now() -> datetime:
    """The end of the fleet's history."""
    return NOW


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    """A fleet with every incident and a second database behind the dead source."""
    return simulate(FleetSpec(instances=40, days=21, seed=3), now=NOW)


@pytest.fixture(scope="session")
def workspace(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fleet's folder; the path of its cbcr.yaml."""
    return write_workspace(fleet, tmp_path_factory.mktemp("fleet"))


@dataclass
class Heard:
    """What the connectors read out of a fleet's files."""

    rejects: int = 0
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    answers: list[Envelope] = field(default_factory=list)

    def take(self, parsed: Parsed) -> None:
        """Add what one envelope said."""
        assert parsed.ok, parsed.error
        self.rejects += len(parsed.rejects)
        for table, frame in parsed.frames.items():
            self.rows.setdefault(table, []).extend(frame.to_dicts())

    def attempts(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return attempts as they are known in the end."""
        known: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self.rows["backup_jobs"]:
            key = (row["source_id"], row["attempt_key"])
            told = {name: value for name, value in row.items() if value is not None}
            known[key] = known.get(key, {}) | told
        return known

    def states(self) -> Counter[str]:
        """Count the attempts by state; what runs for hours is lost."""
        states = Counter[str]()
        for row in self.attempts().values():
            is_old = row.get("started_at", NOW) < NOW - timedelta(hours=2)
            states["lost" if row["state"] == "running" and is_old else row["state"]] += 1
        return states


@pytest.fixture(scope="session")
def heard(workspace: Path) -> Heard:
    """Everything that the fleet's sources say, read by the connectors."""
    heard = Heard()
    for source in load_config(workspace, environ={}).sources.values():
        carries: dict[str, str] = {}
        for envelope in _envelopes(workspace.parent, source):
            heard.answers.append(envelope)
            carry = carries.get(envelope.stream, "")
            parsed = connector(source.tool).parse(envelope, carry=carry)
            carries[envelope.stream] = parsed.carry
            heard.take(parsed)
    return heard


def _envelopes(folder: Path, source: SourceConfig) -> Iterator[Envelope]:
    for file in offered(folder / "inbox", source.source_id):
        envelope = read_envelope(
            file.path, source_id=source.source_id, kind=file.kind, timezone=source.timezone
        )
        assert isinstance(envelope, Envelope), envelope
        yield envelope
    for feed in source.feeds:
        if feed.sql is None or feed.kind is None:
            continue
        answer = read_table(feed.sql, kind=feed.kind, cursor={}, now=NOW, timeout_s=5)
        assert answer.error is None
        for piece in answer.news:
            yield Envelope(source.source_id, feed.kind, "sql", piece.payload, NOW, NOW)
