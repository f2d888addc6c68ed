"""An old copy of the live file brought up to date: only the blocks that differ are written.

Belongs here: DuckDB's file layout as far as this needs it, and who may hold a file open.
Does not belong here: versions, pointers, or when a copy is old enough (see `publish`).

A DuckDB file is 12 KiB of headers, then blocks of equal size; each begins with the checksum of what
is in it. Blocks with equal checksums at the same place hold the same, so an hour's news costs what
it changed and not what the file holds.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path

_HEADERS = 3 * 4096
_MAGIC = (8, b"DUCK")
# Place of the block size in each of the two database headers.
_BLOCK_SIZE = (4096 + 40, 8192 + 40)
_CHECKSUM = 8
_LOCKS = Path("/proc/locks")


def renew(live: Path, old: Path, new: Path) -> bool:
    """Make `new` out of `old`, equal to `live`; False, and nothing happened, where it cannot be.

    It cannot where somebody has `old` open, where nobody can tell (no Linux), or where the two
    files are not laid out alike.

    Args:
        live: The checkpointed live file; the caller holds its write lock.
        old: A copy that nobody is to open any more; it is gone afterwards.
        new: The name of the renewed copy, in the same folder.

    Raises:
        OSError: Reading or writing failed; `old` may be gone and `new` be incomplete.
    """
    if _is_held(old):
        return False
    with live.open("rb") as source, old.open("r+b") as target:
        if not _lock(target.fileno()):
            return False
        block = _block_size(source.fileno())
        if block is None or block != _block_size(target.fileno()):
            return False
        old.replace(new)
        for start, stop in _differing(source.fileno(), target.fileno(), block):
            _copy(source.fileno(), target.fileno(), start, stop)
        os.ftruncate(target.fileno(), os.fstat(source.fileno()).st_size)
        os.fsync(target.fileno())
    return True


def _is_held(path: Path) -> bool:
    """Say whether any process, this one included, has a lock on a file; without opening it.

    Closing a file drops all of a process's locks on it, so that looking must not open. The device
    is not compared: some file systems tell another one here than `stat` does.
    """
    try:
        held = _LOCKS.read_text(encoding="ascii")
    except OSError:
        return True
    ending = f":{path.stat().st_ino}"
    return any(word.endswith(ending) for word in held.split())


def _lock(handle: int) -> bool:
    """Keep readers of other processes away: DuckDB takes a shared lock on what it reads."""
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _block_size(handle: int) -> int | None:
    """Return the size of a file's blocks; None where this is no file that we know."""
    offset, magic = _MAGIC
    if os.pread(handle, len(magic), offset) != magic:
        return None
    sizes = {_number(os.pread(handle, 8, place)) for place in _BLOCK_SIZE}
    return sizes.pop() if len(sizes) == 1 else None


def _number(raw: bytes) -> int:
    return int(struct.unpack("<Q", raw)[0])


def _differing(source: int, target: int, block: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches of the source that the target does not hold, the headers first."""
    yield 0, _HEADERS
    size, held = os.fstat(source).st_size, os.fstat(target).st_size
    begun: int | None = None
    for start in range(_HEADERS, size, block):
        known = start + block <= held and os.pread(target, _CHECKSUM, start) == os.pread(
            source, _CHECKSUM, start
        )
        if not known and begun is None:
            begun = start
        if known and begun is not None:
            yield begun, start
            begun = None
    if begun is not None:
        yield begun, size


def _copy(source: int, target: int, start: int, stop: int) -> None:
    os.lseek(target, start, os.SEEK_SET)
    while start < stop:
        sent = os.sendfile(target, source, start, stop - start)
        if not sent:
            raise OSError(f"the live file ends at {start} instead of {stop}")
        start += sent
