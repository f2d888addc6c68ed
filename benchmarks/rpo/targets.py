"""What was promised, and whether the figures keep it.

Belongs here: limits. Does not belong here: text of tables, measuring.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """One promise.

    Attributes:
        text: What is promised.
        size: For which size.
        limit: How much, in words.
        measured: What was found, in words.
        met: Whether it is kept; None when it was not measured.
    """

    text: str
    size: str
    limit: str
    measured: str = "–"
    met: bool | None = None


def judge(results: Sequence[dict[str, Any]]) -> list[Target]:
    """Hold the figures of all sizes that were measured against every promise."""
    by_size = {facts["size"]: facts for facts in results}
    ten, hundred, one = (by_size.get(size) for size in ("10m", "100m", "1m"))
    return [*_at_ten(ten), *_at_hundred(hundred, one), _growth("10m", ten, one)]


def _at_ten(facts: dict[str, Any] | None) -> Iterator[Target]:
    live = _wall(facts, "cbcr", "rpo_now")
    build = facts["full"]["intervals_s"] if facts else None
    for engine, factor in (("postgresql", 5.0), ("polars", 1.0), ("chdb", 1.0)):
        yield _faster("live status", engine, factor, _wall(facts, engine, "rpo_now"), live)
    for engine, factor in (("postgresql", 4.0), ("polars", 1.0), ("chdb", 1 / 1.5)):
        yield _faster("full violations", engine, factor, _wall(facts, engine, "violations"), build)
    published = facts["hour"]["publish_s"] if facts else None
    yield _at_most("publish after an hour", "10m", 1.5, published)


def _at_hundred(facts: dict[str, Any] | None, one: dict[str, Any] | None) -> Iterator[Target]:
    full = facts["full"]["intervals_s"] if facts else None
    sort = _wall(facts, "duckdb", "sort")
    yield _at_most("live status", "100m", 0.5, _wall(facts, "cbcr", "rpo_now"))
    yield _at_most("full violations", "100m", 45, full)
    yield _ratio("full violations ÷ sort of three columns", "100m", 2.0, full, sort)
    yield _at_most("an hour's SQL", "100m", 1.0, facts["hour"]["sql_s"] if facts else None)
    yield _growth("100m", facts, one)
    yield _at_most("one instance's history", "100m", 0.05, _wall(facts, "cbcr", "history"))


def _growth(size: str, facts: dict[str, Any] | None, one: dict[str, Any] | None) -> Target:
    """The same hour after a long history and a short one."""
    large = facts["same_hour"]["sql_s"] if facts else None
    small = one["same_hour"]["sql_s"] if one else None
    return _ratio("the same hour's SQL ÷ that at 1m", size, 1.5, large, small)


def _wall(facts: dict[str, Any] | None, engine: str, query: str) -> float | None:
    found = facts["engines"].get(engine, {}).get(query) if facts else None
    return found["wall_s"] if found else None


def _at_most(text: str, size: str, limit: float, value: float | None) -> Target:
    bound = f"≤ {limit:g} s"
    if value is None:
        return Target(text, size, bound)
    return Target(text, size, bound, f"{value:.3g} s", value <= limit)


def _ratio(text: str, size: str, limit: float, value: float | None, base: float | None) -> Target:
    bound = f"≤ {limit:g}"
    if value is None or not base:
        return Target(text, size, bound)
    return Target(text, size, bound, f"{value / base:.2f}", value / base <= limit)


def _faster(
    text: str, engine: str, factor: float, theirs: float | None, ours: float | None
) -> Target:
    said, bound = f"{text}: {engine} ÷ CBCR", f"≥ {factor:.2g}"
    if theirs is None or not ours:
        return Target(said, "10m", bound)
    return Target(said, "10m", bound, f"{theirs / ours:.2f}", theirs / ours >= factor)
