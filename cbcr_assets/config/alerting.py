"""alerting.yaml: who is told about what. The words mean what they mean in Alertmanager.

Belongs here: the model of that file and its checks.
Does not belong here: kinds of receivers (see `receivers`), routing an alert (see
`cbcr_assets.alerting.route`), sending.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cbcr_assets.config.problems import (
    ConfigError,
    Document,
    KeyPath,
    Problem,
    Refused,
    closest,
    load_yaml,
    validate,
)
from cbcr_assets.config.receivers import FileReceiver, Receiver
from cbcr_assets.config.values import LISTING, SecretRef

_STRICT = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
_MATCHER = re.compile(
    r"\s*(?P<label>[A-Za-z_]\w*)\s*(?P<operator>=~|!~|!=|=)\s*"
    r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^"{},\s]*))\s*'
)


@dataclass(frozen=True)
class Matcher:
    """One condition on a label; a missing label is an empty one.

    Attributes:
        label: Name of the label.
        operator: `=`, `!=`, `=~` or `!~`.
        value: Value, or a regular expression that must match the whole label.
    """

    label: str
    operator: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether these labels meet the condition."""
        actual = labels.get(self.label, "")
        if self.operator in ("=", "!="):
            return (actual == self.value) is (self.operator == "=")
        found = re.fullmatch(self.value, actual, re.DOTALL) is not None
        return found is (self.operator == "=~")


def read_matcher(value: Any) -> Matcher:
    """Read `label="value"`.

    Raises:
        Refused: It is no matcher; the message shows the form.
    """
    if isinstance(value, Matcher):
        return value
    found = _MATCHER.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Refused(
            f"{value!r} is no matcher; write 'team=\"payments\"' with one of =, !=, =~, !~"
        )
    quoted = found["quoted"]
    text = found["bare"] if quoted is None else re.sub(r'\\(["\\])', r"\1", quoted)
    if "~" in found["operator"]:
        try:
            re.compile(text)
        except re.error as error:
            raise Refused(f"{text!r} is no regular expression: {error}") from None
    return Matcher(found["label"], found["operator"], text)


class Route(BaseModel):
    """A node of the route tree.

    Attributes:
        receiver: Who is told; without one, the parent's.
        matchers: Every one must match.
        goes_on: `continue`: siblings after this one are tried, too.
        routes: Children; the first that matches wins.
    """

    model_config = _STRICT
    receiver: str | None = None
    matchers: Annotated[tuple[Annotated[Matcher, BeforeValidator(read_matcher)], ...], LISTING] = ()
    goes_on: bool = Field(default=False, alias="continue")
    routes: Annotated[tuple["Route", ...], LISTING] = ()


class _File(BaseModel):
    model_config = _STRICT
    route: Route
    receivers: Annotated[
        tuple[Annotated[Receiver, Field(discriminator="type")], ...], Field(min_length=1)
    ]
    fallback: str | None = None


@dataclass(frozen=True)
class Policy:
    """The loaded alerting.yaml.

    Attributes:
        route: Root of the route tree; it takes whatever no child takes.
        receivers: Everybody who can be told, by name.
        fallback: Who is told what a receiver refused for good.
        environ: Where references to secrets lead; each is followed when a message is sent.
    """

    route: Route
    receivers: Mapping[str, Receiver]
    fallback: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def missing_secrets(self) -> tuple[str, ...]:
        """Return one sentence for each reference that leads nowhere; never a secret."""
        missing = []
        for receiver in self.receivers.values():
            for key, value in receiver:
                if isinstance(value, SecretRef):
                    try:
                        value.resolve(self.environ)
                    except ValueError as error:
                        missing.append(f"receiver {receiver.name}: {key}: {error}")
        return tuple(missing)


def load_policy(path: Path, *, environ: Mapping[str, str], content: Path | None = None) -> Policy:
    """Load alerting.yaml.

    A secret that is not there is no error of the file: the other receivers must still be told.
    Its receiver's messages wait, and `Policy.missing_secrets` says so.

    Args:
        path: The file; relative paths in it start at its folder.
        content: A copy to read in its stead.
        environ: Where references to secrets lead.

    Raises:
        ConfigError: With every problem.
    """
    document = load_yaml(path, content=content)
    model = validate(_File, document)
    problems = [*_check_names(document, model), *_check_routes(document, model)]
    if problems:
        raise ConfigError(problems)
    folder = path.absolute().parent
    receivers = {r.name: _anchored(r, folder) for r in model.receivers}
    return Policy(model.route, receivers, model.fallback, environ)


def _anchored(receiver: Receiver, folder: Path) -> Receiver:
    if isinstance(receiver, FileReceiver):
        return receiver.model_copy(update={"path": folder / receiver.path})
    return receiver


def _check_names(document: Document, model: _File) -> Iterator[Problem]:
    names = [receiver.name for receiver in model.receivers]
    for index, name in enumerate(names):
        if name in names[:index]:
            where: KeyPath = ("receivers", index, "name")
            first = document.line(("receivers", names.index(name), "name"))
            message = f"receiver {name!r} is defined twice, first in line {first}"
            yield document.problem(where, message)
    if model.fallback is not None and model.fallback not in names:
        message = f"unknown receiver {model.fallback!r}"
        yield document.problem(("fallback",), message, closest(model.fallback, names))


def _check_routes(document: Document, model: _File) -> Iterator[Problem]:
    names = [receiver.name for receiver in model.receivers]
    root: KeyPath = ("route",)
    if model.route.receiver is None:
        yield document.problem(root, "the root route needs a receiver, or alerts could be dropped")
    if model.route.matchers:
        yield document.problem((*root, "matchers"), "the root route takes everything")
    if model.route.goes_on:
        yield document.problem((*root, "continue"), "the root route has no siblings")
    for path, route in _walk(model.route, root):
        if route.receiver is not None and route.receiver not in names:
            message = f"unknown receiver {route.receiver!r}"
            where = (*path, "receiver")
            yield document.problem(where, message, closest(route.receiver, names))


def _walk(route: Route, path: KeyPath) -> Iterator[tuple[KeyPath, Route]]:
    yield path, route
    for index, child in enumerate(route.routes):
        yield from _walk(child, (*path, "routes", index))
