"""A fleet as a user's folder: three configuration files and the inbox that tools have filled.

Belongs here: envelopes, folders, configuration text. Does not belong here: tools' formats.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cbcr_assets.simulator.model import Attempt, BackupSet, Database, Fleet
from cbcr_assets.simulator.truth import DEAD_SOURCE, UNMAPPED
from cbcr_assets.simulator.write_cbcr import catalog, drill, job_log, stamp
from cbcr_assets.simulator.write_pgbackrest import backup_log, expire_log, info, stanza

_CONFIG = """# A simulated fleet. Everything below is read like your own.
sources:
  pgbr-main: {tool: pgbackrest, stale_after: 1d, feeds: [{drop: inbox}]}
  agents: {tool: cbcr, stale_after: 1d, feeds: [{drop: inbox}]}
  drills: {tool: cbcr, stale_after: 7d, feeds: [{drop: inbox}]}
  edge: {tool: cbcr, stale_after: 1h, feeds: [{drop: inbox}]}
inventory: inventory.yaml
alerting: alerting.yaml
"""
_ALERTING = """route:
  receiver: on-call-log
receivers:
  - {name: on-call-log, type: file, path: alerts.jsonl}
"""
_SNAPSHOT_EVERY = timedelta(days=5)


def write_workspace(fleet: Fleet, directory: Path) -> Path:
    """Write a fleet's configuration and inbox.

    Args:
        fleet: A simulated fleet.
        directory: Made when missing.

    Returns:
        The path of cbcr.yaml.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "cbcr.yaml").write_text(_CONFIG, encoding="utf-8")
    (directory / "alerting.yaml").write_text(_ALERTING, encoding="utf-8")
    (directory / "inventory.yaml").write_text(_inventory(fleet), encoding="utf-8")
    inbox = _Inbox(directory / "inbox")
    _write_physical(fleet, inbox)
    _write_dumps(fleet, inbox)
    drills = [drill(one) for one in fleet.drills]
    inbox.put("drills", "drill", drills, at=fleet.now)
    return directory / "cbcr.yaml"


class _Inbox:
    """Writes envelopes; names sort in the order of writing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def put(self, source: str, kind: str, payload: Any, *, at: datetime, stream: str = "") -> None:
        self._count += 1
        envelope = {
            "source_id": source, "host": "backup01", "tz": "UTC", "rc": 0, "stream": stream,
            "started_at": stamp(at), "finished_at": stamp(at), "payload": payload,
        }  # fmt: skip
        folder = self._folder / source / kind
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{at:%Y%m%dT%H%M%S}Z-{self._count:05d}-{kind}.json"
        (folder / name).write_text(json.dumps(envelope), encoding="utf-8")


def _write_physical(fleet: Fleet, inbox: _Inbox) -> None:
    databases = [d for d in fleet.databases if d.method == "physical"]
    ids = {d.instance_id for d in databases}
    sets = [s for s in fleet.sets if s.instance_id in ids]
    at = fleet.now - timedelta(days=fleet.spec.days)
    while at < fleet.now:
        inbox.put("pgbr-main", "info", info(databases, sets, at), at=at)
        at += _SNAPSHOT_EVERY
    for database in databases:
        name = stanza(database.instance_id)
        log = backup_log(database, _of(database, fleet.attempts))
        inbox.put("pgbr-main", "backup_log", log, at=fleet.now, stream=f"{name}-backup.log")
        gone = expire_log(database, _of(database, fleet.sets), fleet.now)
        if gone:
            inbox.put("pgbr-main", "expire_log", gone, at=fleet.now, stream=f"{name}-expire.log")
    inbox.put("pgbr-main", "info", info(databases, sets, fleet.now), at=fleet.now)


def _write_dumps(fleet: Fleet, inbox: _Inbox) -> None:
    for source, at in (("agents", fleet.now), (DEAD_SOURCE, fleet.now - timedelta(hours=6))):
        databases = [d for d in fleet.databases if d.source == source and d.method == "dump"]
        ids = {d.instance_id for d in databases}
        attempts = [a for a in fleet.attempts if a.instance_id in ids]
        if source == "agents":
            attempts += _strangers(fleet)
        sets = [s for s in fleet.sets if s.instance_id in ids]
        log = job_log(databases, attempts)
        inbox.put(source, "job_log", log, at=at, stream="jobs")
        document = catalog(sets, now=at, days=fleet.spec.days)
        inbox.put(source, "catalog", document, at=at)


def _strangers(fleet: Fleet) -> list[Attempt]:
    """Backups of a server that the inventory does not know."""
    begun = fleet.now - timedelta(hours=7)
    return [
        Attempt(
            f"{UNMAPPED}-{day}", UNMAPPED, "dump", begun - timedelta(days=day),
            begun - timedelta(days=day), begun - timedelta(days=day, minutes=-4), "succeeded",
            label=f"{UNMAPPED}-{day}", source_bytes=4_000_000, repo_bytes=900_000,
        )
        for day in (2, 1, 0)
    ]  # fmt: skip


def _of(database: Database, records: tuple[Attempt, ...] | tuple[BackupSet, ...]) -> list[Any]:
    return [r for r in records if r.instance_id == database.instance_id]


def _inventory(fleet: Fleet) -> str:
    lines = ["instances:"]
    for d in fleet.databases:
        facts: dict[str, Any] = {
            "id": d.instance_id, "db_type": d.db_type, "team": d.team, "tier": d.tier,
            "environment": d.environment, "timezone": d.timezone, "rpo": f"{d.rpo_s}s",
            "rto": f"{d.rto_s}s", "drill_every": "90d", "protect_from": stamp(d.protect_from),
        }  # fmt: skip
        if d.full_schedule:
            facts["full_schedule"] = d.full_schedule
        if d.incr_schedule:
            facts["incr_schedule"] = d.incr_schedule
        if d.method == "physical":
            facts["aliases"] = [{"source": d.source, "name": stanza(d.instance_id)}]
        # JSON is YAML, and one line an instance reads well.
        lines.append(f"  - {json.dumps(facts)}")
    return "\n".join(lines) + "\n"
