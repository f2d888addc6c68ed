"""Files that appear whole or not at all.

Belongs here: temporary file, fsync, rename. Does not belong here: what is written.
"""

import os
from pathlib import Path


def publish(path: Path, data: bytes) -> bool:
    """Write a new file under its temporary name `*.tmp`, then rename it.

    The temporary file reserves the name, so two writers never overwrite each other.

    Returns:
        False when the name is taken.

    Raises:
        OSError: It could not be written; nothing half-written has the final name.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "wb") as handle:
            if path.exists():
                temporary.unlink()
                return False
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)
    return True


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
