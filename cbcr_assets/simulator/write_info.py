"""pgBackRest's catalog as its `info --output=json` (version 2.45) tells it: survivors only.

Belongs here: the JSON. Does not belong here: logs (see `write_logs`), envelopes (see `workspace`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from cbcr_assets.simulator.model import BackupSet, Database

VERSION = "2.45"
_EPOCH = datetime.fromisoformat("1970-01-01")
_SECOND = timedelta(seconds=1)
_FIRST_SEGMENT_AT = 1_700_000_000
_SECONDS_A_SEGMENT = 120


def stanza(instance_id: str) -> str:
    """Return the name that pgBackRest has for an instance."""
    return f"{instance_id}-main"


def segment(at: datetime) -> str:
    """Return the name of the WAL segment that was written at a moment."""
    number = _number(at)
    return f"00000001{number >> 8:08X}{number & 0xFF:08X}"


def lsn(at: datetime, offset: int = 0x28) -> str:
    """Return the log position that was reached at a moment."""
    number = _number(at)
    return f"{number >> 8:X}/{((number & 0xFF) << 24) + offset:X}"


class Catalog:
    """The stanzas of one source, asked again and again."""

    def __init__(self, databases: Sequence[Database], sets: Iterable[BackupSet]) -> None:
        """Know the databases and all sets that they ever had."""
        self._databases = databases
        self._listed = [(one, _entry(one)) for one in sets]

    def info(self, at: datetime) -> list[dict[str, Any]]:
        """Return what `info --output=json` answers at a moment."""
        alive: dict[str, list[dict[str, Any]]] = {d.instance_id: [] for d in self._databases}
        for one, entry in self._listed:
            if one.finished_at <= at and (one.gone_at is None or one.gone_at > at):
                alive[one.instance_id].append(entry)
        return [_stanza(database, alive[database.instance_id]) for database in self._databases]


def _stanza(database: Database, backups: Sequence[dict[str, Any]]) -> dict[str, Any]:
    status = {"code": 0, "message": "ok"} if backups else {"code": 2, "message": "no valid backups"}
    numbers = sum(database.instance_id.encode())
    archive = {"database": {"id": 1, "repo-key": 1}, "id": "15-1"}
    if backups:
        archive |= {"max": backups[-1]["archive"]["stop"], "min": backups[0]["archive"]["start"]}
    return {
        "archive": [archive] if backups else [],
        "backup": list(backups),
        "cipher": "none",
        "db": [
            {
                "id": 1,
                "repo-key": 1,
                "system-id": 7_711_222_788_368_734_700 + numbers,
                "version": "15",
            }
        ],
        "name": stanza(database.instance_id),
        "repo": [{"cipher": "none", "key": 1, "status": status}],
        "status": {**status, "lock": {"backup": {"held": False}}},
    }


def _entry(one: BackupSet) -> dict[str, Any]:
    references = list(dict.fromkeys(label for label in (one.root, one.parent) if label))
    return {
        "archive": {"start": segment(one.started_at), "stop": segment(one.finished_at)},
        "backrest": {"format": 5, "version": VERSION},
        "database": {"id": 1, "repo-key": 1},
        "error": False,
        "info": {
            "delta": one.repo_bytes * 2,
            "repository": {"delta": one.repo_bytes, "size": one.repo_bytes},
            "size": one.source_bytes,
        },
        "label": one.label,
        "lsn": {"start": lsn(one.started_at), "stop": lsn(one.finished_at, 0x100)},
        "prior": one.parent or None,
        "reference": references if one.parent else None,
        "timestamp": {"start": epoch(one.started_at), "stop": epoch(one.finished_at)},
        "type": one.backup_type,
    }


def _number(at: datetime) -> int:
    return (epoch(at) - _FIRST_SEGMENT_AT) // _SECONDS_A_SEGMENT


def epoch(moment: datetime) -> int:
    """Return a moment as whole epoch seconds."""
    return (moment - _EPOCH) // _SECOND
