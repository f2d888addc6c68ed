"""A fleet's dumps and drills in CBCR's own formats (docs/formats.md).

Belongs here: job log lines, catalog and drill records. Does not belong here: envelopes.
"""

import json
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from cbcr_assets.simulator.model import Attempt, BackupSet, Database, Drill

_TOOLS = {"mariadb": "mariadb-dump", "mysql": "mysqldump", "mongodb": "mongodump"}
_CLASSES = {"28": "no_space", "26": "checksum"}
_CAPACITY = 40_000_000_000_000


def job_log(databases: Sequence[Database], attempts: Sequence[Attempt]) -> str:
    """Return the job log of a source: a begin and an end line for each attempt, in time order."""
    tools = {d.instance_id: _TOOLS.get(d.db_type, "pg_dump") for d in databases}
    lines: list[tuple[datetime, str]] = []
    for attempt in attempts:
        lines.append((attempt.started_at, json.dumps(_begin(attempt, tools))))
        if attempt.finished_at is not None:
            lines.append((attempt.finished_at, json.dumps(_end(attempt))))
    return "".join(f"{text}\n" for _, text in sorted(lines))


def catalog(sets: Sequence[BackupSet], *, now: datetime, days: int) -> dict[str, Any]:
    """Return the whole catalog of a source, expired sets included, with the volume's fill."""
    return {
        "complete": True,
        "backups": [_entry(one, now) for one in sets],
        "storage": [_sample(sets, now - timedelta(days=day)) for day in range(days, -1, -1)],
    }


def drill(one: Drill) -> dict[str, Any]:
    """Return the record of a drill."""
    record: dict[str, Any] = {
        "id": one.key,
        "instance": one.instance_id,
        "purpose": "drill",
        "source_label": one.label,
        "state": one.state,
        "verification": "passed" if one.verified_at else "none",
    }
    phases = ("requested_at", "started_at", "restored_at", "recovered_at", "verified_at")
    for phase in phases:
        moment = getattr(one, phase)
        if moment is not None:
            record[phase] = stamp(moment)
    if one.error_code:
        code = one.error_code
        record["error"] = {"code": code, "class": _CLASSES[code], "text": one.error_text}
    return record


def stamp(moment: datetime) -> str:
    """Return a moment as ISO 8601 with Z."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def _begin(attempt: Attempt, tools: dict[str, str]) -> dict[str, Any]:
    return {
        "event": "begin",
        "run_id": attempt.key,
        "instance": attempt.instance_id,
        "type": attempt.backup_type,
        "tool": tools.get(attempt.instance_id, "pg_dump"),
        "repo": "nas1",
        "worker": "backup01",
        "scheduled_at": stamp(attempt.scheduled_at),
        "started_at": stamp(attempt.started_at),
    }


def _end(attempt: Attempt) -> dict[str, Any]:
    line: dict[str, Any] = {
        "event": "end",
        "run_id": attempt.key,
        "instance": attempt.instance_id,
        "finished_at": stamp(attempt.finished_at or attempt.started_at),
    }
    if attempt.state == "failed":
        code = attempt.error_code
        error = {"code": code, "class": _CLASSES.get(code, "other"), "text": attempt.error_text}
        return line | {"rc": 1, "error": error}
    sizes = {"source_bytes": attempt.source_bytes, "transferred_bytes": attempt.repo_bytes}
    return line | {"rc": 0, "label": attempt.label, **sizes}


def _entry(one: BackupSet, at: datetime) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "instance": one.instance_id,
        "repo": "nas1",
        "label": one.label,
        "type": one.backup_type,
        "started_at": stamp(one.started_at),
        "finished_at": stamp(one.finished_at),
        "source_bytes": one.source_bytes,
        "repo_bytes": one.repo_bytes,
        "integrity": "ok",
    }
    if one.gone_at is not None and one.gone_at <= at:
        entry |= {"lifecycle": "expired", "unusable_from": stamp(one.gone_at)}
    return entry


def _sample(sets: Sequence[BackupSet], at: datetime) -> dict[str, Any]:
    held = sum(
        one.repo_bytes
        for one in sets
        if one.finished_at <= at and (one.gone_at is None or one.gone_at > at)
    )
    used = min(
        held + int(_CAPACITY * 0.3 * (1 + 0.05 * math.sin(at.timetuple().tm_yday))), _CAPACITY
    )
    return {
        "volume": "nas1",
        "sampled_at": stamp(at),
        "size_bytes": _CAPACITY,
        "avail_bytes": _CAPACITY - used,
    }
