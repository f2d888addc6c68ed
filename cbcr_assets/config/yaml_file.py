"""Reading YAML with the line of every key.

Belongs here: from text to a `Document`; words as in YAML 1.2, so that `no`, `on`, `0123` and
`12:30` stay the text that was written.
Does not belong here: what a key means.
"""

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


def _loader() -> Any:
    # libyaml is ten times faster on a large inventory; without it PyYAML reads the same.
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("ConfigLoader", (base,), {"yaml_implicit_resolvers": {}})
    for name, (form, first) in _WORDS.items():
        loader.add_implicit_resolver(_STEM + name, form, first)
    return loader


_LOADER = _loader()


def load_yaml(path: Path) -> Document:
    """Read a YAML file with line marks; an empty one is an empty mapping.

    Raises:
        ConfigError: Missing, unreadable, no YAML, or keys written twice.
    """
    text = read_text(path)
    last_line = text.count("\n") + (not text.endswith("\n"))
    try:
        _refuse_depth(path, text)
        node = _LOADER(text).get_single_node()
        reading = _Reading(path)
        data = {} if node is None else reading.value(node, ())
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(path, error, last_line) from None
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
            raise fail(path, event.start_mark.line + 1, "it is nested too deep to be read")


class _Reading:
    """One pass over the nodes of a file."""

    def __init__(self, file: Path) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._file = file
        self._open: set[int] = set()
        self._values = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        """Return the value of a node and note the lines of what is in it."""
        self.lines.setdefault(path, node.start_mark.line + 1)
        self._values += 1
        if id(node) in self._open or self._values > _MOST_VALUES:
            message = "an alias (*) inside what it stands for, or far too many of them"
            raise fail(self._file, node.start_mark.line + 1, message)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._open.add(id(node))
        result = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else [
            self.value(child, (*path, index)) for index, child in enumerate(node.value)
        ]  # fmt: skip
        self._open.discard(id(node))
        return result

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
                # Lines of merged keys are those of the place that they are merged into.
                apart = _Reading(self._file)
                merged = apart.value(part, path) | merged
                self._values += apart._values
            else:
                self._wrong(node.start_mark.line + 1, path, "<< takes a mapping, such as *other")
        return merged

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        word = node.tag.removeprefix(_STEM)
        text: str = node.value
        if word == "null":
            return None
        if word == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if word in ("int", "float"):
            try:
                return int(text) if word == "int" else float(text)
            except ValueError:
                word = "?"
        if word not in ("str", "merge"):
            line = node.start_mark.line + 1
            self._wrong(line, path, f"the tag {node.tag.replace(_STEM, '!!')} is not used here")
        return text

    def _wrong(self, line: int, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(self._file.name, line, show_path(path), message))


def _not_yaml(path: Path, error: yaml.MarkedYAMLError, last_line: int) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    line = min(mark.line + 1, last_line) if mark else 0
    begun = error.context_mark
    begin = f", {error.context} from line {begun.line + 1} on" if begun and error.context else ""
    return fail(path, line, f"this is not YAML: {error.problem}{begin}")


def _code(character: Any) -> int:
    return ord(character) if isinstance(character, str) else int(character)
