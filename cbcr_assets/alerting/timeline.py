"""The timeline of a rehearsal: what happens when, in seconds on a virtual clock.

Belongs here: reading it, with exact errors. Does not belong here: playing it (see `simulation`).
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cbcr_assets.config.matchers import Matchers
from cbcr_assets.config.problems import Refused, load_yaml, validate
from cbcr_assets.config.values import LISTING, duration_s

_STRICT = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
_SEVERITIES = Literal["info", "warning", "critical"]


def _seconds(value: object) -> float:
    """Take seconds as a number, or a duration as in alerting.yaml."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < 0:
            raise Refused(f"{value} is negative: nothing happens before the beginning")
        return float(value)
    return duration_s(value)


def _words(value: object) -> object:
    """Take numbers as label values, too: they are text all the same."""
    if isinstance(value, dict):
        return {name: str(v) if isinstance(v, (int, float)) else v for name, v in value.items()}
    return value


Seconds = Annotated[float, BeforeValidator(_seconds)]
Labels = Annotated[dict[str, str], BeforeValidator(_words)]


class _Event(BaseModel):
    model_config = _STRICT
    t: Seconds


class Evaluate(_Event):
    """A verdict about the alert with these labels."""

    op: Literal["evaluate"]
    labels: Labels
    status: Literal["firing", "ok", "unknown"]
    severity: _SEVERITIES | None = None


class EvaluateMany(_Event):
    """Verdicts about `count` alerts, `spread` seconds from the first to the last."""

    op: Literal["evaluate_many"]
    labels: Labels
    status: Literal["firing", "ok", "unknown"]
    count: Annotated[int, Field(ge=1)]
    spread: Seconds = 0.0
    severity: _SEVERITIES | None = None


class Acknowledge(_Event):
    """Somebody takes care of what fires and matches."""

    op: Literal["acknowledge"]
    matchers: Matchers = ()
    by: str = ""
    timeout: Seconds | None = None


class SilenceEvent(_Event):
    """Nobody is told about what matches, for `duration` or until `until`."""

    op: Literal["silence"]
    id: str = ""
    matchers: Matchers
    duration: Seconds | None = None
    until: Seconds | None = None
    by: str = ""
    comment: str = ""


class ExpireSilence(_Event):
    """A silence ends: the one with this id or these matchers, else all."""

    op: Literal["expire_silence"]
    id: str = ""
    matchers: Matchers = ()


class ReceiverFault(_Event):
    """A receiver does not take messages until `until`."""

    op: Literal["receiver_fault"]
    receiver: str
    mode: Literal["refused", "429", "500"] | Literal[429, 500]
    until: Seconds = float("inf")
    retry_after: Seconds | None = None


class Crash(_Event):
    """The engine is killed; verdicts wait until it is started again."""

    op: Literal["crash"]


class Restart(_Event):
    """The engine is started again on what it had stored."""

    op: Literal["restart"]


class ClockJump(_Event):
    """Somebody moves the wall clock; no time passes."""

    op: Literal["clock_jump"]
    seconds: float


class Tick(_Event):
    """A tick besides those of the rhythm."""

    op: Literal["tick"]


Event = (
    Evaluate | EvaluateMany | Acknowledge | SilenceEvent | ExpireSilence | ReceiverFault | Crash
    | Restart | ClockJump | Tick
)  # fmt: skip


class Timeline(BaseModel):
    """What happens.

    Attributes:
        tick: Seconds between two ticks.
        horizon: When the rehearsal ends; the last event by default.
        events: What happens, in any order.
    """

    model_config = _STRICT
    tick: Annotated[Seconds, Field(gt=0)] = 10.0
    horizon: Seconds | None = None
    events: Annotated[tuple[Annotated[Event, Field(discriminator="op")], ...], LISTING] = ()


def load_timeline(path: Path) -> Timeline:
    """Load a timeline, YAML or JSON.

    Raises:
        ConfigError: With every problem.
    """
    return validate(Timeline, load_yaml(path))
