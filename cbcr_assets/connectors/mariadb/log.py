"""mariadb-backup's own log: what it prints to stderr, of one run or of many, in pieces.

Belongs here: runs, how they ended, and what is carried of an unfinished one.
Does not belong here: sizes (the tool tells none) and identity (`attempts`).

A run is good only if it says "completed OK!". One that says nothing any more was killed, or still
runs: it is reported running, and CBCR's clock calls it lost. Preparing and copying back are parts
of a restore: a copy-back is one, a failed preparation is a failed one.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.mariadb.attempts import attempt_key, server_of
from cbcr_assets.connectors.reading.record import Harvest, Row
from cbcr_assets.connectors.reading.refusal import Refused
from cbcr_assets.connectors.transports.stamps import not_before, readings
from cbcr_assets.connectors.transports.text import first_error_line, storable
from cbcr_assets.records import BackupState, BackupType, RestorePurpose, Verification

_MAX_LINE = 64 * 1024
_MAX_FACTS = 100
_STAMPED = re.compile(r"(?:\[\d+\] (?:FATAL ERROR: )?)?(\d{4}-\d\d-\d\d {1,2}\d{1,2}:\d\d:\d\d) ")
_CONNECTING = re.compile(r"\] .{19} Connecting to MariaDB server host")
_GREETING = re.compile(r"\] .{19} (Connecting to|Using server version)")
_BANNER = re.compile(r"\S+ based on (MariaDB|MySQL) server ")
_DONE = re.compile(r"\] .{19} completed OK!")
_ERROR = re.compile(
    r"FATAL ERROR: |Failed to connect to |\] .{19} .*\berror: |^\S+: (Error|Can't) ",
    re.IGNORECASE,
)
_INCREMENTAL = re.compile(r"incremental backup from \d+ is enabled")
_LSN = re.compile(r"The latest check point \(for incremental\): '(\d+)'")
_COPYING = re.compile(r"\] .{19} (Copying|Moving) \./?\S+ to /")
_PREPARING = re.compile(r"This target seems to be ")
_FACTS = (_CONNECTING, _BANNER, _ERROR, _INCREMENTAL, _LSN, _COPYING, _PREPARING)


@dataclass
class _Run:
    """One start of the tool, by the lines that tell a fact."""

    lines: list[str] = field(default_factory=list)
    last: str = ""
    done: bool = False

    def add(self, line: str) -> None:
        # Of a thousand copied files one is enough.
        known = _COPYING.search(line) and self.has(_COPYING)
        if len(line) <= _MAX_LINE and len(self.lines) < _MAX_FACTS and not known:
            self.lines += [line] if any(fact.search(line) for fact in _FACTS) else []
        if _STAMPED.match(line):
            self.last = line[:_MAX_LINE]

    def has(self, fact: re.Pattern[str]) -> bool:
        return any(fact.search(line) for line in self.lines)

    @property
    def ended(self) -> bool:
        return self.done or self.has(_ERROR)


def parse_log(envelope: Envelope, carry: str) -> Parsed:
    """Read one piece of a log; an unfinished run is carried to the next piece."""
    text = storable(carry + envelope.payload)
    lines = text.split("\n")
    rest = lines.pop() if envelope.stream else ""
    runs = _runs(lines)
    if not runs and any(line.strip() for line in lines):
        raise Refused("line", "no run of mariadb-backup begins in this text")
    harvest = Harvest(envelope)
    for run in runs:
        row = _row(run, envelope)
        if row is not None:
            harvest.add(*row)
    open_run = runs[-1] if runs and not runs[-1].done and envelope.stream else None
    carried = [*open_run.lines, open_run.last] if open_run else []
    return harvest.parsed(carry="".join(f"{line}\n" for line in carried if line) + rest[:_MAX_LINE])


def _runs(lines: list[str]) -> list[_Run]:
    """Cut a log into runs: a backup greets its server before it tells its own version."""
    runs: list[_Run] = []
    greeting: list[str] = []
    for line in lines:
        run = runs[-1] if runs else None
        if _BANNER.match(line) and (run is None or run.ended or run.has(_BANNER)):
            runs.append(run := _Run())
            for greeted in greeting:
                run.add(greeted)
        elif _CONNECTING.search(line) and (run is None or run.ended):
            runs.append(run := _Run())
        if run is not None and not run.done:
            run.add(line)
            run.done = bool(_DONE.search(line))
        greets = _GREETING.search(line) and run is not None and run.has(_BANNER)
        greeting = [*greeting, line] if greets else []
    return runs


def _row(run: _Run, envelope: Envelope) -> tuple[str, Row] | None:
    started = _moment(run.lines[0], envelope.tz) or _first(run, envelope.tz)
    if started is None:
        return None
    failed = not run.done and run.has(_ERROR)
    state = BackupState.SUCCEEDED if run.done else BackupState.RUNNING
    state = BackupState.FAILED if failed else state
    server = server_of(envelope)
    common: Row = {
        "native_instance": server,
        "state": state,
        "started_at": started,
        "error_text": _error(run) if failed else None,
    }
    finished = _moment(run.last, envelope.tz, started) if run.ended else None
    if run.has(_CONNECTING):
        return "backup_jobs", common | _backup(run, server, started, finished)
    if run.has(_COPYING) or (run.has(_PREPARING) and failed):
        return "restore_jobs", common | _restore(server, started, finished)
    return None


def _backup(run: _Run, server: str, started: datetime, finished: datetime | None) -> Row:
    return {
        "attempt_key": attempt_key(server, started),
        "tool": "mariadb",
        "repo": "default",
        "backup_type": BackupType.INCR if run.has(_INCREMENTAL) else BackupType.FULL,
        "finished_at": finished,
        "evidence": "log",
    }


def _restore(server: str, started: datetime, finished: datetime | None) -> Row:
    return {
        "restore_key": attempt_key(server, started),
        "purpose": RestorePurpose.UNKNOWN,
        "restored_at": finished,
        "verification": Verification.NONE,
    }


def _error(run: _Run) -> str:
    """Return the first complaint: what follows is its consequence."""
    return first_error_line(next(line for line in run.lines if _ERROR.search(line)))


def _first(run: _Run, tz: str) -> datetime | None:
    moments = (_moment(line, tz) for line in [*run.lines, run.last])
    return next((moment for moment in moments if moment is not None), None)


def _moment(line: str, tz: str, begun: datetime | None = None) -> datetime | None:
    """Read a line's stamp; in the hour that clocks repeat the end is not before the begin."""
    found = _STAMPED.match(line)
    if found is None:
        return None
    day, _, clock = found[1].partition(" ")
    try:
        return not_before(readings(f"{day} {clock.strip():0>8}", tz=tz), begun)
    except ValueError:
        return None
