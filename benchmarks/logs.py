"""Logs to measure with: CBCR's own job log, and pgBackRest's backup logs.

Belongs here: text as the tools write it, line by line, so that a million lines need no memory.
Does not belong here: measuring.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

START = datetime.fromisoformat("2026-01-01")
INSTANCES = 500
STANZAS = 200
_AT_ONCE = 40  # attempts that run side by side
_ERROR = {
    "code": "064",
    "class": "no_space",
    "text": "ERROR: write failed: No space left on device",
}
_OPTIONS = (
    "--annotation=sla=gold --compress-type=zst --config=/etc/pgbackrest/pgbackrest.conf"
    " --exec-id={exec_id} --lock-path=/var/lib/pgbackrest/lock --log-level-console=info"
    " --log-level-file=info --log-path=/var/log/pgbackrest --no-log-subprocess"
    " --pg1-path=/var/lib/postgresql/15/main --pg1-port=5432 --process-max=2"
    " --repo1-cipher-type=none --repo1-path=/srv/pgbackrest --repo1-retention-diff=3"
    " --repo1-retention-full=2 --stanza={stanza} --start-fast --type={kind}"
)


def write_job_log(path: Path, count: int) -> int:
    """Write `count` lines of a job wrapper: begin and end of each attempt, some of them failed.

    One in 50 attempts fails with an error object, one in 500 is a restore, 40 run side by side.
    """
    with path.open("w", encoding="utf-8") as file:
        waiting: list[str] = []
        written = 0
        for index in range((count + 1) // 2):
            begin, end = _attempt(index)
            waiting.append(end)
            file.write(begin)
            written += 1
            if len(waiting) > _AT_ONCE:
                file.write(waiting.pop(0))
                written += 1
        for end in waiting[: count - written]:
            file.write(end)
    return count


def _attempt(index: int) -> tuple[str, str]:
    began = START + timedelta(seconds=20 * index)
    ended = began + timedelta(seconds=600 + index % 300, milliseconds=index % 1000)
    same = {
        "run_id": f"01J{index:08X}",
        "instance": f"db{index % INSTANCES:03d}",
        "kind": "restore" if index % 500 == 499 else "backup",
        "type": ("full", "incr", "incr", "diff")[index % 4],
    }
    end = {
        **same,
        "event": "end",
        "finished_at": f"{ended.isoformat()}Z",
        "rc": 0,
        "label": f"db{index % INSTANCES:03d}-{index}",
        "source_bytes": 12_345_678 + index,
    }
    if index % 50 == 49:
        end |= {"rc": 64, "error": _ERROR}
    begin = {**same, "event": "begin", "started_at": f"{began.isoformat()}Z", "worker": "w1"}
    return json.dumps(begin) + "\n", json.dumps(end) + "\n"


def write_backup_logs(folder: Path, count: int) -> int:
    """Write `count` lines of pgBackRest's logs at level info, a file a stanza as it does.

    An attempt has 13 lines; one in 33 runs into the lock and has 6.
    """
    folder.mkdir()
    share = count // STANZAS
    for number in range(STANZAS):
        wanted = count - share * (STANZAS - 1) if number == STANZAS - 1 else share
        lines = _backup_log(f"db{number:03d}")
        with (folder / f"db{number:03d}-backup.log").open("w", encoding="utf-8") as file:
            file.writelines(next(lines) + "\n" for _ in range(wanted))
    return count


def _backup_log(stanza: str) -> Iterator[str]:
    at, last, index = START, "", 0
    while True:
        index += 1
        at += timedelta(minutes=30)
        kind = "full" if index % 8 == 1 else "incr"
        options = _OPTIONS.format(exec_id=f"{index}-{index:08x}", stanza=stanza, kind=kind)
        yield "-------------------PROCESS START-------------------"
        yield _line(at, 0, "INFO", f"backup command begin 2.45: {options}")
        if index % 33 == 32:
            lock = f"/var/lib/pgbackrest/lock/{stanza}-backup.lock"
            yield _line(
                at,
                0,
                "ERROR",
                f"[050]: unable to acquire lock on file '{lock}': Resource temporarily unavailable",
            )
            yield " " * 36 + "HINT: is another pgBackRest process running?"
            yield _line(at, 1, "INFO", "backup command end: aborted with exception [050]")
            yield ""
            continue
        segment = f"{index:024X}"
        label = f"{at:%Y%m%d-%H%M%S}"
        full = label + "F" if kind == "full" else last[:16]
        label = full if kind == "full" else f"{full}_{label}I"
        if last:
            yield _line(at, 740, "INFO", f"last backup label = {last}, version = 2.45")
        yield _line(
            at,
            741,
            "INFO",
            "execute non-exclusive backup start: backup begins after the"
            " requested immediate checkpoint completes",
        )
        yield _line(at, 1400, "INFO", f"backup start archive = {segment}, lsn = 0/7000028")
        yield _line(at, 1400, "INFO", f"check archive for prior segment {segment}")
        yield _line(
            at,
            4300,
            "INFO",
            "execute non-exclusive backup stop and wait for all WAL segments to archive",
        )
        yield _line(at, 4500, "INFO", f"backup stop archive = {segment}, lsn = 0/7000100")
        yield _line(at, 4520, "INFO", f"check archive for segment(s) {segment}:{segment}")
        yield _line(at, 4600, "INFO", f"new backup label = {label}")
        yield _line(at, 4750, "INFO", f"{kind} backup size = 86.4MB, file total = 971")
        yield _line(at, 5201, "INFO", "backup command end: completed successfully (5201ms)")
        yield ""
        last = label


def _line(at: datetime, after_ms: int, level: str, text: str) -> str:
    stamp = (at + timedelta(milliseconds=after_ms)).isoformat(" ", "milliseconds")
    return f"{stamp} P00 {level:>6}: {text}"
