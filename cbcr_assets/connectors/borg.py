"""BorgBackup: its archives, what a creation says of itself, and checking.

Belongs here: kinds list, info, create and check, and the outcome of a wrapped creation.
Does not belong here: calling borg. It needs the passphrase and even `list` writes to the
repository, so it runs on the backup host, which drops what it printed (docs/tools/borg.md).

Choices:
- Stamps are the local time of whoever asks: call borg with TZ=UTC or say the source's timezone.
- The list holds survivors only; attempts come from `cbcr run-job` or from kind create.
- A `.checkpoint` is no archive but an attempt that has not ended, perhaps never will: running,
  until CBCR's clock calls it lost.
- An instance is the comment `instance=NAME`, else the archive's name before its time:
  orders-20261123T050221Z is of orders.
- An archive brings back the data of its start. All are full.
- The share that an archive has for itself shrinks when later ones refer to its data: only creation
  tells what it added.
- Pruning names no repository; the next list proves what it removed.
- A check does not name the damaged archives, so its finding holds for all of them. One of the
  archives only (--archives-only) has not read the segments and says nothing about the data.
"""

import re
from collections.abc import Iterator
from datetime import datetime
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
_CHECKPOINT = re.compile(r"\.checkpoint(\.\d+)?$")
_STEM = re.compile(r"^(.+?)[-_.:@]?\d{4}-?\d\d-?\d\d.*$")
_SOUND = re.compile(r"(?<!partial )repository check, no problems found")
_ARCHIVES_SOUND = "Archive consistency check complete, no problems found"
_DAMAGED = re.compile(r"errors found|IntegrityError|check failed|Index object count mismatch")
_FIRST_WARNING = 100  # exit codes 100 to 127 are the warnings of BORG_EXIT_CODES=modern
_LAST_WARNING = 107  # in use; from 108 on the code may be the shell's or timeout's, not borg's
_LAST_RESERVED = 127


class Borg:
    """Reads what borg prints with `--json` and `--log-json`, from 1.1 on."""

    tool = "borg"
    kinds = frozenset({"list", "info", "create", "check"})

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        del carry  # whole documents only
        readers = {
            "list": _archives,
            "info": _archives,
            "create": _create,
            "check": _check,
        }
        return dispatch(
            envelope, readers, tool=self.tool, despite_rc=frozenset({"create", "check"})
        )


def outcome(said: str, rc: int, complaints: str = "") -> Outcome:
    """Read what `borg create --json` printed.

    Args:
        said: Its output, or the last part of it.
        rc: Its exit code: 1 is an archive with warnings, from 2 on there is none.
        complaints: What it printed to stderr; its exit code says it all.
    """
    del complaints
    document = _created(said)
    state = _state(rc, is_told=document is not None)
    if document is None:
        return Outcome(state)
    try:
        archive = Record.alone(document).part("archive")
        stats = archive.part("stats")
        return Outcome(
            state,
            archive.optional_name("name"),
            stats.whole("original_size"),
            stats.whole("deduplicated_size"),
            archive.seconds("duration"),
        )
    except Refused:
        return Outcome(state)


def _state(rc: int, *, is_told: bool) -> BackupState:
    if rc == 0:
        return BackupState.SUCCEEDED
    last = _LAST_RESERVED if is_told else _LAST_WARNING
    if rc == 1 or _FIRST_WARNING <= rc <= last:
        return BackupState.SUCCEEDED_WITH_WARNINGS
    return BackupState.FAILED


def _created(said: str) -> dict[str, Any] | None:
    """Find the document in what was printed, among other lines perhaps."""
    start = 0 if said.startswith("{\n") else said.rfind("\n{\n") + 1
    try:
        document = strict_json(said[start:])
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _archives(envelope: Envelope) -> Parsed:
    document = json_document(envelope)
    archives = document.get("archives") if isinstance(document, dict) else None
    if not isinstance(archives, list):
        reason = (
            f"it has no list of archives, but {brief(document)};"
            " call borg list --json, or borg info --json --glob-archives '*'"
        )
        raise Refused("type", reason)
    harvest = Harvest(envelope)
    repo = _repo(harvest.record(document))
    for position, item in enumerate(archives):
        interrupted = isinstance(item, dict) and _CHECKPOINT.search(str(item.get("name")))
        build = _checkpoint if interrupted else _set
        row = harvest.take(item, f"archives[{position}]", build)
        if row is not None:
            row["repo"] = repo
    whole = envelope.kind == "list" and not harvest.rejects
    return harvest.parsed(scopes=(CatalogScope(None, repo),) if whole else ())


def _repo(document: Record) -> str:
    """Name a repository by its id: its place differs from host to host."""
    return document.part("repository").name("id")[:16]


def _set(record: Record) -> tuple[str, Row]:
    started, finished = _started(record), record.past("end")
    in_order((("start", started), ("end", finished)), "order")
    stats = record.part("stats")
    return "backup_sets", {
        "label": record.name("name"),
        "native_instance": _instance(record),
        "backup_type": BackupType.SNAPSHOT,
        "started_at": started,
        "finished_at": finished,
        "recovery_point_at": started,
        "source_bytes": stats.whole("original_size"),
        "repo_bytes": stats.whole("compressed_size"),
        "integrity": Integrity.UNCHECKED,
        "lifecycle": Lifecycle.AVAILABLE,
    }


def _checkpoint(record: Record) -> tuple[str, Row]:
    name = _CHECKPOINT.sub("", record.name("name"))
    return "backup_jobs", {
        "tool": Borg.tool,
        "backup_type": BackupType.SNAPSHOT,
        "state": BackupState.RUNNING,
        "evidence": "catalog",
    } | _identity(name, _instance(record), _started(record))


def _started(record: Record) -> datetime:
    started = record.past("start")
    if started is None:
        raise Refused("missing", "start is missing; when was this archive made?")
    return started


def _instance(record: Record) -> str:
    comment = record.values.get("comment")
    if isinstance(comment, str) and comment.startswith(_INSTANCE):
        return Record.alone({"instance": comment[len(_INSTANCE) :]}).name("instance")
    name = _CHECKPOINT.sub("", record.name("name"))
    return _STEM.sub(r"\1", name)


def _create(envelope: Envelope) -> Parsed:
    """Read a creation's own output: an attempt, and the archive if there is one."""
    harvest = Harvest(envelope)
    found = outcome(envelope.payload, envelope.rc)
    if found.label is None and found.state is not BackupState.FAILED:
        raise Refused("json", "it names no archive; call borg create --json")
    attempt: Row = {
        "tool": Borg.tool,
        "backup_type": BackupType.SNAPSHOT,
        "state": found.state,
        "finished_at": envelope.finished_at,
        "duration_s": found.duration_s,
        "exit_code": envelope.rc,
        "error_text": _complaint(envelope.payload, found.state),
        "backup_label": found.label,
        "source_bytes": found.source_bytes,
        "transferred_bytes": found.transferred_bytes,
        "evidence": "log",
    }
    if found.label is None:
        named = envelope.host or envelope.source_id
        attempt |= _identity(named, named, envelope.started_at)
    else:
        document = harvest.record(_created(envelope.payload) or {})
        archive = document.part("archive")
        kept = _set(archive)[1]
        repo = {"repo": _repo(document)}
        kept |= repo | {"repo_delta_bytes": found.transferred_bytes}
        attempt |= repo | _identity(found.label, _instance(archive), kept["started_at"])
        if found.state is not BackupState.FAILED:
            harvest.add("backup_sets", kept)
    harvest.add("backup_jobs", attempt)
    return harvest.parsed()


def _identity(name: str, instance: str, started_at: datetime) -> Row:
    """One name may be used again; a run is its name and its start."""
    return {
        "attempt_key": f"{name}@{started_at.isoformat()}",
        "native_instance": instance,
        "started_at": started_at,
    }


def _complaint(said: str, state: BackupState) -> str | None:
    if state is BackupState.SUCCEEDED:
        return None
    told = [m for level, m in _log_lines(said) if level in ("WARNING", "ERROR", "CRITICAL")]
    if told:
        return first_error_line("\n".join(told)) or None
    return "it gives no reason" if state is BackupState.FAILED else None


def _log_lines(said: str) -> Iterator[tuple[str, str]]:
    """Yield level and message of what `--log-json` printed, plain lines without a level."""
    for line in said.splitlines():
        message: Any = None
        if line.startswith("{"):
            try:
                message = strict_json(line)
            except ValueError:
                message = None
        if isinstance(message, dict) and isinstance(message.get("message"), str):
            yield str(message.get("levelname") or ""), message["message"]
        else:
            yield "", line


def _check(envelope: Envelope) -> Parsed:
    said = envelope.payload
    messages = "\n".join(message for _, message in _log_lines(said))
    if _SOUND.search(messages) and not envelope.rc:
        return Parsed(verdicts=(RepositoryVerdict(Integrity.OK),))
    if _ARCHIVES_SOUND in messages and not envelope.rc:
        return Parsed()
    if _DAMAGED.search(messages):
        return Parsed(verdicts=(RepositoryVerdict(Integrity.CORRUPT),))
    if envelope.rc:
        return Parsed(ok=False, error=first_error_line(messages) or f"exit code {envelope.rc}")
    raise Refused("check", "it does not say how the check ended")
