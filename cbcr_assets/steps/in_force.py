"""The configuration in force: a mistake in a file must not stop the watch.

Belongs here: keeping the last accepted text of each configuration file, falling back to it, and
remembering what was refused. Does not belong here: what a file means, or telling people (see
`health`).
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from cbcr_assets.config import ConfigError

Loaded = TypeVar("Loaded")


def load_in_force(home: Path, file: Path, load: Callable[[Path | None], Loaded]) -> Loaded:
    """Load a file, or what it said when it was accepted last.

    Args:
        home: Folder of all state.
        file: The configuration file.
        load: Loads it, from a copy when one is given.

    Raises:
        ConfigError: It is wrong, and it never was right.
    """
    accepted = home / "accepted" / file.name
    try:
        loaded = load(None)
    except ConfigError as error:
        if not accepted.is_file():
            raise
        try:
            loaded = load(accepted)
        except ConfigError:
            raise error from None
        refuse(home, file, str(error))
        return loaded
    _write(accepted, file.read_text(encoding="utf-8-sig"))
    accept(home, file)
    return loaded


def accept(home: Path, file: Path) -> None:
    """Forget that a file was refused."""
    _note(home, file).unlink(missing_ok=True)


def refuse(home: Path, file: Path, reason: str) -> None:
    """Remember why a file is not in force."""
    _write(_note(home, file), reason)


def refusals(home: Path) -> Mapping[str, str]:
    """Return why files are not in force, by file name."""
    notes = sorted((home / "refused").glob("*.txt"))
    return {note.name.removesuffix(".txt"): note.read_text(encoding="utf-8") for note in notes}


def _note(home: Path, file: Path) -> Path:
    return home / "refused" / f"{file.name}.txt"


def _write(path: Path, text: str) -> None:
    """Replace a file when its text changed; several processes may do so at once."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except OSError:
        path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
