"""Append-only logs: read what was added since last time, across rotation.

Belongs here: cursors of log files, cutting them into pieces, following a rotated file.
Does not belong here: what a line means. A piece may end at any character; the connector's carry
joins them.

A file is known by its inode and the hash of its first bytes, for an inode is soon used again.
"""

import codecs
import glob
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from cbcr_assets.connectors.transports.answer import Answer, Piece

MAX_PIECE = 8 * 1024 * 1024
"""Largest piece of a log in one envelope, in bytes."""

MAX_PIECES = 8
"""Most full pieces of one feed at a time; the next reading goes on from there."""

_MOST_SMALL = 200

_HEAD = 256
_RETIRED = 50
_ROTATED = re.compile(r"[.-]\d[\d.-]*")


@dataclass(frozen=True)
class _Cursor:
    """How far one file was read. `cut`: the last byte read did not end a line."""

    inode: int
    offset: int = 0
    head: str = ""
    head_length: int = 0
    cut: bool = False

    def is_in(self, handle: BinaryIO) -> bool:
        """Say whether the open file is the one that this cursor was made for."""
        stat = os.fstat(handle.fileno())
        if stat.st_ino != self.inode or stat.st_size < self.offset:
            return False
        return _head(handle, self.head_length) == self.head


@dataclass(frozen=True)
class _Step:
    """One file of a chain: what to read next of a log, rotated parts first."""

    path: Path
    cursor: _Cursor
    last: bool
    fresh_line: bool = False


def read_logs(
    pattern: str,
    *,
    kind: str,
    cursor: Mapping[str, Any],
    max_piece: int = MAX_PIECE,
    max_pieces: int = MAX_PIECES,
) -> Answer:
    """Read what was added to the logs that match a pattern.

    Args:
        pattern: Glob, `**` enters folders.
        kind: Feed kind, a part of the stream's name.
        cursor: `Answer.cursor` of the last reading, empty at first: then all is read.
        max_piece: Largest piece, bytes.
        max_pieces: Most full pieces, or as much in smaller ones.
    """
    reader = _Reader(kind, cursor, max_piece)
    paths = [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 - the pattern is absolute
    paths = [path for path in paths if path.is_file()]
    pieces: list[Piece] = []
    # Many small logs are not read a few at a time, nor are many large pieces held in memory.
    room, most = max_piece * max_pieces, max(max_pieces, _MOST_SMALL)
    problems = [] if paths else [f"no file matches {pattern}; check the pattern and who may read"]
    # Logs with a cursor go first, so that a file that was rotated under a matching name is known.
    for path in sorted(paths, key=lambda path: (str(path) not in reader.files, str(path))):
        try:
            for piece in reader.read(path):
                pieces.append(piece)
                room -= len(piece.payload)
                if room <= 0 or len(pieces) >= most:
                    break
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
        if room <= 0 or len(pieces) >= most:
            break
    problems += reader.problems
    alive = Piece("", stream=f"{kind}:{paths[0]}") if paths and not problems else None
    return Answer(
        news=tuple(pieces),
        heartbeat=alive,
        cursor=reader.snapshot(),
        error="; ".join(problems) or None,
    )


class _Reader:
    """One reading of all logs of a feed."""

    def __init__(self, kind: str, cursor: Mapping[str, Any], max_piece: int) -> None:
        self.files = {path: _Cursor(**values) for path, values in cursor.get("files", {}).items()}
        self.retired = [_Cursor(**values) for values in cursor.get("retired", [])]
        self.problems: list[str] = []
        self._kind = kind
        self._max = max_piece

    def snapshot(self) -> dict[str, Any]:
        """Return the cursor of the feed as it is now."""
        return {
            "files": {path: asdict(cursor) for path, cursor in self.files.items()},
            "retired": [asdict(cursor) for cursor in self.retired[-_RETIRED:]],
        }

    def read(self, path: Path) -> Iterator[Piece]:
        """Yield the next pieces of one log."""
        name = str(path)
        for step in self._chain(path):
            fresh_line = step.fresh_line
            with step.path.open("rb") as handle:
                cursor = step.cursor
                while True:
                    text, cursor = _next(handle, cursor, self._max, final=not step.last)
                    if not text:
                        break
                    self.files[name] = cursor
                    prefix, fresh_line = ("\n" if fresh_line else ""), False
                    yield Piece(prefix + text, f"{self._kind}:{path}", self.snapshot())
            if step.last:
                self.files[name] = cursor
            else:
                self.retired.append(cursor)

    def _chain(self, path: Path) -> Iterator[_Step]:
        known = self.files.get(str(path))
        with path.open("rb") as handle:
            inode = os.fstat(handle.fileno()).st_ino
            if known is None:
                yield _Step(path, self._adopted(handle) or _Cursor(inode), last=True)
                return
            if known.is_in(handle):
                yield _Step(path, known, last=True)
                return
        yield from self._rotated(path, known, inode)

    def _adopted(self, handle: BinaryIO) -> _Cursor | None:
        """Find a file of a new name among those that were read under an old one."""
        for cursor in (*reversed(self.retired), *self.files.values()):
            if cursor.head_length and cursor.is_in(handle):
                return cursor
        return None

    def _rotated(self, path: Path, known: _Cursor, inode: int) -> Iterator[_Step]:
        siblings = _siblings(path, inode)
        old = _old_part(siblings, known)
        cut = known.cut
        if old is None:
            self.problems.append(
                f"{path} was rotated and its old part is not beside it: what was written after byte"
                f" {known.offset}, if anything, is lost; rotate without compressing at once"
                " (logrotate: delaycompress)"
            )
        else:
            yield _Step(old, replace(known, inode=old.stat().st_ino), last=False)
            cut = not _ends_line(old)
            modified = old.stat().st_mtime_ns
            for sibling in siblings:
                if sibling == old or sibling.stat().st_mtime_ns < modified:
                    continue
                if _ROTATED.fullmatch(sibling.name.removeprefix(path.name)):
                    start = _Cursor(sibling.stat().st_ino)
                    yield _Step(sibling, start, last=False, fresh_line=cut)
                    cut = not _ends_line(sibling)
        yield _Step(path, _Cursor(inode), last=True, fresh_line=cut)


def _siblings(path: Path, inode: int) -> list[Path]:
    """List the other files of the folder, the longest unchanged first."""
    found = [
        (entry.stat().st_mtime_ns, entry.path)
        for entry in os.scandir(path.parent)
        if entry.is_file() and entry.inode() != inode
    ]
    return [Path(name) for _, name in sorted(found)]


def _old_part(siblings: list[Path], cursor: _Cursor) -> Path | None:
    """Find the file that a cursor was made for; a copy (copytruncate) has another inode."""
    copy = None
    for path in siblings:
        with path.open("rb") as handle:
            stat = os.fstat(handle.fileno())
            if cursor.is_in(handle):
                return path
            if cursor.head_length == _HEAD and replace(cursor, inode=stat.st_ino).is_in(handle):
                copy = path
    return copy


def _next(handle: BinaryIO, cursor: _Cursor, max_piece: int, *, final: bool) -> tuple[str, _Cursor]:
    """Read one piece. A character that is not complete yet stays for the next one."""
    handle.seek(cursor.offset)
    data = handle.read(max_piece)
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    at_end = final and len(data) < max_piece
    text = decoder.decode(data, final=at_end)
    offset = cursor.offset + len(data) - len(decoder.getstate()[0])
    length = min(offset, _HEAD)
    head = cursor.head if length == cursor.head_length else _head(handle, length)
    moved = replace(cursor, offset=offset, head=head, head_length=length)
    return text, replace(moved, cut=not text.endswith("\n")) if text else moved


def _head(handle: BinaryIO, length: int) -> str:
    handle.seek(0)
    return hashlib.sha256(handle.read(length)).hexdigest() if length else ""


def _ends_line(path: Path) -> bool:
    with path.open("rb") as handle:
        if handle.seek(0, os.SEEK_END) == 0:
            return True
        handle.seek(-1, os.SEEK_END)
        return handle.read(1) == b"\n"
