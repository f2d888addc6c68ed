"""The catalog: what CBCR can restore, and the room and change logs it has for it.

Belongs here: kind catalog, to rows of backup_sets, storage_samples and log_archive.
Does not belong here: attempts (kind job_log): a catalog lists survivors only.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from cbcr_assets.connectors.base import CatalogScope, Envelope, Parsed
from cbcr_assets.connectors.reading.document import json_document
from cbcr_assets.connectors.reading.record import Harvest, Record, Row, in_order
from cbcr_assets.connectors.reading.refusal import Refused, brief, refused_whole
from cbcr_assets.records import BackupType, Integrity, Lifecycle

_LISTS = ("backups", "storage", "log_archive")
_PHYSICAL = frozenset({BackupType.FULL, BackupType.DIFF, BackupType.INCR})
_DEFAULT_REPO = "default"


class LogKind(StrEnum):
    """Which change log is archived."""

    WAL = "wal"
    BINLOG = "binlog"


def parse_catalog(envelope: Envelope) -> Parsed:
    """Read a catalog document: an array of backups, or an object with lists.

    A document that says `complete` proves absence, but not for an instance of which a record had to
    be refused: the refused record may be the one that seems to be absent.
    """
    document = json_document(envelope)
    if isinstance(document, list):
        document = {"backups": document}
    problem = _misshapen(document)
    if problem:
        return refused_whole(envelope, "type", problem)
    harvest = Harvest(envelope)
    builders: tuple[Callable[[Record], tuple[str, Row]], ...] = (_backup, _storage, _log_archive)
    for name, build in zip(_LISTS, builders, strict=True):
        for position, item in enumerate(document.get(name) or ()):
            harvest.take(item, f"{name}[{position}]", build)
    return harvest.parsed(scopes=_scopes(document, harvest))


def _misshapen(document: Any) -> str | None:
    if not isinstance(document, dict):
        return f"a catalog is a JSON array or object, not {brief(document)}"
    if not any(name in document for name in _LISTS):
        return f"the catalog has none of the lists {', '.join(_LISTS)}; an empty one is []"
    for name in (*_LISTS, "instances"):
        if not isinstance(document.get(name, []), (list, type(None))):
            return f"{name} must be a list, not {brief(document[name])}"
    if not isinstance(document.get("complete", False), bool):
        return f"complete must be true or false, not {brief(document['complete'])}"
    names = document.get("instances") or []
    if not all(isinstance(name, str) and name for name in names):
        return "instances must be a list of names"
    return None


def _scopes(document: dict[str, Any], harvest: Harvest) -> tuple[CatalogScope, ...]:
    if not document.get("complete") or document.get("backups") is None:
        return ()
    refused: set[str] = set()
    rows = harvest.rows.get("backup_sets", [])
    if len(rows) < len(document["backups"]):
        accepted = {(row["native_instance"], row["repo"], row["label"]) for row in rows}
        for item in document["backups"]:
            instance = item.get("instance") if isinstance(item, dict) else None
            if not isinstance(instance, str):
                return ()  # it may belong to any instance
            key = (instance, item.get("repo") or _DEFAULT_REPO, item.get("label"))
            if not _contains(accepted, key):
                refused.add(instance)
    listed = {row["native_instance"] for row in rows} | set(document.get("instances") or ())
    return tuple(CatalogScope(name) for name in sorted(listed - refused))


def _contains(accepted: set[tuple[Any, ...]], key: tuple[Any, ...]) -> bool:
    try:
        return key in accepted
    except TypeError:  # a label that is a list or an object
        return False


def _backup(record: Record) -> tuple[str, Row]:
    backup_type = record.one_of("type", BackupType)
    if backup_type is None:
        raise Refused("missing", f"type is missing; write one of: {', '.join(BackupType)}")
    started, finished = _required(record, "started_at"), _required(record, "finished_at")
    in_order((("started_at", started), ("finished_at", finished)), "order")
    lifecycle = record.one_of("lifecycle", Lifecycle) or Lifecycle.AVAILABLE
    integrity = record.one_of("integrity", Integrity) or Integrity.UNCHECKED
    return "backup_sets", {
        "repo": record.optional_name("repo") or _DEFAULT_REPO,
        "label": record.name("label"),
        "native_instance": record.name("instance"),
        "backup_type": backup_type,
        "started_at": started,
        "finished_at": finished,
        "recovery_point_at": _recovery_point(record, backup_type, started, finished),
        "log_start": record.optional_name("log_start"),
        "log_stop": record.optional_name("log_stop"),
        "parent_label": record.optional_name("parent_label"),
        "source_bytes": record.whole("source_bytes"),
        "repo_bytes": record.whole("repo_bytes"),
        "repo_delta_bytes": record.whole("repo_delta_bytes"),
        "integrity": integrity,
        "expires_at": record.time("expires_at"),
        "lifecycle": lifecycle,
        "unusable_from": _unusable_from(record, lifecycle, integrity),
    }


def _required(record: Record, key: str) -> datetime:
    moment = record.past(key)
    if moment is None:
        raise Refused("missing", f"{key} is missing; a backup set needs it")
    return moment


def _recovery_point(
    record: Record, backup_type: BackupType, started: datetime, finished: datetime
) -> datetime:
    """The moment of data that the set brings back: its stop only if logs make it consistent."""
    told = record.past("recovery_point_at")
    if told is None:
        return finished if backup_type in _PHYSICAL and record.flag("log_archived") else started
    in_order((("recovery_point_at", told), ("finished_at", finished)), "order")
    return told


def _unusable_from(record: Record, lifecycle: Lifecycle, integrity: Integrity) -> datetime | None:
    told = record.past("unusable_from")
    bad = lifecycle is not Lifecycle.AVAILABLE or integrity is Integrity.CORRUPT
    if told is not None and not bad:
        raise Refused(
            "order", "unusable_from is set, but the set is available and not corrupt; say which"
        )
    return (told or record.said_at) if bad else None


def _storage(record: Record) -> tuple[str, Row]:
    size, avail = record.whole("size_bytes"), record.whole("avail_bytes")
    used = record.whole("used_bytes")
    if used is None and (size is None or avail is None):
        # What has no size, such as a bucket, still says what is in it.
        wanted = "size_bytes" if size is None else "avail_bytes"
        raise Refused("missing", f"{wanted} is missing; say it, or used_bytes")
    for name, value in (("avail_bytes", avail), ("used_bytes", used)):
        if size is not None and value is not None and value > size:
            raise Refused("range", f"{name} {value} is more than size_bytes {size}")
    return "storage_samples", {
        "volume": record.name("volume"),
        "sampled_at": record.past("sampled_at") or record.said_at,
        "size_bytes": size,
        "avail_bytes": avail,
        "used_bytes": used,
    }


def _log_archive(record: Record) -> tuple[str, Row]:
    kind = record.one_of("kind", LogKind)
    if kind is None:
        raise Refused("missing", "kind is missing; write wal or binlog")
    since, until = record.past("archived_from_at"), record.past("archived_to_at")
    in_order((("archived_from_at", since), ("archived_to_at", until)), "order")
    return "log_archive", {
        "native_instance": record.name("instance"),
        "sampled_at": record.past("sampled_at") or record.said_at,
        "kind": kind,
        "last_archived_at": record.past("last_archived_at"),
        "pending_count": record.whole("pending_count"),
        "failed_count": record.whole("failed_count"),
        "archived_from_at": since,
        "archived_to_at": until,
        "base_label": record.optional_name("base_label"),
    }
