"""Whose turn it is at the live file: CBCR's own writers queue for it, however long one takes.

Belongs here: the lock file beside the live file, and opening the live file when others have it.
Does not belong here: what is written.

DuckDB's own lock keeps everybody out but says nothing: a build of some minutes and a stranger who
left the file open look alike. So CBCR's processes take turns by a lock of their own, which the
kernel drops with the process that has it, and give strangers a limit.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from cbcr_assets.warehouse.base import WarehouseError, WarehouseLocked

QUEUE_S = 3600.0
"""A writer of CBCR that takes longer than this is taken for one that hangs."""
_RETRY_S = 0.05


@dataclass
class _Turn:
    handle: int
    depth: int = 1


# DuckDB lets one process open a file several times, and so does a turn.
_turns: dict[Path, _Turn] = {}
_guard = threading.Lock()


@contextmanager
def turn(live: Path, *, who: str, queue_s: float = QUEUE_S) -> Iterator[None]:
    """Wait until no other process of CBCR writes to a file; it is this process's until the end.

    Args:
        live: The file; the lock file lies beside it.
        who: What this process does, for those who wait and wonder.
        queue_s: How long to wait.

    Raises:
        WarehouseLocked: Another process has had its turn for longer than that.
        WarehouseError: The lock file cannot be made.
    """
    path = lock_file(live)
    deadline = time.monotonic() + queue_s
    while not _take(path, who):
        if time.monotonic() >= deadline:
            raise WarehouseLocked(
                f"the warehouse {live} is in use, waited {queue_s:.0f} s: {holder(live)}"
            )
        time.sleep(_RETRY_S)
    try:
        yield
    finally:
        _give_back(path)


def lock_file(live: Path) -> Path:
    """Return the file that is locked, with who has its turn in it."""
    return live.absolute().with_suffix(".turn")


def holder(live: Path) -> str:
    """Return who has its turn, or died in it: `<what> (PID <n>)`; empty when nobody has."""
    try:
        return lock_file(live).read_text(encoding="utf-8")
    except OSError:
        return ""


def open_live(live: Path, *, wait_s: float) -> duckdb.DuckDBPyConnection:
    """Open the live file in our turn; a stranger who has it open is waited for.

    Raises:
        WarehouseLocked: Somebody who is not of CBCR kept it open too long.
        WarehouseError: It cannot be opened.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return duckdb.connect(str(live))
        except (duckdb.IOException, duckdb.ConnectionException) as error:
            if not _is_lock(error):
                raise WarehouseError(_opening_failed(live, error)) from error
            if time.monotonic() >= deadline:
                raise WarehouseLocked(
                    f"the warehouse {live} is in use, waited {wait_s:.0f} s: {error}."
                    " Only CBCR's own runs may open the live file; readers use the published"
                    " snapshots (`cbcr sql`)."
                ) from error
            time.sleep(_RETRY_S)


def _take(path: Path, who: str) -> bool:
    with _guard:
        mine = _turns.get(path)
        if mine is not None:
            mine.depth += 1
            return True
        handle = _lock(path)
        if handle is None:
            return False
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{who} (PID {os.getpid()})".encode(), 0)
        _turns[path] = _Turn(handle)
        return True


def _lock(path: Path) -> int | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise WarehouseError(f"{path} cannot be locked: {error}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _give_back(path: Path) -> None:
    with _guard:
        mine = _turns[path]
        mine.depth -= 1
        if mine.depth == 0:
            del _turns[path]
            os.ftruncate(mine.handle, 0)
            os.close(mine.handle)


def _is_lock(error: Exception) -> bool:
    text = str(error)
    return "Could not set lock" in text or "different configuration" in text


def _opening_failed(live: Path, error: Exception) -> str:
    return (
        f"{live} cannot be opened as a warehouse: {error}. If it is not a DuckDB file, move it away"
        " and pull again; published snapshots are not touched."
    )
