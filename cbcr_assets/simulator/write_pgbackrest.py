"""A fleet's physical backups as pgBackRest 2.45 would have told them.

Belongs here: `info` JSON and the text of the backup and expire logs.
Does not belong here: envelopes and folders (see `workspace`).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from cbcr_assets.simulator.model import Attempt, BackupSet, Database

_START = "-------------------PROCESS START-------------------"


def stanza(instance_id: str) -> str:
    """Return the name that pgBackRest has for an instance."""
    return f"{instance_id}-main"


def info(
    databases: Sequence[Database], sets: Sequence[BackupSet], at: datetime
) -> list[dict[str, Any]]:
    """Return what `info --output=json` answers at a moment: survivors only."""
    alive: dict[str, list[BackupSet]] = {}
    for one in sets:
        if one.finished_at <= at and (one.gone_at is None or one.gone_at > at):
            alive.setdefault(one.instance_id, []).append(one)
    return [_stanza(database, alive.get(database.instance_id, [])) for database in databases]


def backup_log(database: Database, attempts: Sequence[Attempt]) -> str:
    """Return the backup log of a stanza, level info."""
    return "\n".join(line for attempt in attempts for line in _backup(database, attempt)) + "\n"


def expire_log(database: Database, sets: Sequence[BackupSet], now: datetime) -> str:
    """Return the expire log of a stanza: one run for each moment at which sets went."""
    gone = sorted(
        ((s.gone_at, s) for s in sets if s.gone_at is not None and s.gone_at <= now),
        key=lambda pair: pair[0],
    )
    lines: list[str] = []
    for moment, group in groupby(gone, key=lambda pair: pair[0]):
        lines += _expire(database, moment, [one for _, one in group])
    return "\n".join(lines) + "\n" if lines else ""


def _stanza(database: Database, sets: Sequence[BackupSet]) -> dict[str, Any]:
    status = {"code": 0, "message": "ok"} if sets else {"code": 2, "message": "no valid backups"}
    return {
        "name": stanza(database.instance_id),
        "status": {**status, "lock": {"backup": {"held": False}}},
        "repo": [{"key": 1, "cipher": "none", "status": status}],
        "db": [{"id": 1, "repo-key": 1, "system-id": 7711222788368734700, "version": "15"}],
        "archive": [],
        "backup": [_entry(one) for one in sets],
    }


def _entry(one: BackupSet) -> dict[str, Any]:
    return {
        "label": one.label,
        "type": one.backup_type,
        "prior": one.parent or None,
        "reference": [one.parent] if one.parent else None,
        "error": False,
        "database": {"id": 1, "repo-key": 1},
        "timestamp": {"start": _epoch(one.started_at), "stop": _epoch(one.finished_at)},
        "info": {
            "size": one.source_bytes,
            "delta": one.repo_bytes * 2,
            "repository": {"size": one.repo_bytes, "delta": one.repo_bytes},
        },
    }


def _backup(database: Database, attempt: Attempt) -> Iterator[str]:
    options = f"--exec-id={attempt.key} --stanza={stanza(database.instance_id)}"
    kind = attempt.backup_type
    begun, ended = attempt.started_at, attempt.finished_at
    yield _START
    yield f"{_stamp(begun)} P00   INFO: backup command begin 2.45: {options} --type={kind}"
    if attempt.state == "failed":
        code, at = attempt.error_code, ended or begun
        yield f"{_stamp(at)} P00  ERROR: [{code}]: {attempt.error_text}"
        yield f"{_stamp(at)} P00   INFO: backup command end: aborted with exception [{code}]"
    else:
        lsn = "archive = 000000010000000000000007, lsn = 0/7000028"
        yield f"{_stamp(begun + timedelta(seconds=1))} P00   INFO: backup start {lsn}"
    if attempt.state == "succeeded" and ended is not None:
        taken = int((ended - begun).total_seconds() * 1000)
        done = f"completed successfully ({taken}ms)"
        yield f"{_stamp(ended)} P00   INFO: new backup label = {attempt.label}"
        yield f"{_stamp(ended)} P00   INFO: backup command end: {done}"
    yield ""


def _expire(database: Database, moment: datetime, sets: Sequence[BackupSet]) -> Iterator[str]:
    options = f"--exec-id=expire-{_epoch(moment)} --stanza={stanza(database.instance_id)}"
    yield _START
    yield f"{_stamp(moment)} P00   INFO: expire command begin 2.45: {options}"
    for one in reversed(sets):
        yield f"{_stamp(moment)} P00   INFO: repo1: remove expired backup {one.label}"
    done = "completed successfully (48ms)"
    yield f"{_stamp(moment)} P00   INFO: expire command end: {done}"
    yield ""


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}.000"


def _epoch(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())
