"""What a configuration file says, where it says it, and what is wrong with it.

Belongs here: problems with file, line and path; documents that know the line of every key.
Does not belong here: reading a format (yaml_file, inventory_csv), models of files.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import Any

KeyPath = tuple[str | int, ...]


class Refused(ValueError):
    """A value that cannot be used; the suggestion is what was probably meant."""

    def __init__(self, message: str, *, suggestion: str | None = None) -> None:
        """Keep the suggestion apart from the message."""
        super().__init__(message)
        self.suggestion = suggestion


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a file.

    Attributes:
        file: The file; the whole path where it cannot be read at all.
        line: Line, from 1; 0 when it concerns the whole file.
        path: Where in the structure, such as `sources.a.feeds[0].command`.
        message: What is wrong, in plain words.
        suggestion: What was probably meant.
    """

    file: str
    line: int
    path: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        """Return `file:line: path: message; did you mean …?`."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = f"{self.path}: " if self.path else ""
        hint = f"; did you mean '{self.suggestion}'?" if self.suggestion else ""
        return f"{place}: {where}{self.message}{hint}"


class ConfigError(Exception):
    """A configuration is wrong; `problems` lists everything that is, in the order of lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems; the text is one line each."""
        self.problems = tuple(
            sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line, p.path))
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Document:
    """A file as data, with the line of every key path.

    Attributes:
        file: The file.
        data: Dicts with text keys, lists, text, numbers, booleans and None.
        lines: Line of each key path.
        hidden: Leading parts of a path that mean nothing to the reader of this file.
    """

    file: Path
    data: Any
    lines: Mapping[KeyPath, int]
    hidden: int = 0

    def line(self, path: KeyPath) -> int:
        """Return the line of a key path, or of its nearest known parent."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: KeyPath, message: str, suggestion: str | None = None) -> Problem:
        """Return a problem at a key path."""
        shown = show_path(path[self.hidden :])
        return Problem(self.file.name, self.line(path), shown, message, suggestion)

    def get(self, path: KeyPath) -> Any:
        """Return the value at a key path, None where there is none."""
        found = next(self.find(*path), None)
        return None if found is None else found[1]

    def find(self, *pattern: str | int | EllipsisType) -> Iterator[tuple[KeyPath, Any]]:
        """Yield path and value of everything that matches; `...` stands for any key or index.

        What has another shape than the pattern is passed over: it is another check's business.
        """
        found: list[tuple[KeyPath, Any]] = [((), self.data)]
        for part in pattern:
            found = [
                ((*path, key), child) for path, value in found for key, child in _named(value, part)
            ]
        yield from found


def children(value: Any) -> Iterable[tuple[str | int, Any]]:
    """Return the keys or indexes of a value with what they hold; nothing for a plain value."""
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _named(value: Any, part: str | int | EllipsisType) -> Iterable[tuple[str | int, Any]]:
    """Return the child of that key or index, if there is one: a file may have thousands."""
    if part is ...:
        return children(value)
    if isinstance(value, dict):
        return ((part, value[part]),) if part in value else ()
    is_index = isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value)
    return ((part, value[part]),) if is_index else ()


def show_path(path: KeyPath) -> str:
    """Return `sources.a.feeds[0]` for a key path."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def closest(word: str, known: Sequence[str]) -> str | None:
    """Return the known word that `word` was probably meant to be."""
    by_fold = {name.casefold(): name for name in reversed(known)}
    found = difflib.get_close_matches(word.casefold(), list(by_fold), n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def shown(value: Any) -> str:
    """Return a value of a file in words that its author recognises."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, (dict, list, tuple)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(value if len(str(value)) <= 80 else f"{str(value)[:80]}…")


def fail(path: Path, line: int, message: str) -> ConfigError:
    """Return the error of a file that cannot be read as a whole."""
    return ConfigError([Problem(path.name if line else str(path), line, "", message)])


def read_text(path: Path) -> str:
    """Read a configuration file as UTF-8, with or without a byte order mark.

    Raises:
        ConfigError: It is missing, unreadable, or in another encoding.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        message = "there is no such file; `cbcr init` writes a commented one"
        raise fail(path, 0, message) from None
    except OSError as error:
        raise fail(path, 0, f"it cannot be read: {error.strerror or error}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise fail(path, line, "this line is not UTF-8; save the file as UTF-8") from None
