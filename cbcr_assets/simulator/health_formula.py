"""The formula of component health in plain Python, as docs/definitions.md writes it.

Belongs here: arithmetic over measured values, apart from the SQL that it is compared with.
Does not belong here: weights and thresholds (`cbcr_assets.config.health`), how values are measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cbcr_assets.config.health import Signal

_HEALTHY, _DEGRADED, _POOR = 90.0, 70.0, 40.0
UNKNOWN_COUNTS = 40.0
"""What a component of unknown score counts as in a mean."""


@dataclass(frozen=True)
class Health:
    """What the formula says of one component.

    Attributes:
        score: 0 to 100; None: unknown.
        state: healthy, degraded, poor, critical, unknown.
        coverage: Weight of what has a current value, of all.
        deductions: By signal, with `floor`, `vital_gate` and `coverage`; their sum is 100 - score.
    """

    score: float | None
    state: str
    coverage: float
    deductions: Mapping[str, float]


def ladder(signal: Signal, value: float) -> float:
    """Return what a value alone would deduct: 0, 20, 50 and 100 at the steps, lines between."""
    steps = [signal.ok, signal.warn, signal.crit, signal.dead]
    if steps[0] > steps[-1]:
        steps, value = [-step for step in steps], -value
    points = [0.0, 20.0, 50.0, 100.0]
    if value <= steps[0]:
        return 0.0
    for (low, start), (high, end) in zip(
        zip(steps, points, strict=True), zip(steps[1:], points[1:], strict=True), strict=False
    ):
        if value <= high:
            return min(start + (end - start) * (value - low) / (high - low), signal.most)
    return min(100.0, signal.most)


def judge(signals: Mapping[str, Signal], values: Mapping[str, float | None]) -> Health:
    """Judge a component.

    Args:
        signals: The signals of its kind.
        values: Current values of the signals that it should have; None: missing or stale.
    """
    known = {name: value for name, value in values.items() if value is not None}
    own = {name: ladder(signals[name], value) for name, value in known.items()}
    order = sorted(own, key=lambda name: (-own[name], name))
    told = {name: round(own[name] * (0.25 if i else 1.0), 2) for i, name in enumerate(order)}
    weights = {name: signals[name].weight for name in values}
    coverage = sum(weights[name] for name in known) / sum(weights.values())
    vital = {name: value for name, value in known.items() if signals[name].vital}
    is_dead = any(_is_dead(signals[name], value) for name, value in vital.items())
    is_blind = any(signals[name].vital for name in values if name not in known) or coverage < 0.5
    deductions = {name: points for name, points in told.items() if points}
    if is_blind and not is_dead:
        return Health(None, "unknown", coverage, deductions)
    score = 100 - sum(told.values())
    limits = (
        ("floor", max(score, 0.0)),
        ("vital_gate", min(max(score, 0.0), 10.0 if is_dead else 100.0)),
        ("coverage", min(max(score, 0.0), 10.0 if is_dead else 100.0, _cap(coverage))),
    )
    for name, limited in limits:
        if abs(limited - score) > 1e-9:
            deductions[name] = score - limited
            score = limited
    return Health(score, state_of(score), coverage, deductions)


def state_of(score: float | None) -> str:
    """Return the word for a score."""
    if score is None:
        return "unknown"
    words = ((_HEALTHY, "healthy"), (_DEGRADED, "degraded"), (_POOR, "poor"))
    return next((word for least, word in words if score >= least - 1e-9), "critical")


def headline(components: Sequence[tuple[int, float | None]], weights: Mapping[int, float]) -> float:
    """Return the fleet's headline.

    Args:
        components: Tier and score of each; at least one.
        weights: Weight by tier.
    """
    counted = [(tier, UNKNOWN_COUNTS if s is None else s) for tier, s in components]
    total = sum(weights.get(tier, weights[3]) for tier, _ in counted)
    mean = sum(weights.get(tier, weights[3]) * score for tier, score in counted) / total
    first = [score for tier, score in components if tier == 1]
    worst = min((UNKNOWN_COUNTS if s is None else s for s in first), default=100.0)
    is_bad = any(state_of(score) in ("critical", "unknown") for score in first)
    return min(mean, worst + 25, 59.0 if is_bad else 100.0)


def _is_dead(signal: Signal, value: float) -> bool:
    # By the value itself: just before the step, the ladder's 100 is only rounding.
    return value >= signal.dead if signal.dead > signal.ok else value <= signal.dead


def _cap(coverage: float) -> float:
    return round(100 * (0.6 + 0.4 * coverage), 2)
