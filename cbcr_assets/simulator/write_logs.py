"""pgBackRest's logs (version 2.45, level info): backup, expire, restore.

Belongs here: their text, line for line as recorded from the real tool.
Does not belong here: the catalog (see `write_info`), envelopes (see `workspace`).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from cbcr_assets.simulator.errors import PASSING, PLANTED, Failure
from cbcr_assets.simulator.model import Attempt, BackupSet, Database, Drill
from cbcr_assets.simulator.sources import local
from cbcr_assets.simulator.write_info import VERSION, epoch, lsn, segment, stanza

_BANNER = "-------------------PROCESS START-------------------"
_INDENT = " " * 36
_MS = timedelta(milliseconds=1)
_FAILURES: dict[str, Failure] = {
    failure.code: failure for failure in (*PASSING["pgbackrest"], *PLANTED.values())
}
_TAKEN = "completed successfully"


def backup_log(database: Database, attempts: Sequence[Attempt]) -> str:
    """Return the backup log of a stanza."""
    log = _Log(database)
    last = ""
    for attempt in attempts:
        log.start(
            attempt.started_at, "backup", attempt.key,
            f"--start-fast --type={attempt.asked_type}", keep="--repo1-retention-full=2 ",
        )  # fmt: skip
        _backup(log, attempt, last)
        log.blank()
        last = attempt.label or last
    return log.text


def expire_log(database: Database, sets: Sequence[BackupSet]) -> str:
    """Return the expire log of a stanza: the runs that removed something."""
    log = _Log(database)
    gone = sorted((s.gone_at, s.label) for s in sets if s.gone_at is not None)
    for moment, group in groupby(gone, key=lambda pair: pair[0]):
        labels = [label for _, label in group]
        key = f"{4000 + len(labels)}-{epoch(moment):08x}"
        log.start(moment, "expire", key, "", keep="--repo1-retention-full=2 ")
        log.line(moment, "INFO", f"repo1: expire full backup set {', '.join(labels)}")
        for number, label in enumerate(reversed(labels)):
            at = moment + (28 + number) * _MS
            log.line(at, "INFO", f"repo1: remove expired backup {label}")
        taken = 48 + len(labels)
        log.end(moment + taken * _MS, "expire", f"{_TAKEN} ({taken}ms)")
    return log.text


def restore_log(database: Database, clones: Iterable[Drill]) -> str:
    """Return the restore log of a stanza."""
    log = _Log(database)
    for clone in clones:
        begun, ended = clone.started_at, clone.restored_at or clone.started_at
        shown = local(database.source, begun).isoformat(" ", "seconds")
        log.start(begun, "restore", clone.key, "")
        log.line(
            begun + 13 * _MS, "INFO",
            f"repo1: restore backup set {clone.label}, recovery will start at"
            f" {shown}",
        )  # fmt: skip
        log.line(
            ended - 2 * _MS, "INFO",
            "restore global/pg_control (performed last to ensure aborted restores cannot be"
            " started)",
        )  # fmt: skip
        log.line(ended - _MS, "INFO", f"restore size = {_shown(clone.bytes)}, file total = 1974")
        log.end(ended, "restore", f"{_TAKEN} ({int((ended - begun) / _MS)}ms)")
    return log.text


class _Log:
    """Lines of one log."""

    def __init__(self, database: Database) -> None:
        self._source = database.source
        self._stanza = stanza(database.instance_id)
        self._lines: list[str] = []

    @property
    def text(self) -> str:
        return "\n".join(self._lines) + "\n" if self._lines else ""

    def line(self, at: datetime, level: str, text: str) -> None:
        stamp = local(self._source, at).isoformat(" ", "milliseconds")
        self._lines.append(f"{stamp} P00 {level:>6}: {text}")

    def more(self, text: str) -> None:
        self._lines.append(_INDENT + text)

    def start(self, at: datetime, command: str, key: str, rest: str, *, keep: str = "") -> None:
        self._lines.append(_BANNER)
        options = (
            f"--config=/etc/pgbackrest/pgbackrest.conf --exec-id={key}"
            " --lock-path=/var/lib/pgbackrest/lock --log-level-file=info"
            " --log-path=/var/log/pgbackrest --pg1-path=/var/lib/postgresql/15/main"
            f" --process-max=4 --repo1-path=/srv/pgbackrest {keep}--stanza={self._stanza} {rest}"
        )
        self.line(at, "INFO", f"{command} command begin {VERSION}: {options.rstrip()}")

    def end(self, at: datetime, command: str, how: str) -> None:
        self.line(at, "INFO", f"{command} command end: {how}")
        self.blank()

    def blank(self) -> None:
        if self._lines[-1]:
            self._lines.append("")


def _backup(log: _Log, attempt: Attempt, last: str) -> None:
    begun, ended = attempt.started_at, attempt.finished_at
    failure = _FAILURES.get(attempt.error_code)
    if failure is None or failure.begun:
        _copying(log, attempt, last)
    if failure and ended:
        if failure.warning:
            log.line(ended, "WARN", failure.warning)
        log.line(ended, "ERROR", attempt.error_text)
        for text in failure.more:
            log.more(text)
        log.end(ended, "backup", f"aborted with exception [{failure.code}]")
    elif attempt.state == "cancelled" and ended:
        log.end(ended, "backup", "terminated on signal [SIGTERM]")
    elif attempt.state == "succeeded" and ended:
        for text in _success(attempt, begun, ended):
            log.line(ended - 9 * _MS, "INFO", text)
        log.end(ended, "backup", f"{_TAKEN} ({int((ended - begun) / _MS)}ms)")


def _copying(log: _Log, attempt: Attempt, last: str) -> None:
    at = attempt.started_at + 727 * _MS
    if attempt.asked_type == "incr" and not last:
        text = "no prior backup exists, incr backup has been changed to full"
        log.line(at, "WARN", text)
    elif attempt.asked_type == "incr":
        log.line(at, "INFO", f"last backup label = {last}, version = {VERSION}")
    log.line(
        at, "INFO",
        "execute non-exclusive backup start: backup begins after the requested immediate"
        " checkpoint completes",
    )  # fmt: skip
    name, position = segment(attempt.started_at), lsn(attempt.started_at)
    at += 1124 * _MS
    log.line(at, "INFO", f"backup start archive = {name}, lsn = {position}")
    log.line(at, "INFO", f"check archive for segment {name}")


def _success(attempt: Attempt, begun: datetime, ended: datetime) -> Iterator[str]:
    first, stop = segment(begun), segment(ended)
    yield "execute non-exclusive backup stop and wait for all WAL segments to archive"
    yield f"backup stop archive = {stop}, lsn = {lsn(ended, 0x100)}"
    yield f"check archive for segment(s) {first}:{stop}"
    yield f"new backup label = {attempt.label}"
    size = attempt.repo_bytes * 2 if attempt.backup_type == "incr" else attempt.source_bytes
    yield f"{attempt.backup_type} backup size = {_shown(size)}, file total = 1974"


def _shown(size: float) -> str:
    """Write a size as pgBackRest does."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f}B" if unit == "B" else f"{size:.1f}{unit}"
        size /= 1024
    return f"{size:.1f}TB"
