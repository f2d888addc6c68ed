"""A fleet's dumps, chains, drills and samples in CBCR's own formats (docs/formats.md).

Belongs here: job log events, catalog entries, drill records. Does not belong here: envelopes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from cbcr_assets.simulator.errors import WORDS, tool_of
from cbcr_assets.simulator.model import (
    ArchiveSample,
    Attempt,
    BackupSet,
    Database,
    Drill,
    StorageSample,
)
from cbcr_assets.simulator.sets import KEEP_DUMPS

TORN_LINE = '{"event": "begin", "run_id": "legacy-crm-2'
"""What a full log disk left of a line: it cannot be used."""


def events(
    databases: Iterable[Database], attempts: Iterable[Attempt]
) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Yield a begin and an end event for each attempt, with their times."""
    known = {database.instance_id: database for database in databases}
    for attempt in attempts:
        yield attempt.started_at, _begin(attempt, known.get(attempt.instance_id))
        if attempt.finished_at is not None:
            yield attempt.finished_at, _end(attempt, attempt.finished_at)


def job_log(found: Iterable[tuple[datetime, Mapping[str, Any]]]) -> list[str]:
    """Return events as the lines of a job log, in the order of their times."""
    stamped = sorted((at, _nested(event)) for at, event in found)
    return [text for _, text in stamped]


def entries(sets: Iterable[BackupSet], *, repo: str, at: datetime) -> list[dict[str, Any]]:
    """Return the catalog's entries for sets, those that have gone included."""
    return [_entry(one, repo, at) for one in sets if one.finished_at <= at]


def storage(samples: Iterable[StorageSample]) -> list[dict[str, Any]]:
    """Return samples of volumes."""
    found = []
    for sample in samples:
        told = {name: getattr(sample, name) for name in ("size_bytes", "avail_bytes", "used_bytes")}
        record: dict[str, Any] = {"volume": sample.volume, "sampled_at": stamp(sample.sampled_at)}
        found.append(record | {name: value for name, value in told.items() if value is not None})
    return found


def log_archive(samples: Iterable[ArchiveSample]) -> list[dict[str, Any]]:
    """Return samples of archived WAL."""
    return [
        {
            "instance": sample.instance_id,
            "kind": "wal",
            "sampled_at": stamp(sample.sampled_at),
            "last_archived_at": stamp(sample.archived_to_at),
            "pending_count": sample.pending,
            "failed_count": sample.failed,
            "archived_from_at": stamp(sample.archived_from_at),
            "archived_to_at": stamp(sample.archived_to_at),
            "base_label": sample.base_label,
        }
        for sample in samples
    ]


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
    for phase in ("requested_at", "started_at", "restored_at", "recovered_at", "verified_at"):
        moment = getattr(one, phase)
        if moment is not None:
            record[phase] = stamp(moment)
    if one.verified_at:
        record["bytes"] = one.bytes
        record["checks"] = [{"name": "row counts of 12 tables", "expected": 12, "found": 12}]
    if one.error_code:
        word = WORDS[one.error_code]
        record["error"] = {"code": one.error_code, "class": word, "text": one.error_text}
    return record


def stamp(moment: datetime) -> str:
    """Return a moment as ISO 8601 with Z."""
    return f"{moment.isoformat(timespec='seconds')}Z"


def _begin(attempt: Attempt, database: Database | None) -> dict[str, Any]:
    tool = tool_of(database.db_type, database.method) if database else "mysqldump"
    return {
        "event": "begin",
        "run_id": attempt.key,
        "instance": attempt.instance_id,
        "type": attempt.backup_type,
        "tool": tool,
        "repo": database.volume if database else "nas1",
        "worker": "backup01",
        "scheduled_at": stamp(attempt.scheduled_at),
        "started_at": stamp(attempt.started_at),
    }


def _end(attempt: Attempt, finished_at: datetime) -> dict[str, Any]:
    event: dict[str, Any] = {
        "event": "end",
        "run_id": attempt.key,
        "instance": attempt.instance_id,
        "finished_at": stamp(finished_at),
        "rc": 1 if attempt.state == "failed" else 0,
    }
    if attempt.state == "failed":
        code = attempt.error_code
        return event | {
            "error_code": code, "error_class": WORDS[code], "error_text": attempt.error_text,
        }  # fmt: skip
    return event | {
        "label": attempt.label,
        "source_bytes": attempt.source_bytes,
        "transferred_bytes": attempt.repo_bytes,
    }


def _nested(event: Mapping[str, Any]) -> str:
    """Write an event as one line; its error is an object there."""
    parts = {
        key: event[f"error_{key}"] for key in ("code", "class", "text") if "error_text" in event
    }
    plain = {key: value for key, value in event.items() if not key.startswith("error_")}
    return json.dumps(plain | {"error": parts} if parts else plain)


def _entry(one: BackupSet, repo: str, at: datetime) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "instance": one.instance_id,
        "repo": repo,
        "label": one.label,
        "type": one.backup_type,
        "started_at": stamp(one.started_at),
        "finished_at": stamp(one.finished_at),
        "source_bytes": one.source_bytes,
        "repo_bytes": one.repo_bytes,
        "integrity": "ok",
    }
    if one.backup_type == "dump":
        entry["expires_at"] = stamp(one.started_at + KEEP_DUMPS)
    else:  # the redo log is copied along, so it shows the data as it was at the end
        entry["recovery_point_at"] = stamp(one.finished_at)
    if one.parent:
        entry["parent_label"] = one.parent
    if one.gone_at is not None and one.gone_at <= at:
        entry |= {"lifecycle": "expired", "unusable_from": stamp(one.gone_at)}
    return entry
