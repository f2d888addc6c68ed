"""restic: its snapshots, what a backup says of itself, forgetting and checking.

Belongs here: kinds snapshots, backup, forget and check, and the outcome of a wrapped backup.
Does not belong here: calling restic. Its password opens the data too, so it runs on the backup
host, which drops what it printed (docs/tools/restic.md).

Choices:
- The list holds survivors only. A failure leaves no snapshot; one half way down a pipe leaves one
  that looks whole. Attempts therefore come from `cbcr run-job`, which sees every exit code.
- An instance is the tag `instance=NAME`, else the host name. A source is one repository.
- A snapshot brings back the data of its start. restic before 0.17 records no end: such a snapshot
  counts from when it was first seen.
- A label is the whole id; a backup says only its first characters, which the models match.
- `parent` is a hint for speed: every snapshot is a full one and depends on none.
- A whole list proves what is gone, an empty one too: a missing repository is an error in restic.
- `forget --dry-run` prints the same as a real one; the next list puts that right.
- A check does not name the damaged snapshots, so its finding holds for all of them. One that read
  no data says nothing about the data.
"""

import re
from collections.abc import Iterator
from typing import Any

from cbcr_assets.connectors.base import CatalogScope, Envelope, Parsed, RepositoryVerdict
from cbcr_assets.connectors.reading.dispatch import dispatch
from cbcr_assets.connectors.reading.document import json_document
from cbcr_assets.connectors.reading.outcome import Outcome
from cbcr_assets.connectors.reading.record import Harvest, Record, Row, in_order
from cbcr_assets.connectors.reading.refusal import Refused, brief
from cbcr_assets.connectors.transports.json_text import strict_json
from cbcr_assets.connectors.transports.text import first_error_line
from cbcr_assets.records import BackupState, BackupType, Integrity, Lifecycle

_INSTANCE = "instance="
_REPO = "default"
_ENDED = {0: BackupState.SUCCEEDED, 3: BackupState.SUCCEEDED_WITH_WARNINGS}
_ID = re.compile(r"[0-9a-f]{8,64}")
_SKIPPED = re.compile(r"does not exist, skipping|^Warning:", re.MULTILINE)
_SOUND = "no errors were found"
_DATA_READ = re.compile(r"^read (all data|.*data packs)", re.MULTILINE)
_DAMAGED = re.compile(r"contains errors|^error|does not match|^Fatal: .*damaged", re.MULTILINE)


class Restic:
    """Reads what restic prints with `--json`, and its check."""

    tool = "restic"
    kinds = frozenset({"snapshots", "backup", "forget", "check"})

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        del carry  # whole documents only
        readers = {
            "snapshots": _snapshots,
            "backup": _backup,
            "forget": _forget,
            "check": _check,
        }
        return dispatch(
            envelope, readers, tool=self.tool, despite_rc=frozenset({"backup", "check"})
        )


def outcome(said: str, rc: int, complaints: str = "") -> Outcome:
    """Read the end of what `restic backup --json` printed.

    Args:
        said: Its output, or the last part of it.
        rc: Its exit code: 3 is a snapshot without the files that could not be read.
        complaints: What it printed to stderr: a path that is not there is told there only.
    """
    state = _ENDED.get(rc, BackupState.FAILED)
    if rc == 0 and _SKIPPED.search(complaints):
        state = BackupState.SUCCEEDED_WITH_WARNINGS
    for summary in _messages(said, "summary"):
        record = Record.alone(summary)
        try:
            return Outcome(
                state,
                record.optional_name("snapshot_id"),
                record.whole("total_bytes_processed"),
                record.whole("data_added"),
                record.seconds("total_duration"),
            )
        except Refused:
            break
    return Outcome(state)


def _messages(said: str, kind: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON lines of a kind, the newest first."""
    for line in reversed(said.splitlines()):
        if kind in line:
            try:
                message = strict_json(line)
            except ValueError:
                continue
            if isinstance(message, dict) and message.get("message_type") == kind:
                yield message


def _snapshots(envelope: Envelope) -> Parsed:
    document = json_document(envelope)
    if not isinstance(document, list):
        reason = f"it is no list of snapshots, but {brief(document)}; call restic snapshots --json"
        raise Refused("type", reason)
    harvest = Harvest(envelope)
    for position, item in enumerate(document):
        harvest.take(item, f"[{position}]", _set)
    return harvest.parsed(scopes=() if harvest.rejects else (CatalogScope(None, _REPO),))


def _set(record: Record) -> tuple[str, Row]:
    started = record.past("time")
    if started is None:
        raise Refused("missing", "time is missing; when was this snapshot made?")
    summary = record.part("summary")
    begun, ended = summary.past("backup_start"), summary.past("backup_end")
    in_order((("backup_start", begun), ("backup_end", ended)), "order")
    return "backup_sets", {
        "repo": _REPO,
        "label": _identity(record.name("id")),
        "native_instance": _instance(record),
        "backup_type": BackupType.SNAPSHOT,
        "started_at": started,
        "finished_at": ended,
        "recovery_point_at": started,
        "source_bytes": summary.whole("total_bytes_processed"),
        "repo_delta_bytes": summary.whole("data_added_packed"),
        "integrity": Integrity.UNCHECKED,
        "lifecycle": Lifecycle.AVAILABLE,
    }


def _identity(text: str) -> str:
    if not _ID.fullmatch(text):
        raise Refused("value", f"id {brief(text)} is no id of a snapshot")
    return text


def _instance(record: Record) -> str:
    tags = record.values.get("tags") or []
    if not isinstance(tags, list):
        raise Refused("type", f"tags must be a list, not {brief(tags)}")
    named = (tag[len(_INSTANCE) :] for tag in tags if str(tag).startswith(_INSTANCE))
    tagged = {"instance": next(named, "") or record.values.get("hostname")}
    return Record.alone(tagged).name("instance")


def _backup(envelope: Envelope) -> Parsed:
    """Read one backup's own output: an attempt, and which snapshot it made."""
    harvest = Harvest(envelope)
    if not envelope.payload.strip() and not envelope.rc:
        raise Refused("json", "there is no output; call restic backup --json")
    # Saved with 2>&1 the complaints are in it; without them a missing path is not told at all.
    found = outcome(envelope.payload, envelope.rc, envelope.payload)
    if found.label is None and not envelope.rc:
        raise Refused("json", "its last line is no summary, so nobody knows how it ended")
    row: Row = {
        "attempt_key": found.label or f"{envelope.host}@{envelope.started_at.isoformat()}",
        "native_instance": envelope.host or envelope.source_id,
        "tool": Restic.tool,
        "repo": _REPO,
        "backup_type": BackupType.SNAPSHOT,
        "state": found.state,
        "started_at": envelope.started_at,
        "finished_at": envelope.finished_at,
        "duration_s": found.duration_s,
        "exit_code": envelope.rc,
        "error_text": _trouble(envelope.payload, found.state),
        "backup_label": found.label,
        "source_bytes": found.source_bytes,
        "transferred_bytes": found.transferred_bytes,
        "evidence": "log",
    }
    harvest.add("backup_jobs", row)
    return harvest.parsed()


_UNTOLD = {
    BackupState.FAILED: "it gives no reason",
    BackupState.SUCCEEDED_WITH_WARNINGS: "warning: some files could not be read",
}


def _trouble(said: str, state: BackupState) -> str | None:
    for message in _messages(said, "error"):
        error = message.get("error")
        text = error.get("message") if isinstance(error, dict) else error
        return first_error_line(f"{text or 'error'} {message.get('item') or ''}") or None
    skipped = _SKIPPED.search(said) if state is BackupState.SUCCEEDED_WITH_WARNINGS else None
    if skipped:
        return first_error_line(said[said.rfind("\n", 0, skipped.start()) + 1 :].split("\n")[0])
    return _UNTOLD.get(state)


def _forget(envelope: Envelope) -> Parsed:
    """Read which snapshots were kept and removed; what `--prune` prints after it is text."""
    head, _, _ = envelope.payload.partition("\n")
    try:
        groups = strict_json(head)
    except ValueError as error:
        raise Refused("json", f"its first line is no JSON ({error})") from None
    if not isinstance(groups, list):
        raise Refused("type", f"it is no list, but {brief(groups)}; call restic forget --json")
    harvest = Harvest(envelope)
    gone = {"lifecycle": Lifecycle.EXPIRED, "unusable_from": envelope.finished_at}
    for place, group in enumerate(groups):
        if not isinstance(group, dict):
            harvest.take(group, f"[{place}]", _set)
            continue
        for name, fate in (("keep", {}), ("remove", gone)):
            listed = group.get(name)
            for position, item in enumerate(listed if isinstance(listed, list) else ()):
                row = harvest.take(item, f"[{place}].{name}[{position}]", _set)
                if row is not None:
                    row.update(fate)
    return harvest.parsed()


def _check(envelope: Envelope) -> Parsed:
    said = envelope.payload
    if _SOUND in said and not envelope.rc:
        sound = RepositoryVerdict(Integrity.OK, _REPO)
        return Parsed(verdicts=(sound,) if _DATA_READ.search(said) else ())
    if _DAMAGED.search(said):
        return Parsed(verdicts=(RepositoryVerdict(Integrity.CORRUPT, _REPO),))
    if envelope.rc:
        return Parsed(ok=False, error=first_error_line(said) or f"exit code {envelope.rc}")
    raise Refused("check", "it does not say how the check ended")
