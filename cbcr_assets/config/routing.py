"""The parts of alerting.yaml that say who is told, when, and who next.

Belongs here: routes, inhibition, escalation, flapping, maintenance, limits as they are written.
Does not belong here: the file as a whole (see `alerting`), kinds of receivers, what is done.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cbcr_assets.config.matchers import Matchers
from cbcr_assets.config.problems import Refused
from cbcr_assets.config.values import LISTING, Moment, Name, duration_s, positive_duration_s

_STRICT = ConfigDict(
    extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=True
)


def _not_negative(value: Any) -> Any:
    if isinstance(value, str) and value.strip().startswith("-"):
        raise Refused(f"{value!r} is negative", suggestion=value.strip().lstrip("-") or None)
    return value


def _seconds(value: Any) -> float:
    return duration_s(_not_negative(value))


def _positive_seconds(value: Any) -> float:
    return positive_duration_s(_not_negative(value))


Duration = Annotated[float, BeforeValidator(_seconds, json_schema_input_type=str)]
PositiveDuration = Annotated[float, BeforeValidator(_positive_seconds, json_schema_input_type=str)]
Names = Annotated[tuple[str, ...], LISTING]


class Route(BaseModel):
    """A node of the route tree; what it leaves out, it has from its parent.

    Attributes:
        receiver: Who is told.
        matchers: Every one must match.
        goes_on: `continue`: siblings after this one are tried, too.
        group_by: Labels that make a group; `...` stands for all of them.
        group_wait_s: How long a new group waits for more.
        group_interval_s: Time between two flushes of a group; zero: with every tick.
        repeat_interval_s: When what still fires is said again; zero: never.
        mute_time_intervals: Names of the intervals in which nobody is told.
        active_time_intervals: Names of the only intervals in which somebody is told.
        escalation: Name of the chain of those who are told next.
        routes: Children; the first that matches wins.
    """

    model_config = _STRICT
    receiver: str | None = None
    matchers: Matchers = ()
    goes_on: bool = Field(default=False, alias="continue")
    group_by: tuple[str, ...] | None = None
    group_wait_s: Duration | None = Field(default=None, alias="group_wait")
    group_interval_s: Duration | None = Field(default=None, alias="group_interval")
    repeat_interval_s: Duration | None = Field(default=None, alias="repeat_interval")
    mute_time_intervals: Names = ()
    active_time_intervals: Names = ()
    escalation: str | None = None
    routes: Annotated[tuple["Route", ...], LISTING] = ()


class InhibitRule(BaseModel):
    """What fires at the source keeps the target quiet.

    Attributes:
        name: For people.
        source_matchers: What inhibits.
        target_matchers: What is inhibited.
        equal: Labels that must be the same on both; a missing one is an empty one.
    """

    model_config = _STRICT
    name: str = ""
    source_matchers: Matchers = ()
    target_matchers: Matchers = ()
    equal: Names = ()


class Step(BaseModel):
    """Somebody who is told when an episode has fired `after` without being acknowledged."""

    model_config = _STRICT
    after_s: Duration = Field(alias="after")
    receiver: str


class Escalation(BaseModel):
    """A chain of those who are told next.

    Attributes:
        name: Its name in routes.
        steps: The chain, each step later than the one before.
        ack_timeout_s: When an acknowledgement lapses and the chain goes on where it stood.
    """

    model_config = _STRICT
    name: Name
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    ack_timeout_s: PositiveDuration | None = Field(default=None, alias="ack_timeout")


class Flapping(BaseModel):
    """An alert that changes often is not over before it was quiet.

    Attributes:
        transitions: This many changes between ok and not ok ...
        window_s: ... within this time are flapping.
        quiet_s: Its end is told after it was ok for this long.
    """

    model_config = _STRICT
    transitions: Annotated[int, Field(ge=2)] = 4
    window_s: PositiveDuration = Field(default=1800.0, alias="window")
    quiet_s: PositiveDuration = Field(default=900.0, alias="quiet")


class RuleSettings(BaseModel):
    """What is special about the alerts of one rule.

    Attributes:
        for_s: An alert must last this long before it fires.
        stale_after_s: Without a verdict for this long it is stale; zero: never.
        flapping: Instead of the policy's.
    """

    model_config = _STRICT
    for_s: Duration = Field(default=0.0, alias="for")
    stale_after_s: Duration | None = Field(default=None, alias="stale_after")
    flapping: Flapping | None = None


class Maintenance(BaseModel):
    """A planned time in which alerts are recorded and nobody is told.

    Attributes:
        name: For people.
        matchers: What it is about.
        start: Its beginning, naive UTC; None: since ever.
        end: Its end, naive UTC; None: for ever.
        time_intervals: Names of intervals in which it holds.
        comment: Why.
    """

    model_config = _STRICT
    name: str = ""
    matchers: Matchers = ()
    start: Moment | None = None
    end: Moment | None = None
    time_intervals: Names = ()
    comment: str = ""

    def lasts(self, moment: datetime) -> bool:
        """Tell whether a naive UTC moment lies between its start and its end."""
        began = self.start is None or self.start <= moment
        return began and (self.end is None or moment < self.end)


class Storm(BaseModel):
    """More than `max_groups` groups within `window` become one digest."""

    model_config = _STRICT
    max_groups: Annotated[int, Field(ge=1)]
    window_s: PositiveDuration = Field(alias="window")


class RateLimit(BaseModel):
    """At most `count` messages in `per`; the most severe go first."""

    model_config = _STRICT
    count: Annotated[int, Field(ge=1)]
    per_s: PositiveDuration = Field(alias="per")


class Limited(BaseModel):
    """What every receiver may have: limits against storms."""

    storm: Storm | None = None
    rate_limit: RateLimit | None = None
