"""The front door for models of configuration files: load, validate, and tell what is wrong.

Belongs here: turning pydantic's errors into problems in plain words, at the right line.
Does not belong here: what a configuration means (see the models beside this file).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from cbcr_assets.config.document import (
    ConfigError,
    Document,
    KeyPath,
    Problem,
    Refused,
    children,
    closest,
    shown,
)
from cbcr_assets.config.yaml_file import load_yaml

__all__ = [
    "ConfigError",
    "Document",
    "KeyPath",
    "Problem",
    "Refused",
    "closest",
    "load_yaml",
    "shown",
    "validate",
]

Model = TypeVar("Model", bound=BaseModel)
Check = Callable[[Document], Iterable[Problem]]

_FEW = 16
_EXPECTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "path": "a path",
    "dict": "a mapping of keys to values",
    "mapping": "a mapping of keys to values",
    "model": "a mapping of keys to values",
    "list": "a list",
    "tuple": "a list",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def validate(model: type[Model], document: Document, *checks: Check) -> Model:
    """Validate a document's data.

    Args:
        model: What the data must fit.
        document: The file. Validators find its folder as `root` in their context.
        checks: More rules, such as references. They look at the raw data, so what they find is
            told together with what the model finds.

    Raises:
        ConfigError: With every problem.
    """
    if not isinstance(document.data, dict):
        message = f"expected a mapping of keys to values, not {shown(document.data)}"
        raise ConfigError([document.problem((), message)])
    problems = [problem for check in checks for problem in check(document)]
    try:
        context = {"root": document.file.absolute().parent}
        instance = model.model_validate(document.data, context=context)
    except ValidationError as error:
        items = (item for item in error.errors(include_url=False) if not _is_echo(item))
        problems += [_problem(document, model, item) for item in items]
    if problems:
        raise ConfigError(problems)
    return instance


def _is_echo(item: Any) -> bool:
    """Tell whether this only repeats other errors: a list of wrong items counts as too short."""
    given = item.get("input")
    return item["type"] == "too_short" and isinstance(given, (list, dict)) and len(given) > 0


def _problem(document: Document, model: type[BaseModel], item: Any) -> Problem:
    location: Sequence[str | int] = item["loc"]
    path = _path(document.data, location)
    if path[-1:] != (location[-1],) and location[-1] in _keys_at(model, location[:-1]):
        path = (*path, location[-1])  # a default that does not go with what is written
    kind, given = item["type"], item.get("input")
    context = item.get("ctx") or {}
    if kind == "extra_forbidden":
        key, known = str(location[-1]), _keys_at(model, location[:-1])
        near = closest(key, known)
        listed = f"; known here: {', '.join(known)}" if not near and len(known) <= _FEW else ""
        return document.problem(path, f"unknown key{listed}", near)
    if kind == "missing":
        return document.problem(path, "this key is required")
    if kind == "union_tag_not_found":
        key = str(context["discriminator"]).strip("'")
        return document.problem((*path, key), "this key is required")
    if kind in {"literal_error", "enum", "union_tag_invalid"}:
        return _not_one_of(document, path, kind, given, context)
    reason = context.get("error")
    if isinstance(reason, Refused):
        return document.problem(path, str(reason), reason.suggestion)
    return document.problem(path, _words(kind, item["msg"], given, context))


def _not_one_of(
    document: Document, path: KeyPath, kind: str, given: Any, context: dict[str, Any]
) -> Problem:
    expected = str(context.get("expected") or context.get("expected_tags") or "")
    known = [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]
    if kind == "union_tag_invalid":
        given = context["tag"]
        path = (*path, str(context["discriminator"]).strip("'"))
    near = closest(given, known) if isinstance(given, str) else None
    return document.problem(path, f"{shown(given)} is not one of {', '.join(known)}", near)


def _words(kind: str, message: str, given: Any, context: dict[str, Any]) -> str:
    """Say in plain words what pydantic found."""
    expected = _EXPECTED.get(kind.split("_")[0])
    if expected is not None and kind.endswith(("_type", "_parsing", "_from_float")):
        quote = isinstance(given, (bool, int, float)) and expected == "text"
        hint = f"; put it in quotes: '{_plain(given)}'" if quote else ""
        return f"expected {expected}, not {shown(given)}{hint}"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"must be {words} {context[key]}, not {given}"
    if kind in {"too_short", "string_too_short"} and context.get("min_length") == 1:
        return "must not be empty"
    message = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message[:1].lower() + message[1:]


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _path(data: Any, location: Sequence[str | int]) -> KeyPath:
    """Leave out what pydantic adds to a location: union tags and names of validators."""
    path: list[str | int] = []
    for part in location:
        below = dict(children(data))
        if part in below:
            data = below[part]
            path.append(part)
    return tuple(path)


def _keys_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Return the keys that may be written at a location of a model."""
    here: list[Any] = [model]
    for part in location:
        leaves = [leaf for annotation in here for leaf in _leaves(annotation)]
        below = [step for leaf in leaves for step in _below(leaf, part)]
        # What leads nowhere is the tag of a union: it tells which member is meant.
        here = below or [leaf for leaf in leaves if _has_tag(leaf, part)] or leaves
    models = [leaf for annotation in here for leaf in _leaves(annotation) if _is_model(leaf)]
    keys = {field.alias or name for m in models for name, field in m.model_fields.items()}
    return sorted(keys)


def _leaves(annotation: Any) -> Iterator[Any]:
    """Take `Annotated` and unions apart."""
    if get_origin(annotation) is Annotated:
        yield from _leaves(get_args(annotation)[0])
    elif get_origin(annotation) in (dict, list, tuple) or not get_args(annotation):
        yield annotation
    else:
        for member in get_args(annotation):
            yield from _leaves(member)


def _below(leaf: Any, part: str | int) -> Iterator[Any]:
    if _is_model(leaf):
        for name, field in leaf.model_fields.items():
            if part in (name, field.alias):
                yield field.annotation
    elif get_origin(leaf) is dict:
        yield get_args(leaf)[1]
    elif get_origin(leaf) in (list, tuple) and isinstance(part, int):
        yield from (member for member in get_args(leaf) if member is not ...)


def _has_tag(leaf: Any, tag: str | int) -> bool:
    fields = leaf.model_fields.values() if _is_model(leaf) else ()
    return any(
        get_origin(f.annotation) is Literal and tag in get_args(f.annotation) for f in fields
    )


def _is_model(leaf: Any) -> bool:
    return isinstance(leaf, type) and issubclass(leaf, BaseModel)
