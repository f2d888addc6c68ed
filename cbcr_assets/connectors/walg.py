"""WAL-G: its backups, and its own check of the WAL archive.

Belongs here: kinds backups (`wal-g backup-list --detail --json`) and wal_verify (`wal-g wal-verify
integrity timeline --json`). Does not belong here: calling WAL-G.

Choices:
- The list holds survivors only; attempts come from `cbcr run-job`.
- It names no instance: that is the envelope's host, else the source. One source is one prefix.
- A delta backup names its base in its own name: base_X_D_Y continues base_Y.
- A finished backup brings back the data of its end, as its log is archived.
- An empty list proves nothing: WAL-G lists a prefix, and one that is not mounted, or is not the one
  meant, is empty too (it prints nothing at all, with exit code 0).
- A verification counts segments: those on their way wait, those that are lost failed. It tells no
  time, so how far the archive reaches is read elsewhere (tool postgresql).
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from cbcr_assets.connectors.base import CatalogScope, Envelope, Parsed
from cbcr_assets.connectors.reading.dispatch import dispatch
from cbcr_assets.connectors.reading.document import json_document
from cbcr_assets.connectors.reading.record import Harvest, Record, Row, in_order
from cbcr_assets.connectors.reading.refusal import Refused, brief
from cbcr_assets.records import BackupType, Integrity, Lifecycle

_REPO = "default"
_EMPTY = (
    "no backup is listed; check that the prefix is the right one and can be read: WAL-G says the"
    " same of one that is not; nothing that is absent from this list is taken for expired"
)
_DELTA = re.compile(r"base_[0-9A-F]{24}(?:_\d+)?_D_([0-9A-F]{24}(?:_\d+)?)")
_SEGMENTS = ("FOUND", "MISSING_DELAYED", "MISSING_UPLOADING", "MISSING_LOST")


class WalG:
    """Reads WAL-G's JSON, of PostgreSQL (docs/tools/walg.md)."""

    tool = "walg"
    kinds = frozenset({"backups", "wal_verify"})

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        del carry  # whole documents only
        return dispatch(envelope, {"backups": _backups, "wal_verify": _verify}, tool=self.tool)


def _backups(envelope: Envelope) -> Parsed:
    document = json_document(envelope) if envelope.payload.strip() else []
    if not isinstance(document, list):
        reason = f"it is no list of backups, but {brief(document)}; call wal-g with --json"
        raise Refused("type", reason)
    if not document:
        return Parsed(ok=False, error=_EMPTY)
    harvest = Harvest(envelope)
    build = partial(_set, instance=envelope.host or envelope.source_id)
    names = [item.get("backup_name") for item in document if isinstance(item, Mapping)]
    for position, item in enumerate(document):
        row = harvest.take(item, f"[{position}]", build)
        if row is not None:
            row["parent_label"] = _parent(row["label"], names)
    return harvest.parsed(scopes=() if harvest.rejects else (CatalogScope(None, _REPO),))


def _set(record: Record, *, instance: str) -> tuple[str, Row]:
    started, finished = record.past("start_time"), record.past("finish_time")
    in_order((("start_time", started), ("finish_time", finished)), "order")
    if finished is None:
        raise Refused("missing", "finish_time is missing; call wal-g backup-list with --detail")
    label = record.name("backup_name")
    return "backup_sets", {
        "repo": _REPO,
        "label": label,
        "native_instance": instance,
        "backup_type": BackupType.INCR if "_D_" in label else BackupType.FULL,
        "started_at": started,
        "finished_at": finished,
        "recovery_point_at": finished,
        "log_start": record.optional_name("wal_file_name"),
        "source_bytes": record.whole("uncompressed_size"),
        "repo_delta_bytes": record.whole("compressed_size"),
        "integrity": Integrity.UNCHECKED,
        "lifecycle": Lifecycle.AVAILABLE,
    }


def _parent(label: str, names: list[Any]) -> str | None:
    """Return the base of a delta: a full backup of that name, or a delta that begins with it."""
    found = _DELTA.fullmatch(label)
    if found is None:
        return None
    base = f"base_{found[1]}"
    deltas = (name for name in names if isinstance(name, str) and name.startswith(f"{base}_D_"))
    return base if base in names else next(deltas, base)


def _verify(envelope: Envelope) -> Parsed:
    document = json_document(envelope)
    if not isinstance(document, dict) or "integrity" not in document:
        raise Refused("type", "it has no integrity; call wal-g wal-verify integrity --json")
    harvest = Harvest(envelope)
    server = envelope.host or envelope.source_id
    harvest.take(document, "1", partial(_archive, instance=server))
    return harvest.parsed()


def _archive(record: Record, *, instance: str) -> tuple[str, Row]:
    """Count segments that are on their way, and those that are lost for good."""
    details = record.part("integrity").values.get("details")
    if not isinstance(details, list):
        raise Refused("type", f"integrity.details must be a list, not {brief(details)}")
    counts = dict.fromkeys(_SEGMENTS, 0)
    for item in details:
        part = Record(
            item if isinstance(item, Mapping) else {}, "UTC", record.latest, record.said_at
        )
        status = part.name("status")
        if status not in counts:
            raise Refused("enum", f"status {brief(status)} is none of: {', '.join(_SEGMENTS)}")
        counts[status] += part.whole("segments_count") or 0
    return "log_archive", {
        "native_instance": instance,
        "sampled_at": record.said_at,
        "kind": "wal",
        "pending_count": counts["MISSING_DELAYED"] + counts["MISSING_UPLOADING"],
        "failed_count": counts["MISSING_LOST"],
    }
