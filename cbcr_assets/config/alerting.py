"""alerting.yaml: who is told about what. The words mean what they mean in Alertmanager.

Belongs here: the model of that file and its checks.
Does not belong here: kinds of receivers (see `receivers`), routing an alert (see
`cbcr_assets.alerting.route`), sending.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cbcr_assets.config.alerting_checks import check_names, check_routes
from cbcr_assets.config.matchers import Matcher, read_matcher
from cbcr_assets.config.problems import ConfigError, load_yaml, validate
from cbcr_assets.config.receivers import FileReceiver, Receiver, UrlOrSecret
from cbcr_assets.config.routing import (
    Duration,
    Escalation,
    Flapping,
    InhibitRule,
    Maintenance,
    PositiveDuration,
    Route,
    RuleSettings,
)
from cbcr_assets.config.time_intervals import NamedInterval
from cbcr_assets.config.values import LISTING, SECTION, SecretRef

__all__ = ["Heartbeat", "Matcher", "Policy", "PolicyFile", "Route", "load_policy", "read_matcher"]

_STRICT = ConfigDict(
    extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=True
)
# Nobody repeats these: they speak when something happens, and silence is no news.
_SPEAK_ON_CHANGE = frozenset(
    {
        "data_check", "run_failed", "sensor_failed", "evaluator_silent", "alert_tick_silent",
        "drill_requested",
    }
)  # fmt: skip


class Heartbeat(BaseModel):
    """Somebody outside who notices when CBCR's ticks stop.

    Attributes:
        url: Is called with every tick that is due; its silence is the alarm.
        every_s: How often.
    """

    model_config = _STRICT
    url: UrlOrSecret
    every_s: PositiveDuration = Field(default=60.0, alias="every")


def _named(value: Any) -> Any:
    """Take `{name: {...}}` for the list `[{name: name, ...}]`."""
    if isinstance(value, Mapping):
        return [{"name": name, **(rest or {})} for name, rest in value.items()]
    return value


class PolicyFile(BaseModel):
    """The keys of alerting.yaml."""

    model_config = _STRICT
    route: Route
    receivers: Annotated[
        tuple[Annotated[Receiver, Field(discriminator="type")], ...], Field(min_length=1)
    ]
    inhibit_rules: Annotated[tuple[InhibitRule, ...], LISTING] = ()
    time_intervals: Annotated[tuple[NamedInterval, ...], LISTING] = ()
    escalations: Annotated[tuple[Escalation, ...], BeforeValidator(_named), LISTING] = ()
    rules: Annotated[dict[str, RuleSettings], SECTION] = Field(default_factory=dict)
    stale_after_s: Duration = Field(default=3600.0, alias="stale_after")
    flapping: Flapping | None = None
    maintenance: Annotated[tuple[Maintenance, ...], LISTING] = ()
    heartbeat: Heartbeat | None = None
    fallback: str | None = None


@dataclass(frozen=True)
class Policy:
    """The loaded alerting.yaml.

    Attributes:
        route: Root of the route tree; it takes whatever no child takes.
        receivers: Everybody who can be told, by name.
        fallback: Who is told what a receiver refused for good.
        environ: Where references to secrets lead; each is followed when a message is sent.
        inhibit_rules: What keeps what quiet.
        time_intervals: Intervals by name.
        escalations: Chains by name.
        rules: What is special, by rule.
        stale_after_s: Without a verdict for this long an alert is stale; zero: never.
        flapping: When an alert flaps, unless its rule says otherwise; None: never.
        maintenance: Planned times in which nobody is told.
        heartbeat: Who notices when ticks stop.
    """

    route: Route
    receivers: Mapping[str, Receiver]
    fallback: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    inhibit_rules: tuple[InhibitRule, ...] = ()
    time_intervals: Mapping[str, NamedInterval] = field(default_factory=dict)
    escalations: Mapping[str, Escalation] = field(default_factory=dict)
    rules: Mapping[str, RuleSettings] = field(default_factory=dict)
    stale_after_s: float = 3600.0
    flapping: Flapping | None = None
    maintenance: tuple[Maintenance, ...] = ()
    heartbeat: Heartbeat | None = None

    def for_s(self, rule: str) -> float:
        """Return how long an alert of a rule must last before it fires, seconds."""
        settings = self.rules.get(rule)
        return settings.for_s if settings else 0.0

    def stale_after(self, rule: str) -> float:
        """Return after which silence an alert of a rule is stale, seconds; zero: never."""
        settings = self.rules.get(rule)
        if settings is not None and settings.stale_after_s is not None:
            return settings.stale_after_s
        return 0.0 if rule in _SPEAK_ON_CHANGE else self.stale_after_s

    def flapping_of(self, rule: str) -> Flapping | None:
        """Return when an alert of a rule flaps."""
        settings = self.rules.get(rule)
        return settings.flapping if settings and settings.flapping else self.flapping

    def missing_secrets(self) -> tuple[str, ...]:
        """Return one sentence for each reference that leads nowhere; never a secret."""
        named = [
            (f"receiver {name}: {key}", v) for name, r in self.receivers.items() for key, v in r
        ]
        if self.heartbeat is not None:
            named.append(("heartbeat: url", self.heartbeat.url))
        missing = []
        for where, value in named:
            if isinstance(value, SecretRef):
                try:
                    value.resolve(self.environ)
                except ValueError as error:
                    missing.append(f"{where}: {error}")
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
    model = validate(PolicyFile, document)
    problems = [*check_names(document, model), *check_routes(document, model)]
    if problems:
        raise ConfigError(problems)
    folder = path.absolute().parent
    return Policy(
        route=model.route,
        receivers={r.name: _anchored(r, folder) for r in model.receivers},
        fallback=model.fallback,
        environ=environ,
        inhibit_rules=model.inhibit_rules,
        time_intervals={interval.name: interval for interval in model.time_intervals},
        escalations={chain.name: chain for chain in model.escalations},
        rules=model.rules,
        stale_after_s=model.stale_after_s,
        flapping=model.flapping,
        maintenance=model.maintenance,
        heartbeat=model.heartbeat,
    )


def _anchored(receiver: Receiver, folder: Path) -> Receiver:
    if isinstance(receiver, FileReceiver):
        return receiver.model_copy(update={"path": folder / receiver.path})
    return receiver
