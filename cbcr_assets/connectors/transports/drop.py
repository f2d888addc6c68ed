"""Dropped files: which files a source offers.

Belongs here: listing `DIR/<source_id>/<kind>/<file>`; the collectors' spool has the same shape.
Does not belong here: reading a file (see `envelope`), or which ones are done (see the ledger).
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OfferedFile:
    """A file as it was when it was listed; a changed file is another offer.

    Attributes:
        path: Where it is.
        kind: Feed kind, the folder's name; empty for a file that lies in no kind folder. A kind
            that the connector does not know is offered too: the pull quarantines it with a reason.
        size: Bytes.
        mtime_ns: Modification time.
        source_id: The source whose folder it lies in.
    """

    path: Path
    kind: str
    size: int
    mtime_ns: int
    source_id: str = ""


def offered(directory: Path, source_id: str) -> list[OfferedFile]:
    """List the files that lie ready for a source, oldest name first.

    Temporary files (`*.tmp`) and dotfiles are not ready. Folders inside a kind are not entered.

    Args:
        directory: The inbox or the spool.
        source_id: Whose files.

    Raises:
        OSError: The folder is there but cannot be listed.
    """
    root = directory / source_id
    files = [
        OfferedFile(path, kind, stat.st_size, stat.st_mtime_ns, source_id)
        for kind, folder in _folders(root)
        for path, stat in _files(folder)
    ]
    return sorted(files, key=lambda file: (file.path.name, file.kind))


def offered_by(directories: Iterable[Path], source_id: str) -> list[OfferedFile]:
    """List what several inboxes and the spool hold for a source, oldest name first."""
    files = [file for directory in directories for file in offered(directory, source_id)]
    return sorted(files, key=lambda file: (file.path.name, file.kind))


def _folders(root: Path) -> Iterator[tuple[str, Path]]:
    if not root.is_dir():
        return
    yield "", root
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.is_dir() and not entry.name.startswith("."):
                yield entry.name, Path(entry.path)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.endswith(".tmp"):
                continue
            try:
                if entry.is_file():
                    yield Path(entry.path), entry.stat()
            except FileNotFoundError:
                continue  # taken away while we looked
