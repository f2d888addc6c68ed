"""AWS Backup: the JSON that its command line prints.

Belongs here: kinds backup_jobs (`aws backup list-backup-jobs`), restore_jobs
(`list-restore-jobs`) and recovery_points (`list-recovery-points-by-backup-vault`).
Does not belong here: calling AWS; a command feed or whoever drops the files does that.

Choices:
- An instance is its resource's ARN: nothing shorter is unique over regions and accounts.
- A completed job with a message is what AWS's console calls "completed with issues".
- EXPIRED is a job that did not begin within its start window: it failed, and never ran.
- A recovery point restores its resource as it was when it was begun: CreationDate.
- A list with NextToken is one page: nothing that is absent from it is taken for gone. In a whole
  list that holds of the instances it names, in the vaults that it names.
"""

from collections.abc import Callable
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

_JOB_STATES = {
    "CREATED": BackupState.QUEUED,
    "PENDING": BackupState.QUEUED,
    "RUNNING": BackupState.RUNNING,
    "ABORTING": BackupState.RUNNING,
    "ABORTED": BackupState.CANCELLED,
    "COMPLETED": BackupState.SUCCEEDED,
    "PARTIAL": BackupState.SUCCEEDED_WITH_WARNINGS,
    "FAILED": BackupState.FAILED,
    "EXPIRED": BackupState.FAILED,
}
_POINTS = {
    "COMPLETED": (Lifecycle.AVAILABLE, Integrity.UNCHECKED),
    "AVAILABLE": (Lifecycle.AVAILABLE, Integrity.UNCHECKED),
    "STOPPED": (Lifecycle.AVAILABLE, Integrity.UNCHECKED),  # a continuous one that ended
    "PARTIAL": (Lifecycle.AVAILABLE, Integrity.SUSPECT),
    "EXPIRED": (Lifecycle.EXPIRED, Integrity.UNCHECKED),
    "DELETING": (Lifecycle.EXPIRED, Integrity.UNCHECKED),
}
_LISTS = {
    "backup_jobs": "BackupJobs",
    "restore_jobs": "RestoreJobs",
    "recovery_points": "RecoveryPoints",
}


class AwsBackup:
    """Reads the lists of AWS Backup (docs/tools/aws_backup.md)."""

    tool = "aws_backup"
    kinds = frozenset(_LISTS)

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        del carry  # whole documents only
        readers = dict.fromkeys(self.kinds, _parse)
        return dispatch(envelope, readers, tool=self.tool)


def _parse(envelope: Envelope) -> Parsed:
    document = json_document(envelope)
    name = _LISTS[envelope.kind]
    items = document.get(name) if isinstance(document, dict) else None
    if not isinstance(items, list):
        reason = f"it has no list {name}, but {brief(document)}; call aws with --output json"
        return refused_whole(envelope, "type", reason)
    harvest = Harvest(envelope)
    for position, item in enumerate(items):
        _BUILDERS[envelope.kind](harvest, item, f"{name}[{position}]")
    whole = not document.get("NextToken") and not harvest.rejects
    return harvest.parsed(scopes=_scopes(harvest) if whole else ())


def _scopes(harvest: Harvest) -> tuple[CatalogScope, ...]:
    rows = harvest.rows.get("backup_sets", [])
    listed = {(row["native_instance"], row["repo"]) for row in rows}
    return tuple(CatalogScope(instance, vault) for instance, vault in sorted(listed))


def _job(record: Record) -> tuple[str, Row]:
    said = record.name("State")
    state = _known(said, _JOB_STATES, "State")
    message = record.optional_name("StatusMessage")
    if state is BackupState.SUCCEEDED and message:
        state = BackupState.SUCCEEDED_WITH_WARNINGS
    started, finished = record.past("CreationDate"), record.past("CompletionDate")
    in_order((("CreationDate", started), ("CompletionDate", finished)), "order")
    is_over = state not in (BackupState.QUEUED, BackupState.RUNNING)
    row: Row = {
        "attempt_key": record.name("BackupJobId"),
        "native_instance": record.name("ResourceArn"),
        "tool": AwsBackup.tool,
        "repo": record.optional_name("BackupVaultName"),
        "backup_type": BackupType.SNAPSHOT,
        "state": state,
        "started_at": started,
        "finished_at": finished if is_over else None,
        "backup_label": record.optional_name("RecoveryPointArn"),
        "source_bytes": record.whole("BackupSizeInBytes"),
        "transferred_bytes": record.whole("BytesTransferred"),
        "evidence": "catalog",
    }
    return "backup_jobs", row | _error(state, said, message)


def _restore(record: Record) -> tuple[str, Row]:
    said = record.name("Status")
    state = _known(said, _JOB_STATES, "Status")
    requested, restored = record.past("CreationDate"), record.past("CompletionDate")
    in_order((("CreationDate", requested), ("CompletionDate", restored)), "phases")
    validated = record.optional_name("ValidationStatus")
    plan = record.values.get("CreatedBy")
    is_drill = isinstance(plan, dict) and bool(plan.get("RestoreTestingPlanArn"))
    row: Row = {
        "restore_key": record.name("RestoreJobId"),
        "native_instance": record.name("SourceResourceArn", "RecoveryPointArn"),
        "purpose": RestorePurpose.DRILL if is_drill else RestorePurpose.UNKNOWN,
        "source_label": record.optional_name("RecoveryPointArn"),
        "recovered_to_at": record.past("RecoveryPointCreationDate"),
        "requested_at": requested,
        "started_at": requested,
        "restored_at": restored,
        "recovered_at": restored,
        "bytes": record.whole("BackupSizeInBytes"),
        "state": state,
        # When a validation ended is not said, so one that succeeded proves no recovery time.
        "verification": Verification.FAILED if validated == "FAILED" else Verification.NONE,
        "checks": validated,
    }
    return "restore_jobs", row | _error(state, said, record.optional_name("StatusMessage"))


def _point(record: Record) -> tuple[str, Row]:
    lifecycle, integrity = _known(record.name("Status"), _POINTS, "Status")
    started, finished = record.past("CreationDate"), record.past("CompletionDate")
    if started is None:
        raise Refused("missing", "CreationDate is missing; without it there is no recovery point")
    in_order((("CreationDate", started), ("CompletionDate", finished)), "order")
    ends = record.values.get("CalculatedLifecycle")
    life = Record(ends if isinstance(ends, dict) else {}, record.tz, record.latest, record.said_at)
    return "backup_sets", {
        "repo": record.name("BackupVaultName"),
        "label": record.name("RecoveryPointArn"),
        "native_instance": record.name("ResourceArn"),
        "backup_type": BackupType.SNAPSHOT,
        "started_at": started,
        "finished_at": finished or started,
        "recovery_point_at": started,
        "source_bytes": record.whole("BackupSizeInBytes"),
        "integrity": integrity,
        "expires_at": life.time("DeleteAt"),
        "lifecycle": lifecycle,
        "unusable_from": record.said_at if lifecycle is Lifecycle.EXPIRED else None,
    }


def _known(word: str, words: dict[str, Any], key: str) -> Any:
    if word not in words:
        raise Refused("enum", f"{key} {brief(word)} is none of: {', '.join(words)}")
    return words[word]


def _error(state: BackupState, said: str, message: str | None) -> Row:
    if state is BackupState.FAILED:
        text = first_error_line(message) if message else None
        return {"error_code": said, "error_text": text or said}
    return {"error_text": first_error_line(message)} if message else {}


def _taker(build: Callable[[Record], tuple[str, Row]]) -> Callable[[Harvest, Any, str], None]:
    def take(harvest: Harvest, item: Any, place: str) -> None:
        harvest.take(item, place, build)

    return take


def _take_point(harvest: Harvest, item: Any, place: str) -> None:
    """A point that is still being made is no set; a parent only groups others."""
    if isinstance(item, dict) and item.get("Status") == "CREATING":
        return
    harvest.take(item, place, _point)


_BUILDERS: dict[str, Callable[[Harvest, Any, str], None]] = {
    "backup_jobs": _taker(_job),
    "restore_jobs": _taker(_restore),
    "recovery_points": _take_point,
}
