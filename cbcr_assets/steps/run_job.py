"""The job wrapper: a pipe of commands between a begin and an end record.

Belongs here: running the stages, their exit codes, the records. Does not belong here: arguments.

Watching a backup must never be what stops it: a record that cannot be written is told on stderr,
and the commands run all the same.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.transports.envelope import write_envelope
from cbcr_assets.connectors.transports.json_text import canonical
from cbcr_assets.connectors.transports.text import redact

PIPE = "--pipe"
"""The word between two commands of a pipe: it needs no quoting in any shell."""

_TAIL_BYTES = 4_096
_PIECE = 65_536
_NOT_STARTED = 127
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run_job(inbox: Path, source_id: str, facts: Mapping[str, Any], words: Sequence[str]) -> int:
    """Run a pipe of commands; return its exit code as a shell with pipefail does.

    SIGTERM, SIGINT and SIGHUP are handed on. A stage that was killed has the negative number of its
    signal in the record, and 128 more than it as the wrapper's exit code. A wrapper that is killed
    leaves the begin record alone, which CBCR's clock turns into a lost attempt.

    Args:
        inbox: Drop folder of the source.
        source_id: The source.
        facts: Fields of the begin record: instance, kind, and more (docs/formats.md).
        words: The commands, separated by `PIPE`.

    Raises:
        ValueError: A command is missing; nothing was run.
    """
    stages = _stages(words)
    same = {"run_id": uuid4().hex, "instance": facts["instance"], "kind": facts["kind"]}
    _record(inbox, source_id, {**facts, **same, "event": "begin", "started_at": _now()})
    codes, tail = _run(stages)
    failed = next((code for code in reversed(codes) if code), 0)
    end: dict[str, Any] = {**same, "event": "end", "finished_at": _now(), "rc": codes}
    if failed:
        end["error"] = _error(failed, tail)
    _record(inbox, source_id, end)
    return 128 - failed if failed < 0 else failed


def _stages(words: Sequence[str]) -> list[list[str]]:
    stages: list[list[str]] = [[]]
    for word in words:
        if word == PIPE:
            stages.append([])
        else:
            stages[-1].append(word)
    if not all(stages):
        raise ValueError(f"a command is missing before or after {PIPE}")
    return stages


def _error(failed: int, tail: str) -> dict[str, str]:
    if failed < 0:
        return {"class": "signal", "text": f"error: ended by signal {-failed}\n{tail}"}
    return {"text": tail or f"error: exit code {failed}"}


@dataclass
class _Running:
    """The stages that were started, and the signals that came for them."""

    stages: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    received: list[int] = field(default_factory=list)

    def add(self, process: "subprocess.Popen[bytes]") -> None:
        """Add a stage; what came before it did, came for it as well."""
        self.stages.append(process)
        for number in list(self.received):
            process.send_signal(number)

    def forward(self, number: int, _frame: object) -> None:
        """Hand a signal on."""
        self.received.append(number)
        for process in self.stages:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)


def _run(stages: list[list[str]]) -> tuple[list[int], str]:
    """Run the stages; return their exit codes and the end of what they said on stderr."""
    running = _Running()
    reading, writing = os.pipe()
    tail: deque[bytes] = deque()
    reader = threading.Thread(target=_tee, args=(os.fdopen(reading, "rb", 0), tail))
    reader.start()
    with _handlers(running):
        unstarted = _start(stages, running, writing)
        os.close(writing)
        codes = [process.wait() for process in running.stages]
        reader.join()
    said = b"".join(tail)[-_TAIL_BYTES:].decode("utf-8", "backslashreplace")
    text = f"error: {unstarted}\n{said}" if unstarted else said
    return codes + ([_NOT_STARTED] if unstarted else []), redact(text)


def _start(stages: list[list[str]], running: _Running, errors: int) -> str:
    """Start each stage on the output of the one before; return why one could not."""
    source: Any = None
    for index, stage in enumerate(stages):
        out = None if index == len(stages) - 1 else subprocess.PIPE
        try:
            process = subprocess.Popen(stage, stdin=source, stdout=out, stderr=errors)
        except (OSError, ValueError) as error:
            return f"{stage[0]} cannot be started: {error}"
        finally:
            # The next stage holds it now; without this the one before would never see its end.
            if source is not None:
                source.close()
        source = process.stdout
        running.add(process)
    return ""


@contextlib.contextmanager
def _handlers(running: _Running) -> Iterator[None]:
    before = {number: signal.signal(number, running.forward) for number in _FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tee(source: BinaryIO, tail: "deque[bytes]") -> None:
    """Show what the stages say, and keep the end of it."""
    with source:
        while piece := source.read(_PIECE):
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.buffer.write(piece)
                sys.stderr.buffer.flush()
            tail.append(piece[-_TAIL_BYTES:])
            while sum(map(len, tail)) - len(tail[0]) >= _TAIL_BYTES:
                tail.popleft()


def _record(inbox: Path, source_id: str, event: Mapping[str, Any]) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    envelope = Envelope(
        source_id, "job_log", "", canonical(event) + "\n", now, now, host=os.uname().nodename
    )
    try:
        write_envelope(inbox / source_id / "job_log", envelope, tool="cbcr")
    except OSError as error:
        print(f"cbcr: this job is not on record: {error}", file=sys.stderr)  # noqa: T201


def _now() -> str:
    return datetime.now(UTC).isoformat()
