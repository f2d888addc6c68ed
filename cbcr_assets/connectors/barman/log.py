"""barman.log: attempts that leave no row in the catalog, exact expiry, restores.

Belongs here: which lines tell something, and what is carried of a process that has not ended.
Does not belong here: sizes and log positions, which the catalog tells.

Stamps are local time, without an offset. A line names its process, and only some name the server:
the lines that do are carried until their process has told how it ended. A restore has no last line:
it is done when it looks for dangerous settings, which is its last step.
"""

import re
from datetime import datetime, timedelta

from cbcr_assets.connectors.barman.catalog import attempt_key
from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.reading.record import Harvest, Row
from cbcr_assets.connectors.reading.refusal import Refused
from cbcr_assets.connectors.transports.stamps import not_before, readings
from cbcr_assets.connectors.transports.text import first_error_line, storable
from cbcr_assets.records import BackupState, BackupType, Lifecycle, RestorePurpose, Verification

_MAX_LINE = 64 * 1024
_MAX_OPEN = 200
_OUT_OF_ORDER = timedelta(seconds=10)  # processes write side by side
_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) \[(\d+)\] \S+ ([A-Z]+): (.*)")
_BEGUN = re.compile(r"Starting backup using \S+ method for server (\S+) in \S*/(\d{8}T\d{6})")
_COMPLETED = re.compile(r"Backup completed \(start time")
_FAILED = re.compile(r"Backup failed |EXCEPTION: |Exception: ")
_IMPOSSIBLE = re.compile(r"Impossible to start the backup.*barman check (\S+?)'")
_REMOVING = re.compile(
    r"(?:Enforcing retention policy: removing|Deleting) backup (\S+) for server (\S+)"
)
_DELETED = re.compile(r"Deleted backup (\S+) ")
_RESTORING = re.compile(r"Starting (?:local|remote) restore for server (\S+) using backup (\S+)")
_RESTORED = re.compile(r"Identify dangerous settings in destination directory")
_OPENING = (_BEGUN, _REMOVING, _RESTORING)

Made = tuple[str, Row]


class _Process:
    """What one Barman process has said that is not finished."""

    def __init__(self, line: str, at: datetime, opened: re.Match[str]) -> None:
        self.line, self.at, self.opened = line, at, opened


def parse_log(envelope: Envelope, carry: str) -> Parsed:
    """Read one piece of the log; what is not finished is carried to the next piece."""
    lines = storable(carry + envelope.payload).split("\n")
    rest = lines.pop() if envelope.stream else ""
    harvest, running, stamped = Harvest(envelope), dict[str, _Process](), False
    newest: datetime | None = None
    for number, line in enumerate(lines, 1):
        found = _LINE.match(line) if len(line) <= _MAX_LINE else None
        at = _moment(found, envelope.tz, newest) if found else None
        if found is None or at is None:
            continue
        stamped, newest = True, at
        for made in _read(found, at, running):
            harvest.add(*made, place=number)
    if not stamped and any(line.strip() for line in lines):
        raise Refused("line", "no line of it is one of barman.log")
    kept = [process.line for process in running.values()][-_MAX_OPEN:]
    carried = "".join(f"{line}\n" for line in kept) + rest[:_MAX_LINE]
    return harvest.parsed(carry=carried if envelope.stream else "")


def _read(found: re.Match[str], at: datetime, running: dict[str, _Process]) -> list[Made]:
    """Return what a line tells, and remember what it opens."""
    pid, level, text = found[3], found[4], found[5]
    for opening in _OPENING:
        if opened := opening.match(text):
            running[pid] = _Process(found[0], at, opened)
            return _opened(running[pid], pid)
    if impossible := _IMPOSSIBLE.match(text):
        return [_never_begun(impossible[1], pid, at, text)]
    process = running.get(pid)
    if process is None:
        return []
    told = _ended(process, pid, at, level, text)
    if told:
        del running[pid]
    return told


def _opened(process: _Process, pid: str) -> list[Made]:
    if process.opened.re is _BEGUN:
        return [_attempt(process, BackupState.RUNNING)]
    if process.opened.re is _RESTORING:
        return [_restore(process, pid, BackupState.RUNNING)]
    return []


def _ended(process: _Process, pid: str, at: datetime, level: str, text: str) -> list[Made]:
    opened = process.opened.re
    failed = level in ("ERROR", "CRITICAL") and bool(_FAILED.search(text))
    if opened is _REMOVING:
        return [_gone(process, at)] if _DELETED.match(text) else []
    if opened is _BEGUN and (failed or _COMPLETED.match(text)):
        state = BackupState.FAILED if failed else BackupState.SUCCEEDED
        return [_attempt(process, state, at, text if failed else None)]
    if opened is _RESTORING and (level in ("ERROR", "CRITICAL") or _RESTORED.match(text)):
        error = None if _RESTORED.match(text) else text
        state = BackupState.FAILED if error else BackupState.SUCCEEDED
        return [_restore(process, pid, state, at, error)]
    return []


def _attempt(
    process: _Process, state: BackupState, at: datetime | None = None, error: str | None = None
) -> Made:
    server, backup_id = process.opened[1], process.opened[2]
    return "backup_jobs", {
        "attempt_key": attempt_key(server, backup_id),
        "native_instance": server,
        "tool": "barman",
        "repo": server,
        "backup_type": BackupType.FULL,
        "state": state,
        "started_at": process.at,
        "finished_at": at,
        "error_text": first_error_line(error) if error else None,
        "backup_label": backup_id,
        "evidence": "log",
    }


def _never_begun(server: str, pid: str, at: datetime, text: str) -> Made:
    """An attempt that Barman refused to begin: the catalog will never know of it."""
    return "backup_jobs", {
        "attempt_key": f"{server}/{at.isoformat()}#{pid}",
        "native_instance": server,
        "tool": "barman",
        "repo": server,
        "backup_type": BackupType.FULL,
        "state": BackupState.FAILED,
        "started_at": at,
        "finished_at": at,
        "error_class": "unreachable",
        "error_text": first_error_line(text),
        "evidence": "log",
    }


def _gone(process: _Process, at: datetime) -> Made:
    backup_id, server = process.opened[1], process.opened[2]
    return "backup_sets", {
        "repo": server,
        "label": backup_id,
        "native_instance": server,
        "lifecycle": Lifecycle.EXPIRED,
        "unusable_from": at,
    }


def _restore(
    process: _Process,
    pid: str,
    state: BackupState,
    at: datetime | None = None,
    error: str | None = None,
) -> Made:
    server, backup_id = process.opened[1], process.opened[2]
    return "restore_jobs", {
        "restore_key": f"{server}/{backup_id}@{process.at.isoformat()}#{pid}",
        "native_instance": server,
        "purpose": RestorePurpose.UNKNOWN,
        "source_label": backup_id,
        "started_at": process.at,
        "restored_at": at if error is None else None,
        "state": state,
        "verification": Verification.NONE,
        "error_text": first_error_line(error) if error else None,
    }


def _moment(found: re.Match[str], tz: str, newest: datetime | None) -> datetime | None:
    """Read a stamp; in the hour that clocks repeat a log goes on, it does not go back."""
    earliest = newest - _OUT_OF_ORDER if newest else None
    try:
        return not_before(readings(f"{found[1]}.{found[2]}", tz=tz), earliest)
    except ValueError:
        return None
