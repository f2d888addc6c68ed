"""A guest's query in a process of its own: bounded in memory, time, threads and rows, then gone.

Belongs here: starting that process, ending it, and what it runs (`python -m
cbcr_assets.warehouse.guest`). Does not belong here: what a guest may ask (see `query`).

DuckDB's own limits do not bind constant expressions, and one statement can make an instance
unusable: so nothing of a guest runs where others are served.
"""

import io
import os
import resource
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cbcr_assets.warehouse.base import WarehouseError
from cbcr_assets.warehouse.query import guarded_query, limit_memory

_ROOT = Path(__file__).resolve().parents[2]
_AT_ONCE = threading.BoundedSemaphore(2)
_QUEUE_S = 10.0
_REFUSED = 3
_ERROR_BYTES = 4_000
# Beside what the engine may hold: the interpreter, its libraries, and the answer.
_BESIDE_BYTES = 3 << 30


@dataclass(frozen=True)
class Limits:
    """What a guest's query may take.

    Attributes:
        seconds: Until it is ended.
        rows: Returned at most.
        memory_bytes: Held by the engine at most.
        answer_bytes: Size of the answer at most.
    """

    seconds: float = 20.0
    rows: int = 10_000
    memory_bytes: int = 1 << 30
    answer_bytes: int = 64 << 20


@dataclass(frozen=True)
class Answer:
    """What a query gave.

    Attributes:
        frame: Its rows.
        is_cut: There are more rows than were asked for.
    """

    frame: pl.DataFrame
    is_cut: bool


def ask(snapshot: Path, sql: str, limits: Limits | None = None) -> Answer:
    """Run one SELECT on a snapshot in a process of its own, which ends with it.

    Args:
        snapshot: File of a published snapshot.
        sql: Exactly one SELECT statement.
        limits: What it may take.

    Raises:
        WarehouseError: Not one SELECT, it failed, took too long or too much; the message says so.
    """
    limits = limits or Limits()
    if not _AT_ONCE.acquire(timeout=_QUEUE_S):
        raise WarehouseError("other queries are running: try again in a moment")
    try:
        content = _run(snapshot, sql, limits)
    finally:
        _AT_ONCE.release()
    frame = pl.read_ipc(io.BytesIO(content))
    return Answer(frame.head(limits.rows), frame.height > limits.rows)


def _run(snapshot: Path, sql: str, limits: Limits) -> bytes:
    command = [sys.executable, "-m", "cbcr_assets.warehouse.guest", str(snapshot)]
    command += [str(limits.rows + 1), str(limits.memory_bytes), str(limits.answer_bytes)]
    command += [str(int(limits.seconds) + 1)]
    # The guest inherits no secret: only what an interpreter needs to start.
    kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")
    environ = {name: os.environ[name] for name in kept if name in os.environ}
    environ |= {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, cwd=_ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        content, error = process.communicate(sql.encode(), timeout=limits.seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise WarehouseError(
            f"it took longer than {limits.seconds:.0f} s and was ended: narrow it down, or run it"
            " with `cbcr sql`"
        ) from None
    if process.returncode == 0:
        return content
    if process.returncode == _REFUSED:
        raise WarehouseError(error.decode(errors="replace").strip())
    raise WarehouseError(_ended(process.returncode))


def _ended(code: int) -> str:
    if code == -signal.SIGXCPU:
        return "it computed for too long and was ended"
    return "it took more memory than it may, or broke the engine, and was ended"


def _main(arguments: list[str]) -> int:
    """Run the query on standard input; its answer is Arrow IPC on standard output."""
    snapshot, rows, memory, answer, seconds = arguments
    limit_memory(int(memory) + _BESIDE_BYTES)
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        frame = guarded_query(
            Path(snapshot), sys.stdin.read(), max_rows=int(rows), memory_bytes=int(memory),
            threads=1,
        )  # fmt: skip
        if frame.estimated_size() > int(answer):
            raise WarehouseError(
                f"the answer is larger than {int(answer) >> 20} MiB: ask for fewer columns or rows"
            )
        target = io.BytesIO()
        frame.write_ipc(target)
    except WarehouseError as error:
        sys.stderr.write(str(error)[:_ERROR_BYTES])
        return _REFUSED
    except MemoryError:
        sys.stderr.write("it took more memory than it may")
        return _REFUSED
    sys.stdout.buffer.write(target.getvalue())
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1:]))
