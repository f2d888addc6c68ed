"""alerting.yaml: who is told about what. The words mean what they mean in Alertmanager.

Belongs here: the model of that file and its checks. Does not belong here: deciding or delivering.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cbcr_assets.config.problems import (
    ConfigError,
    Document,
    KeyPath,
    Problem,
    closest,
    load_yaml,
    validate,
)
from cbcr_assets.config.values import Name, PositiveSeconds, Secret

_STRICT = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
_MATCHER = re.compile(r'\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*')


@dataclass(frozen=True)
class Matcher:
    """One condition on a label; a missing label is empty, as in Alertmanager.

    Attributes:
        label: Label name.
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
            return (actual == self.value) == (self.operator == "=")
        return (re.fullmatch(self.value, actual) is not None) == (self.operator == "=~")


def read_matcher(value: Any) -> Matcher:
    """Read `label="value"`.

    Raises:
        ValueError: It is no matcher; the message shows the form.
    """
    found = _MATCHER.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no matcher; write 'team=\"payments\"' with =, !=, =~ or !~")
    label, operator, text = found.groups()
    text = re.sub(r'\\(["\\])', r"\1", text)
    if "~" in operator:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"{text!r} is no regular expression: {error}") from None
    return Matcher(label, operator, text)


class Route(BaseModel):
    """One node of the route tree.

    Attributes:
        receiver: Who is told; inherited when absent.
        matchers: All must match.
        keep_going: `continue`: siblings after this one are tried, too.
        routes: Children; the first that matches wins.
    """

    model_config = _STRICT
    receiver: str | None = None
    matchers: tuple[Annotated[Matcher, BeforeValidator(read_matcher)], ...] = ()
    keep_going: bool = Field(default=False, alias="continue")
    routes: tuple["Route", ...] = ()


class _Receiver(BaseModel):
    model_config = _STRICT
    name: Name
    send_resolved: bool = True


class SlackReceiver(_Receiver):
    """Slack's Web API."""

    type: Literal["slack"]
    token: Secret
    channel: Annotated[str, Field(min_length=1)]
    base_url: str = "https://slack.com/api/"


class SlackWebhookReceiver(_Receiver):
    """A Slack incoming webhook."""

    type: Literal["slack_webhook"]
    url: Secret


class WebhookReceiver(_Receiver):
    """Any HTTP endpoint that takes JSON."""

    type: Literal["webhook"]
    url: str
    bearer: Secret | None = None
    timeout: PositiveSeconds = 5.0


class FileReceiver(_Receiver):
    """A file of JSON lines."""

    type: Literal["file"]
    path: Path


class ConsoleReceiver(_Receiver):
    """Standard error of the process that delivers."""

    type: Literal["console"]


Receiver = Annotated[
    SlackReceiver | SlackWebhookReceiver | WebhookReceiver | FileReceiver | ConsoleReceiver,
    Field(discriminator="type"),
]


class Policy(BaseModel):
    """The whole policy.

    Attributes:
        route: Root of the route tree; it takes whatever no child takes.
        receivers: Everybody who can be told.
        fallback: Who is told when a receiver refuses for good.
    """

    model_config = _STRICT
    route: Route
    receivers: Annotated[tuple[Receiver, ...], Field(min_length=1)]
    fallback: str | None = None

    def receiver(self, name: str) -> Receiver | None:
        """Return the receiver called `name`."""
        return next((r for r in self.receivers if r.name == name), None)

    def receivers_of(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Return who is told about an alert with these labels, in the order of the tree."""
        return tuple(dict.fromkeys(_walk(self.route, self.route.receiver, labels)))


def _walk(node: Route, inherited: str | None, labels: Mapping[str, str]) -> Iterator[str]:
    receiver = node.receiver or inherited
    matched = False
    for child in node.routes:
        if all(matcher.matches(labels) for matcher in child.matchers):
            matched = True
            yield from _walk(child, receiver, labels)
            if not child.keep_going:
                break
    if not matched and receiver is not None:
        yield receiver


def load_policy(path: Path, *, environ: Mapping[str, str]) -> Policy:
    """Load alerting.yaml.

    Args:
        path: The file.
        environ: Where secret references must be found; nothing of it is kept.

    Raises:
        ConfigError: With every problem.
    """
    document = load_yaml(path)
    policy = validate(Policy, document)
    problems = [*_names(document, policy), *_secrets(document, policy, environ)]
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: problem.line))
    receivers = tuple(_anchored(receiver, path) for receiver in policy.receivers)
    return policy.model_copy(update={"receivers": receivers})


def _anchored(receiver: Receiver, path: Path) -> Receiver:
    if isinstance(receiver, FileReceiver):
        return receiver.model_copy(update={"path": path.absolute().parent / receiver.path})
    return receiver


def _names(document: Document, policy: Policy) -> Iterator[Problem]:
    names = [receiver.name for receiver in policy.receivers]
    for index, name in enumerate(names):
        if name in names[:index]:
            where: KeyPath = ("receivers", index, "name")
            yield document.problem(where, f"receiver {name!r} is defined twice")
    if policy.route.receiver is None:
        yield document.problem(("route",), "the root route needs a receiver, or alerts are lost")
    if policy.route.matchers:
        yield document.problem(("route", "matchers"), "the root route takes everything")
    for path, route in _routes(policy.route, ("route",)):
        if route.receiver is not None and route.receiver not in names:
            message = f"unknown receiver {route.receiver!r}"
            yield document.problem((*path, "receiver"), message, closest(route.receiver, names))
    if policy.fallback is not None and policy.fallback not in names:
        message = f"unknown receiver {policy.fallback!r}"
        yield document.problem(("fallback",), message, closest(policy.fallback, names))


def _routes(route: Route, path: KeyPath) -> Iterator[tuple[KeyPath, Route]]:
    yield path, route
    for index, child in enumerate(route.routes):
        yield from _routes(child, (*path, "routes", index))


def _secrets(document: Document, policy: Policy, environ: Mapping[str, str]) -> Iterator[Problem]:
    for index, receiver in enumerate(policy.receivers):
        for field in ("token", "url", "bearer"):
            secret = getattr(receiver, field, None)
            if hasattr(secret, "resolve"):
                try:
                    secret.resolve(environ)
                except ValueError as error:
                    yield document.problem(("receivers", index, field), str(error))
