"""The simulated fleet is deterministic, and its files say what really happened in it."""

import hashlib
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from cbcr_assets.config import load_config, load_inventory, load_policy
from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.registry import connector
from cbcr_assets.connectors.transports.drop import offered
from cbcr_assets.connectors.transports.envelope import read_envelope
from cbcr_assets.simulator import (
    FleetSpec,
    PlantedIncident,
    Truth,
    compare,
    simulate,
    write_workspace,
)

NOW = datetime(2026, 6, 15, 12, 34, 56)
SPEC = FleetSpec(instances=24, days=15, seed=3)


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_specification_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_workspace(simulate(SPEC, now=NOW), tmp_path / name)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    write_workspace(simulate(FleetSpec(24, 15, seed=4), now=NOW), tmp_path / "c")
    assert digest(tmp_path / "a") != digest(tmp_path / "c")


def test_the_configuration_is_one_that_users_could_have_written(tmp_path: Path) -> None:
    path = write_workspace(simulate(SPEC, now=NOW), tmp_path)
    config = load_config(path, environ={})
    assert len(load_inventory(config.inventory, sources=config.sources).instances) == 24
    assert load_policy(config.alerting, environ={}).receivers


def test_every_attempt_and_drill_can_be_read_back(tmp_path: Path) -> None:
    fleet = simulate(SPEC, now=NOW)
    config = load_config(write_workspace(fleet, tmp_path), environ={})
    states: Counter[str] = Counter()
    drills = 0
    for source in config.sources.values():
        final: dict[str, str] = {}
        for file in offered(tmp_path / "inbox", source.source_id):
            envelope = read_envelope(
                file.path, source_id=source.source_id, kind=file.kind, timezone="UTC"
            )
            assert isinstance(envelope, Envelope)
            parsed = connector(source.tool).parse(envelope)
            assert parsed.ok, parsed.error
            assert parsed.rejects == ()
            if "backup_jobs" in parsed.frames:
                jobs = parsed.frames["backup_jobs"]
                final |= dict(jobs.select("attempt_key", "state").iter_rows())
            if "restore_jobs" in parsed.frames:
                drills += parsed.frames["restore_jobs"].height
        states += Counter(final.values())
    strangers = 3
    truth = dict(fleet.truth.attempts_by_state)
    assert states["succeeded"] == truth["succeeded"] + strangers
    assert states["failed"] == truth["failed"]
    assert drills == fleet.truth.drills


def test_each_incident_is_planted_on_a_database_of_its_own() -> None:
    fleet = simulate(SPEC, now=NOW)
    planted = [d.incident for d in fleet.databases if d.incident]
    assert len(planted) == len(set(planted)) == 11
    rules = {incident.rule for incident in fleet.truth.incidents}
    assert rules == {"rpo", "backup_failed", "backup_missed", "restore_failed", "source_stale",
                     "alias_unmapped", "drill_slow"}  # fmt: skip


def test_a_fleet_too_small_for_its_incidents_is_refused() -> None:
    with pytest.raises(ValueError, match="16 instances"):
        simulate(FleetSpec(instances=5), now=NOW)


def test_comparing_tells_missed_from_invented() -> None:
    one = PlantedIncident("rpo", "a", "breached", "s")
    two = PlantedIncident("rpo", "b", "breached", "s")
    result = compare(
        Truth((one, two), (), 0, 0), [("rpo", "a", "breached"), ("rpo", "c", "unknown")]
    )
    assert (result.found, result.missed) == ((one,), (two,))
    assert [i.subject_id for i in result.invented] == ["c"]
    assert not result.exact
