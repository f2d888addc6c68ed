"""The health model: what each kind of component is judged by, with weights and thresholds.

Belongs here: the model of health.yaml (the one beside this module, and a user's own over it).
Does not belong here: the formula (dbt_project/macros/health.sql), or how a signal is measured
(the models `int_health_*`).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cbcr_assets.config.problems import Document, Problem, Refused, closest, load_yaml, validate

DEFAULT_FILE = Path(__file__).with_name("health.yaml")

Kind = Literal[
    "instance", "worker_pool", "queue", "storage_volume", "network_link", "repository", "source",
    "cbcr",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)
Tier = Literal[1, 2, 3]

_STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
_Weight = Annotated[float, Field(gt=0, le=1000)]


class Signal(BaseModel):
    """One thing that is measured of a component.

    Attributes:
        vital: Without a current value the component is unknown; at `dead` it is all but dead.
        weight: What is missing of the coverage when it is missing.
        unit: Unit of the value and the thresholds.
        ok: Up to here nothing is deducted.
        warn: 20 are deducted here.
        crit: 50 are deducted here.
        dead: 100 are deducted from here on.
        most: What is deducted at most.
        action: What a person does about it.
    """

    model_config = _STRICT
    vital: bool = False
    weight: _Weight = 1.0
    unit: Annotated[str, Field(min_length=1)]
    ok: float
    warn: float
    crit: float
    dead: float
    most: Annotated[float, Field(gt=0, le=100)] = 100.0
    action: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _is_a_ladder(self) -> Self:
        steps = (self.ok, self.warn, self.crit, self.dead)
        rising = all(a < b for a, b in pairwise(steps))
        falling = all(a > b for a, b in pairwise(steps))
        if not rising and not falling:
            said = ", ".join(f"{step:g}" for step in steps)
            raise Refused(
                f"ok, warn, crit and dead must rise, or fall, from each to the next, not {said}"
            )
        return self


class _Kind(BaseModel):
    model_config = _STRICT
    tier: Tier
    signals: Annotated[dict[str, Signal], Field(min_length=1)]


class _File(BaseModel):
    model_config = _STRICT
    tier_weights: dict[Literal["1", "2", "3"], _Weight]
    instance: _Kind
    worker_pool: _Kind
    queue: _Kind
    storage_volume: _Kind
    network_link: _Kind
    repository: _Kind
    source: _Kind
    cbcr: _Kind


@dataclass(frozen=True)
class HealthModel:
    """Weights and thresholds in force.

    Attributes:
        tier_weights: Weight of a component in the fleet's mean, by tier.
        tiers: Tier of components that no instance is known to depend on, by kind.
        signals: By kind and name.
    """

    tier_weights: Mapping[int, float]
    tiers: Mapping[str, int]
    signals: Mapping[str, Mapping[str, Signal]]

    @property
    def version(self) -> str:
        """A name that changes with any number of the model; history keeps it with each score."""
        return hashlib.sha256(self._content().encode()).hexdigest()[:8]

    def as_json(self) -> str:
        """Return what the models read: version, weights by tier and one entry a signal."""
        return json.dumps({"version": self.version, **json.loads(self._content())})

    def _content(self) -> str:
        signals = [
            {"kind": kind, "signal": name, "kind_tier": self.tiers[kind], **signal.model_dump()}
            for kind, named in self.signals.items()
            for name, signal in named.items()
        ]
        weights = {str(tier): weight for tier, weight in self.tier_weights.items()}
        return json.dumps({"tier_weights": weights, "signals": signals}, sort_keys=True)


def load_health(path: Path | None = None, *, content: Path | None = None) -> HealthModel:
    """Load the health model.

    Args:
        path: A user's own file, which says what differs; None: the model that CBCR brings.
        content: A copy to read in its stead.

    Raises:
        ConfigError: With every problem, at its line of the user's file.
    """
    document = load_yaml(DEFAULT_FILE)
    checks = []
    if path is not None:
        known, own = document.data, load_yaml(path, content=content)
        document = replace(own, data=_measured(_over(known, own.data), known))
        checks.append(lambda _: _unknown_signals(own, known))
    model = validate(_File, document, *checks)
    kinds: dict[str, _Kind] = {kind: getattr(model, kind) for kind in KINDS}
    return HealthModel(
        {int(tier): weight for tier, weight in model.tier_weights.items()},
        {name: kind.tier for name, kind in kinds.items()},
        {name: kind.signals for name, kind in kinds.items()},
    )


def _over(known: Any, own: Any) -> Any:
    """Lay what a user wrote over what is known, key by key."""
    if not isinstance(known, dict) or not isinstance(own, dict):
        return known if own is None else own
    merged = {key: _over(value, own.get(key)) for key, value in known.items()}
    return merged | {key: value for key, value in own.items() if key not in known}


def _measured(merged: Any, known: Any) -> Any:
    """Leave out signals that nothing measures: one sentence about each is enough."""
    if not isinstance(merged, dict):
        return merged
    for kind in known:
        signals = merged[kind].get("signals") if isinstance(merged.get(kind), dict) else None
        if isinstance(signals, dict) and kind in KINDS:
            kept = {name: it for name, it in signals.items() if name in known[kind]["signals"]}
            merged = merged | {kind: merged[kind] | {"signals": kept}}
    return merged


def _unknown_signals(own: Document, known: Any) -> Iterator[Problem]:
    """Find signals that nothing measures: they would never have a value."""
    for path, _ in own.find(..., "signals", ...):
        kind, _, name = path
        measured = known[kind]["signals"] if kind in KINDS else {}
        if kind in KINDS and name not in measured:
            listed = ", ".join(measured)
            message = f"nothing measures this signal; those of {kind} are: {listed}"
            yield own.problem(path, message, closest(str(name), list(measured)))
