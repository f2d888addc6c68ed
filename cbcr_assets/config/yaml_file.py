"""Reading YAML with the line of every key.

Belongs here: from text to a `Document`; words as in YAML 1.2, so that `no`, `on`, `0123` and
`12:30` stay the text that was written.
Does not belong here: what a key means.
"""

import contextlib
import re
from pathlib import Path
from typing import Any

import yaml

from cbcr_assets.config.document import (
    ConfigError,
    Document,
    KeyPath,
    Problem,
    fail,
    read_text,
    show_path,
)

# Composing is recursive, in libyaml without a check of the stack.
_DEEPEST = 50
# Far more than any real file; aliases of aliases can stand for billions of values.
_MOST_VALUES = 1_000_000
_STEM = "tag:yaml.org,2002:"
_WORDS = {
    "null": (re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    "bool": (re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    # Not longer: ids of many digits, or with a leading zero, are text.
    "int": (re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})$"), list("-+0123456789")),
    "float": (re.compile(r"[-+]?(?:0|[1-9][0-9]*)?\.[0-9]+$"), list("-+.0123456789")),
    "merge": (re.compile(r"<<$"), ["<"]),
}
_PLAIN_TAGS = {_STEM + name for name in (*_WORDS, "str", "map", "seq")}


def _loader() -> Any:
    # libyaml is ten times faster on a large inventory; without it PyYAML reads the same.
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("ConfigLoader", (base,), {"yaml_implicit_resolvers": {}})
    for name, (form, first) in _WORDS.items():
        loader.add_implicit_resolver(_STEM + name, form, first)
    return loader


_LOADER = _loader()


def load_yaml(path: Path, *, content: Path | None = None) -> Document:
    """Read a YAML file with line marks; an empty one is an empty mapping.

    Args:
        path: The file.
        content: A copy to read in its stead; problems still name the file.

    Raises:
        ConfigError: Missing, unreadable, no YAML, or keys written twice.
    """
    text = read_text(content or path)
    try:
        _refuse_depth(path, text)
        node = _LOADER(text).get_single_node()
        reading = _Reading(path)
        data = {} if node is None else reading.value(node, ())
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(path, text, error) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"this is not YAML: it holds the character U+{_code(error.character):04X}"
        raise fail(path, line, message) from None
    if reading.problems:
        raise ConfigError(reading.problems)
    return Document(path, data, reading.lines)


def _refuse_depth(path: Path, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise fail(path, line, "it is nested too deep to be read")


class _Reading:
    """One pass over the nodes of a file."""

    def __init__(self, file: Path) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._file = file
        self._open: set[int] = set()
        self._values = 0

    def _apart(self) -> "_Reading":
        """Return a reading whose lines do not count, for what is merged in from elsewhere."""
        other = _Reading(self._file)
        other._open, other._values = self._open, self._values
        return other

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        """Return the value of a node and note the lines of what is in it."""
        self.lines.setdefault(path, node.start_mark.line + 1)
        self._values += 1
        if id(node) in self._open or self._values > _MOST_VALUES:
            message = "an alias (*) inside what it stands for, or far too many of them"
            raise fail(self._file, node.start_mark.line + 1, message)
        if node.tag not in _PLAIN_TAGS:
            line, tag = node.start_mark.line + 1, node.tag.replace(_STEM, "!!")
            self._wrong(line, path, f"the tag {tag} is not used here")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, child in node.value:
            line = key.start_mark.line + 1
            if key.tag == _STEM + "merge":
                merged = self._merge(child, path) | merged
                continue
            if not isinstance(key, yaml.ScalarNode):
                self._wrong(line, path, "a key is text, not a list or a mapping")
                continue
            where = (*path, key.value)
            if key.value in found:
                first = self.lines[where]
                self._wrong(line, where, f"this key was written in line {first} already")
                continue
            self.lines[where] = line
            found[key.value] = self.value(child, where)
        return merged | found

    def _merge(self, node: yaml.Node, path: KeyPath) -> dict[str, Any]:
        """Read `<<: *other`; the first of several wins, as YAML has it."""
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for part in parts:
            if isinstance(part, yaml.MappingNode):
                apart = self._apart()
                merged = apart.value(part, path) | merged
                self._values = apart._values
            else:
                self._wrong(node.start_mark.line + 1, path, "<< takes a mapping, such as *other")
        return merged

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        word, text = node.tag.removeprefix(_STEM), str(node.value)
        if word == "null":
            return None
        if word == "bool":
            return text.lower() == "true"
        if word in ("int", "float"):
            with contextlib.suppress(ValueError):  # an explicit tag may stand before anything
                return int(text) if word == "int" else float(text)
        return text

    def _wrong(self, line: int, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(self._file.name, line, show_path(path), message))


def _not_yaml(path: Path, text: str, error: yaml.MarkedYAMLError) -> ConfigError:
    mark, begun = error.problem_mark or error.context_mark, error.context_mark
    lines = text.splitlines()
    line = min(mark.line + 1, len(lines)) if mark else 0
    message = f"this is not YAML: {error.problem}"
    if line and lines[line - 1].lstrip(" ").startswith("\t"):
        message = "this is not YAML: the line begins with a tab; indent with spaces"
    elif begun and error.context and begun.line + 1 != line:
        message += f", {error.context} from line {begun.line + 1} on"
    return fail(path, line, message)


def _code(character: Any) -> int:
    return ord(character) if isinstance(character, str) else int(character)
