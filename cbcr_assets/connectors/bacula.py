"""The catalog of Bacula and Bareos: Job rows, read from an export.

Belongs here: kind jobs, to attempts, restorable sets and restores.
Does not belong here: how the export is made (docs/tools/bacula.md).

Choices:
- Stamps are the director's local time. JobTDate, the end in epoch seconds, tells which pass of a
  repeated hour an end belongs to.
- A set brings back the data of its start. A virtual full and a base job are full.
- A level that is none of a backup's is refused: a set of a guessed kind would make a wrong chain.
  An attempt that ended badly before it had a level is kept without one.
"""

from dataclasses import dataclass, field
from typing import Any

from cbcr_assets.connectors.base import CatalogScope, Envelope, Parsed
from cbcr_assets.connectors.reading.dispatch import dispatch
from cbcr_assets.connectors.reading.export_rows import Built, ExportRow, export_rows, harvest
from cbcr_assets.connectors.reading.refusal import Refused, brief, refused_whole
from cbcr_assets.connectors.transports.text import first_error_line
from cbcr_assets.records import BackupState

# Case-sensitive: f is a fatal error, F waits for the file daemon.
_STATES = (
    dict.fromkeys("Cpdtcj", BackupState.QUEUED)
    | dict.fromkeys("RFSmMsBlLaiq", BackupState.RUNNING)
    | {"T": BackupState.SUCCEEDED, "A": BackupState.CANCELLED}
    | dict.fromkeys("We", BackupState.SUCCEEDED_WITH_WARNINGS)
    | dict.fromkeys("fEI", BackupState.FAILED)
)
_TYPES = {"F": "full", "f": "full", "B": "full", "D": "diff", "I": "incr"}
_GOOD = (BackupState.SUCCEEDED, BackupState.SUCCEEDED_WITH_WARNINGS)
_NEEDED = {"job", "type", "level", "jobstatus", "starttime", "endtime", "realendtime"}


class Bacula:
    """Reads the Job table of a Bacula or Bareos catalog."""

    tool = "bacula"
    kinds = frozenset({"jobs"})

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        del carry  # whole documents only
        return dispatch(envelope, {"jobs": _parse}, tool=self.tool)


def _parse(envelope: Envelope) -> Parsed:
    try:
        header, rows = export_rows(envelope.payload)
    except ValueError as error:
        return refused_whole(envelope, "table", str(error))
    missing = sorted(_NEEDED - set(header))
    if missing:
        return refused_whole(envelope, "header", f"no column {', '.join(missing)}")
    read = [
        (n, dict(zip(header, r, strict=True)) if len(r) == len(header) else None, str(r))
        for n, r in enumerate(rows, 2)
    ]
    # In the order of their start: each job builds on the ones before it.
    read.sort(key=lambda item: (item[1] or {}).get("starttime", ""))
    bases = _Bases()
    # A text cut off in the middle of a row proves no absence.
    whole = envelope.payload.endswith("\n")
    return harvest(
        envelope, read, lambda row: _job(row, bases), scopes=_scopes if whole else lambda _: ()
    )


@dataclass
class _Bases:
    """The newest good jobs of each client, job name and file set.

    Bacula tells no parents: a differential builds on the last full, an incremental on whatever was
    good last.
    """

    fulls: dict[tuple[str | None, ...], str] = field(default_factory=dict)
    newest: dict[tuple[str | None, ...], str] = field(default_factory=dict)

    def parent(self, row: ExportRow, backup_type: str) -> str | None:
        """Return the parent of a good job, and let it be one itself."""
        kin = (_client(row), row.text("name"), row.text("filesetid"))
        label = row.name("job")
        found = None
        if backup_type == "full":
            self.fulls[kin] = label
        else:
            found = (self.fulls if backup_type == "diff" else self.newest).get(kin)
        self.newest[kin] = label
        return found


def _scopes(built: Built) -> tuple[CatalogScope, ...]:
    names = {row["native_instance"] for _, row in built}
    return tuple(CatalogScope(name) for name in sorted(names))


def _job(row: ExportRow, bases: _Bases) -> Built:
    match row.text("type"):
        case "B":
            return _backup(row, bases)
        case "R":
            return [("restore_jobs", _restore(row))]
    return []  # verify, admin, copy, ...: neither an attempt nor a restore


def _client(row: ExportRow) -> str:
    return row.text("client") or f"client-{row.name('clientid')}"


def _state(row: ExportRow) -> BackupState:
    status = row.name("jobstatus")
    if status not in _STATES:
        raise Refused("status", f"jobstatus {brief(status)} is not known")
    # A director that comes back closes what it left behind, without knowing when it ended.
    orphan = status == "f" and row.time("realendtime") is None
    if orphan and row.time("endtime") == row.time("starttime"):
        return BackupState.LOST
    return _STATES[status]


def _backup(row: ExportRow, bases: _Bases) -> Built:
    state = _state(row)
    lost = state is BackupState.LOST
    started, finished = row.span("starttime", "endtime", ended_epoch=row.whole("jobtdate"))
    common: dict[str, Any] = {
        "native_instance": _client(row),
        "repo": row.text("pool") or "default",
        "backup_type": _type(row, state),
        "started_at": started,
        "finished_at": None if lost else finished,
        "source_bytes": row.whole("readbytes"),
    }
    job, written = row.name("job"), row.whole("jobbytes")
    good = state in _GOOD
    attempt = common | {
        "attempt_key": job,
        "tool": "bacula",
        "state": state,
        "scheduled_at": row.time("schedtime"),
        "error_code": None if good else row.text("jobstatus"),
        "error_text": first_error_line(row.text("logtext") or "") or None,
        "backup_label": job if good else None,
        "transferred_bytes": written,
        "evidence": "catalog",
    }
    built: Built = [("backup_jobs", attempt)]
    if good:
        if started is None or finished is None:
            raise Refused("missing", "a good job has a starttime and an endtime")
        kept = {
            "label": job,
            "parent_label": bases.parent(row, str(common["backup_type"])),
            "recovery_point_at": started,
        }
        state_of_set = {"integrity": "unchecked", "lifecycle": "available"}
        built.append(("backup_sets", common | kept | state_of_set | {"repo_delta_bytes": written}))
    return built


def _type(row: ExportRow, state: BackupState) -> str | None:
    level = row.text("level")
    if level in _TYPES:
        return _TYPES[level]
    if level is None and state not in _GOOD:
        return None
    raise Refused("level", f"level {brief(level)} is none of: {', '.join(_TYPES)}")


def _restore(row: ExportRow) -> dict[str, Any]:
    state = _state(row)
    started, finished = row.span("starttime", "endtime", ended_epoch=row.whole("jobtdate"))
    return {
        "restore_key": row.name("job"),
        "native_instance": _client(row),
        "purpose": "unknown",
        "requested_at": row.time("schedtime"),
        "started_at": started,
        "restored_at": finished if state in _GOOD else None,
        "bytes": row.whole("jobbytes"),
        "state": state,
        "verification": "none",
        "error_code": None if state in _GOOD else row.text("jobstatus"),
    }
