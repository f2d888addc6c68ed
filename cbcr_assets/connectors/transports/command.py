"""Commands: run one, keep what it printed, leave nothing behind.

Belongs here: starting, limiting and ending a child process and its whole process group.
Does not belong here: what the output means, or when a command is due.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from cbcr_assets.connectors.transports.answer import Answer, Piece
from cbcr_assets.connectors.transports.envelope import MAX_BYTES
from cbcr_assets.connectors.transports.json_text import sha256
from cbcr_assets.connectors.transports.text import clean, redact

_BLOCK = 65_536
_TAIL = 4_096
_TERM_S = 0.3  # between asking a process group to end and ending it
_SSH_FAILED = 255
_LINGER_S = 0.5  # for the pipes to close after the command itself has ended


@dataclass(frozen=True)
class CommandResult:
    """What a command did.

    Attributes:
        rc: Exit code; negative is the signal that ended it, 127 if it could not be started.
        stdout: What it printed, byte for byte.
        stderr_tail: The end of its error output.
        problem: Why CBCR ended it or could not start it, else None.
        elapsed_s: How long it ran.
    """

    rc: int
    stdout: bytes = field(repr=False)
    stderr_tail: str
    problem: str | None
    elapsed_s: float


def read_command(
    argv: Sequence[str],
    *,
    last_sha256: str | None,
    timeout_s: float,
    environ: Mapping[str, str],
    max_bytes: int = MAX_BYTES // 2,
) -> Answer:
    """Run a command whose output is one document.

    Args:
        argv: The command, without a shell.
        last_sha256: Hash of the output that was sent last; the same output is no news.
        timeout_s: After this the whole process group is killed.
        environ: The child's whole environment; never logged.
        max_bytes: More output is an error.
    """
    result = run_command(argv, timeout_s=timeout_s, environ=environ, max_bytes=max_bytes)
    shown = tuple(redact(argument, environ=environ) for argument in argv)
    if result.problem or result.rc:
        tail = redact(result.stderr_tail.strip(), environ=environ)
        why = result.problem or f"exit code {result.rc}"
        error = f"{argv[0]}: {why}" + (f": {tail}" if tail else "")
        return Answer(
            error=clean(error),
            rc=result.rc,
            command=shown,
            elapsed_s=result.elapsed_s,
            transient=result.problem is None and _lost_connection(argv, result.rc),
        )
    text = result.stdout.decode("utf-8", "backslashreplace")
    piece = Piece(text, cursor={"sha256": sha256(text)})
    fresh = piece.cursor != {"sha256": last_sha256}
    return Answer(
        news=(piece,) if fresh else (),
        heartbeat=piece,
        cursor=piece.cursor or {},
        command=shown,
        elapsed_s=result.elapsed_s,
    )


def _lost_connection(argv: Sequence[str], rc: int) -> bool:
    """Ssh's own failures have one exit code, which is none of the remote command's."""
    return PurePath(argv[0]).name == "ssh" and rc == _SSH_FAILED


def run_command(
    argv: Sequence[str], *, timeout_s: float, environ: Mapping[str, str], max_bytes: int
) -> CommandResult:
    """Run a command in its own process group and end the group, whatever happens."""
    began = time.monotonic()
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a NUL byte in the command"
        missing = f"cannot be started ({reason}); check the path and its mode"
        return CommandResult(127, b"", "", missing, time.monotonic() - began)
    output = _Output(max_bytes)
    try:
        problem = output.read(child, deadline=began + timeout_s, timeout_s=timeout_s)
    finally:
        _end(child)
    return CommandResult(
        child.returncode,
        bytes(output.out),
        output.err.decode("utf-8", "replace"),
        problem,
        time.monotonic() - began,
    )


class _Output:
    """Collects both pipes of a child without ever waiting longer than allowed."""

    def __init__(self, max_bytes: int) -> None:
        self.out = bytearray()
        self.err = bytearray()
        self._max = max_bytes

    def read(
        self, child: "subprocess.Popen[bytes]", *, deadline: float, timeout_s: float
    ) -> str | None:
        with selectors.DefaultSelector() as selector:
            for pipe in (child.stdout, child.stderr):
                if pipe is not None:
                    os.set_blocking(pipe.fileno(), False)
                    selector.register(pipe, selectors.EVENT_READ)
            linger: float | None = None
            while selector.get_map() or child.poll() is None:
                now = time.monotonic()
                if linger is None and child.poll() is not None:
                    # A grandchild may hold the pipes for ever; what was printed is there already.
                    linger = now + _LINGER_S
                if linger is not None and now >= linger:
                    return None
                if now >= deadline:
                    return f"no end after {timeout_s:.3g} s, killed; raise the feed's timeout"
                self._drain(selector, child, min(deadline - now, 0.05))
                if len(self.out) > self._max:
                    return f"it printed more than {self._max} bytes, killed; list less at a time"
        return None

    def _drain(
        self, selector: selectors.BaseSelector, child: "subprocess.Popen[bytes]", wait: float
    ) -> None:
        """Read what is there, or wait a little for it."""
        if not selector.get_map():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(wait)
            return
        for key, _ in selector.select(wait):
            try:
                block = os.read(key.fd, _BLOCK)
            except BlockingIOError:
                continue
            if not block:
                selector.unregister(key.fileobj)
            elif key.fileobj is child.stdout:
                self.out += block
            else:
                self.err = (self.err + block)[-_TAIL:]


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End whatever is left of the process group, ask first."""
    try:
        if _signal(child.pid, signal.SIGTERM):
            deadline = time.monotonic() + _TERM_S
            while time.monotonic() < deadline and _alive(child):
                time.sleep(0.01)
            _signal(child.pid, signal.SIGKILL)
    finally:
        child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()


def _alive(child: "subprocess.Popen[bytes]") -> bool:
    child.poll()
    return _signal(child.pid, 0)


def _signal(group: int, number: int) -> bool:
    """Signal a process group; False when nobody is left in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
