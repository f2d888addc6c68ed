"""Velero: its backups and restores, which are Kubernetes objects.

Belongs here: kinds backups (`velero backup get -o json`) and restores (`velero restore get -o
json`), also as `kubectl get backups.velero.io -o json` prints them: a list or one object.
Does not belong here: calling the cluster; a command feed or whoever drops the files does that.

Choices:
- An instance is the label `cbcr.io/instance`, else the schedule that made the backup, else the
  backup's own name. A restore has the instance of the backup that it names, where that is listed
  nowhere in the same answer: its schedule, its label, or that backup's name.
- A backup is an attempt, and a set once its data can be used; a partly failed one is suspect.
- Volumes are copied while the backup runs, so it brings back the data of its start.
- `status.expiration` says when Velero deletes it. A whole list also proves what is gone, of the
  instances that it names.
"""

from typing import Any

from cbcr_assets.connectors.base import CatalogScope, Envelope, Parsed
from cbcr_assets.connectors.reading.dispatch import dispatch
from cbcr_assets.connectors.reading.document import json_document
from cbcr_assets.connectors.reading.record import Harvest, Record, Row, in_order
from cbcr_assets.connectors.reading.refusal import Refused, brief, refused_whole
from cbcr_assets.connectors.transports.text import first_error_line
from cbcr_assets.records import (
    BackupState,
    BackupType,
    Integrity,
    Lifecycle,
    RestorePurpose,
    Verification,
)

_INSTANCE = "cbcr.io/instance"
_SCHEDULE = "velero.io/schedule-name"
_PHASES = {
    "New": BackupState.QUEUED,
    "Queued": BackupState.QUEUED,
    "ReadyToStart": BackupState.QUEUED,
    "InProgress": BackupState.RUNNING,
    "WaitingForPluginOperations": BackupState.RUNNING,
    "WaitingForPluginOperationsPartiallyFailed": BackupState.RUNNING,
    "Finalizing": BackupState.RUNNING,
    "FinalizingPartiallyFailed": BackupState.RUNNING,
    "Completed": BackupState.SUCCEEDED,
    "PartiallyFailed": BackupState.SUCCEEDED_WITH_WARNINGS,
    "Failed": BackupState.FAILED,
    "FailedValidation": BackupState.FAILED,
    "Deleting": None,  # says nothing about how it ended
}
_USABLE = {"Completed": Integrity.UNCHECKED, "PartiallyFailed": Integrity.SUSPECT}
_KINDS = {"backups": "Backup", "restores": "Restore"}


class Velero:
    """Reads Velero's Kubernetes objects (docs/tools/velero.md)."""

    tool = "velero"
    kinds = frozenset(_KINDS)

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        del carry  # whole documents only
        return dispatch(envelope, dict.fromkeys(self.kinds, _parse), tool=self.tool)


def _parse(envelope: Envelope) -> Parsed:
    document = json_document(envelope)
    items = _items(document, _KINDS[envelope.kind])
    if items is None:
        wanted = _KINDS[envelope.kind]
        reason = f"it is neither a {wanted} nor a list of them; call velero with -o json"
        return refused_whole(envelope, "type", reason)
    harvest = Harvest(envelope)
    for position, item in enumerate(items):
        if envelope.kind == "restores":
            harvest.take(item, f"items[{position}]", _restore)
        else:
            _backup(harvest, item, f"items[{position}]")
    is_list = isinstance(document.get("items"), list)
    return harvest.parsed(scopes=_scopes(harvest) if is_list and not harvest.rejects else ())


def _items(document: Any, kind: str) -> list[Any] | None:
    if not isinstance(document, dict):
        return None
    items = document.get("items")
    if isinstance(items, list) and document.get("kind") in (f"{kind}List", "List"):
        return items
    return [document] if document.get("kind") == kind else None


def _scopes(harvest: Harvest) -> tuple[CatalogScope, ...]:
    rows = harvest.rows.get("backup_sets", [])
    return tuple(CatalogScope(name) for name in sorted({row["native_instance"] for row in rows}))


def _backup(harvest: Harvest, item: Any, place: str) -> None:
    """Read one backup: an attempt, and a set while its data can be used."""
    phase = _phase_of(item)
    if phase == "Deleting":
        return
    if harvest.take(item, place, _attempt) is not None and phase in _USABLE:
        harvest.take(item, place, _set)


def _phase_of(item: Any) -> str | None:
    status = item.get("status") if isinstance(item, dict) else None
    return status.get("phase") if isinstance(status, dict) else None


def _attempt(record: Record) -> tuple[str, Row]:
    meta, status = record.part("metadata"), record.part("status")
    state = _state(status)
    started, finished = status.past("startTimestamp"), status.past("completionTimestamp")
    in_order((("startTimestamp", started), ("completionTimestamp", finished)), "order")
    row: Row = {
        "attempt_key": meta.name("uid", "name"),
        "native_instance": _instance(meta),
        "tool": Velero.tool,
        "repo": _repo(record),
        "backup_type": BackupType.SNAPSHOT,
        "state": state,
        "scheduled_at": meta.past("creationTimestamp") if _label(meta, _SCHEDULE) else None,
        "started_at": started or meta.past("creationTimestamp"),
        "finished_at": finished if state not in (BackupState.QUEUED, BackupState.RUNNING) else None,
        "backup_label": meta.name("name"),
        "evidence": "catalog",
    }
    return "backup_jobs", row | _error(status, state)


def _set(record: Record) -> tuple[str, Row]:
    meta, status = record.part("metadata"), record.part("status")
    started = status.past("startTimestamp")
    if started is None:
        raise Refused("missing", "status.startTimestamp is missing; when was this backup made?")
    return "backup_sets", {
        "repo": _repo(record),
        "label": meta.name("name"),
        "native_instance": _instance(meta),
        "backup_type": BackupType.SNAPSHOT,
        "started_at": started,
        "finished_at": status.past("completionTimestamp") or started,
        "recovery_point_at": started,
        "integrity": _USABLE[status.name("phase")],
        "expires_at": status.time("expiration"),
        "lifecycle": Lifecycle.AVAILABLE,
    }


def _restore(record: Record) -> tuple[str, Row]:
    meta, spec, status = (record.part(name) for name in ("metadata", "spec", "status"))
    state = _state(status)
    restored = status.past("completionTimestamp")
    requested, started = meta.past("creationTimestamp"), status.past("startTimestamp")
    in_order(
        (("creationTimestamp", requested), ("startTimestamp", started),
         ("completionTimestamp", restored)), "phases",
    )  # fmt: skip
    source = spec.optional_name("backupName")
    row: Row = {
        "restore_key": meta.name("uid", "name"),
        "native_instance": _label(meta, _INSTANCE) or spec.optional_name("scheduleName")
        or source or meta.name("name"),
        "purpose": RestorePurpose.UNKNOWN,
        "source_label": source,
        "requested_at": requested,
        "started_at": started,
        "restored_at": restored,
        "recovered_at": restored,
        "state": state,
        "verification": Verification.NONE,
    }  # fmt: skip
    return "restore_jobs", row | _error(status, state)


def _state(status: Record) -> BackupState:
    phase = status.optional_name("phase") or "New"
    state = _PHASES.get(phase)
    if state is None:
        raise Refused("enum", f"phase {brief(phase)} is none of: {', '.join(_PHASES)}")
    warnings = status.whole("warnings") or status.whole("errors")
    if state is BackupState.SUCCEEDED and warnings:
        return BackupState.SUCCEEDED_WITH_WARNINGS
    return state


def _error(status: Record, state: BackupState) -> Row:
    told = status.optional_name("failureReason")
    refused = status.values.get("validationErrors")
    if told is None and isinstance(refused, list) and refused:
        told = str(refused[0])
    if told is None and state is BackupState.SUCCEEDED_WITH_WARNINGS:
        counts = (("errors", status.whole("errors")), ("warnings", status.whole("warnings")))
        told = ", ".join(f"{count} {word}" for word, count in counts if count) or None
    is_failed = state is BackupState.FAILED
    if told is None and not is_failed:
        return {}
    return {
        "error_code": status.optional_name("phase") if is_failed else None,
        "error_text": first_error_line(told) if told else "it gives no reason",
    }


def _instance(meta: Record) -> str:
    return _label(meta, _INSTANCE) or _label(meta, _SCHEDULE) or meta.name("name")


def _label(meta: Record, name: str) -> str | None:
    return meta.part("labels").optional_name(name)


def _repo(record: Record) -> str:
    return record.part("spec").optional_name("storageLocation") or "default"
