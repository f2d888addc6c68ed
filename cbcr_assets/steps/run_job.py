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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from cbcr_assets.connectors import borg, restic
from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.reading.outcome import Outcome
from cbcr_assets.connectors.transports.envelope import write_envelope
from cbcr_assets.connectors.transports.json_text import canonical
from cbcr_assets.connectors.transports.text import redact
from cbcr_assets.records import BackupState

PIPE = "--pipe"
"""The word between two commands of a pipe: it needs no quoting in any shell."""

OUTCOMES: Mapping[str, Callable[[str, int, str], Outcome]] = {
    "borg": borg.outcome,
    "restic": restic.outcome,
}
"""Tools that say on stdout, with `--json`, which backup set they made."""

_TAIL_BYTES = 4_096
_SAID_BYTES = 65_536
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
        facts: Fields of the begin record: instance, kind, and more (docs/formats.md). With a `tool`
            of `OUTCOMES` the end record says what that tool printed about its run.
        words: The commands, separated by `PIPE`.

    Raises:
        ValueError: A command is missing; nothing was run.
    """
    stages = _stages(words)
    same = {"run_id": uuid4().hex, "instance": facts["instance"], "kind": facts["kind"]}
    _record(inbox, source_id, {**facts, **same, "event": "begin", "started_at": _now()})
    read = OUTCOMES.get(facts.get("tool", "")) if facts["kind"] == "backup" else None
    ended = _run(stages, keep=read is not None)
    failed = next((code for code in reversed(ended.codes) if code), 0)
    end: dict[str, Any] = {**same, "event": "end", "finished_at": _now(), "rc": ended.codes}
    if failed:
        end["error"] = _error(failed, ended.complaints)
    if read is not None and len(ended.codes) == len(stages):
        end |= _told(read(ended.said, ended.codes[-1], ended.complaints), ended.codes)
    _record(inbox, source_id, end)
    return 128 - failed if failed < 0 else failed


def _told(outcome: Outcome, codes: Sequence[int]) -> dict[str, Any]:
    """Return what the last stage said; what an earlier one spoilt, it cannot have saved."""
    facts = {
        "label": outcome.label,
        "source_bytes": outcome.source_bytes,
        "transferred_bytes": outcome.transferred_bytes,
        "state": BackupState.FAILED if any(codes[:-1]) else outcome.state,
    }
    return {name: value for name, value in facts.items() if value is not None}


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


@dataclass(frozen=True)
class _Ended:
    """Exit codes of the stages, the end of stdout if it was kept, and the end of stderr."""

    codes: list[int]
    said: str
    complaints: str


def _run(stages: list[list[str]], *, keep: bool) -> _Ended:
    """Run the stages; `keep` the end of what the last one prints."""
    running = _Running()
    errors = _Tee(sys.stderr, _TAIL_BYTES)
    output = _Tee(sys.stdout, _SAID_BYTES) if keep else None
    with _handlers(running):
        unstarted = _start(stages, running, errors.writing, output.writing if output else None)
        codes = [process.wait() for process in running.stages]
        complaints, said = errors.end(), output.end() if output else ""
    text = f"error: {unstarted}\n{complaints}" if unstarted else complaints
    return _Ended(codes + ([_NOT_STARTED] if unstarted else []), said, redact(text))


def _start(stages: list[list[str]], running: _Running, errors: int, output: int | None) -> str:
    """Start each stage on the output of the one before; return why one could not."""
    source: Any = None
    for index, stage in enumerate(stages):
        out = output if index == len(stages) - 1 else subprocess.PIPE
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


class _Tee:
    """A pipe whose content is shown as it comes, and whose end is kept."""

    def __init__(self, sink: TextIO, size: int) -> None:
        reading, self.writing = os.pipe()
        self._sink, self._size = sink, size
        self._tail: deque[bytes] = deque()
        self._reader = threading.Thread(target=self._copy, args=(reading,))
        self._reader.start()

    def end(self) -> str:
        """Wait until nobody writes any more; return the end of what was written."""
        os.close(self.writing)
        self._reader.join()
        return b"".join(self._tail)[-self._size :].decode("utf-8", "backslashreplace")

    def _copy(self, reading: int) -> None:
        tail = self._tail
        with os.fdopen(reading, "rb", 0) as source:
            while piece := source.read(_PIECE):
                with contextlib.suppress(OSError, ValueError):
                    self._sink.buffer.write(piece)
                    self._sink.buffer.flush()
                tail.append(piece[-self._size :])
                while sum(map(len, tail)) - len(tail[0]) >= self._size:
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
