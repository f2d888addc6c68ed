"""Exact errors for configuration files: file, line, path, message, suggestion.

Belongs here: reading YAML with line marks, and turning validation errors into problems.
Does not belong here: what a configuration means (see the models beside this file).
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a file.

    Attributes:
        file: The file.
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
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion else ""
        return f"{place}: {where}{self.message}{hint}"


class ConfigError(Exception):
    """A configuration is wrong; `problems` lists everything that is."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems; the text is one line each."""
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Document:
    """A YAML file: its data and the line of every key path."""

    file: Path
    data: Any
    lines: Mapping[KeyPath, int]

    def line(self, path: KeyPath) -> int:
        """Return the line of a key path, or of its nearest known parent."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: KeyPath, message: str, suggestion: str | None = None) -> Problem:
        """Return a problem at a key path."""
        return Problem(self.file.name, self.line(path), show_path(path), message, suggestion)


class _Loader(yaml.SafeLoader):
    """SafeLoader under a name of our own."""


def show_path(path: KeyPath) -> str:
    """Return `sources.a.feeds[0]` for a key path."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def closest(word: str, known: Sequence[str]) -> str | None:
    """Return the known word that `word` was probably meant to be."""
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return found[0] if found else None


def load_yaml(path: Path) -> Document:
    """Read a YAML file with line marks.

    Raises:
        ConfigError: Missing, unreadable, no YAML, or a key written twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        _fail(path, 0, "there is no such file; `cbcr init` writes a commented one")
    except (OSError, UnicodeDecodeError) as error:
        _fail(path, 0, f"it cannot be read: {error}")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        lines: dict[KeyPath, int] = {}
        twice: list[Problem] = []
        if node is not None:
            _mark(node, (), lines, twice, path)
        if twice:
            raise ConfigError(twice)
        data = loader.construct_document(node) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _fail(path, mark.line + 1 if mark else 0, f"this is not YAML: {error.problem}")
    except yaml.YAMLError as error:
        _fail(path, 0, f"this is not YAML: {error}")
    return Document(path, data, lines)


def validate(model: type[Model], document: Document) -> Model:
    """Validate a document's data.

    Raises:
        ConfigError: With every problem.
    """
    if not isinstance(document.data, dict):
        raise ConfigError([document.problem((), "expected a mapping of keys to values")])
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        found = [_problem(document, model, item) for item in error.errors()]
        raise ConfigError(_unique(found)) from None


def _fail(path: Path, line: int, message: str) -> NoReturn:
    raise ConfigError([Problem(path.name if line else str(path), line, "", message)]) from None


def _mark(
    node: yaml.Node,
    path: KeyPath,
    lines: dict[KeyPath, int],
    twice: list[Problem],
    file: Path,
) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            child = (*path, key.value)
            line = key.start_mark.line + 1
            if child in lines:
                message = f"this key was written in line {lines[child]} already"
                twice.append(Problem(file.name, line, show_path(child), message))
            lines[child] = line
            _mark(value, child, lines, twice, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _mark(value, (*path, index), lines, twice, file)


def _problem(document: Document, model: type[BaseModel], item: Any) -> Problem:
    path = tuple(part for part in item["loc"] if _is_in(document.data, part, item["loc"]))
    kind, context = item["type"], item.get("ctx") or {}
    if kind == "extra_forbidden":
        key = str(item["loc"][-1])
        return document.problem(path, "unknown key", closest(key, _known_keys(model)))
    if kind == "missing":
        return document.problem((*path, str(item["loc"][-1])), "this key is required")
    if kind in {"literal_error", "enum", "union_tag_invalid"}:
        expected = str(context.get("expected") or context.get("expected_tags", ""))
        given = str(item["input"]) if kind != "union_tag_invalid" else str(context.get("tag"))
        known = [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]
        return document.problem(
            path, f"{given!r} is not one of {', '.join(known)}", closest(given, known)
        )
    message = str(item["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return document.problem(path, message[0].lower() + message[1:])


def _is_in(data: Any, part: str | int, whole: Sequence[str | int]) -> bool:
    """Leave out union tags and validator names that pydantic puts into a location."""
    for step in whole[: list(whole).index(part)]:
        if isinstance(data, dict) and step in data:
            data = data[step]
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int)


def _known_keys(model: type[BaseModel]) -> list[str]:
    """Return every key that some model below `model` knows: enough to find what was meant."""
    seen: set[type[BaseModel]] = set()
    names: set[str] = set()

    def visit(annotation: Any) -> None:
        for part in getattr(annotation, "__args__", ()):
            visit(part)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            if annotation in seen:
                return
            seen.add(annotation)
            for name, field in annotation.model_fields.items():
                names.add(field.alias or name)
                visit(field.annotation)

    visit(model)
    return sorted(names)


def _unique(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(set(problems), key=lambda p: (p.file, p.line, p.path))

