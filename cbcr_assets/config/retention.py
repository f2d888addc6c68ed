"""How long tables are kept: the groups, their defaults, and which ages contradict each other.

Belongs here: section `retention` of cbcr.yaml. Does not belong here: which tables a group has and
how rows are let go (see `cbcr_assets.warehouse.retention`, `cbcr_assets.alerting.retention`).
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cbcr_assets.config.document import Document, Problem, Refused
from cbcr_assets.config.values import PositiveSeconds, duration_s

MADE_FROM = {
    "rollups_hourly": "samples",
    "rollups_daily": "rollups_hourly",
    "alert_history": "alerts",
}
"""Of each group the one that it is made from, which may not be kept longer."""


class Retention(BaseModel):
    """Ages by group; nothing behind a key is for ever, and so is `violations` unless written."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    observations: PositiveSeconds | None = Field(default="90d", validate_default=True)
    pulls: PositiveSeconds | None = Field(default="400d", validate_default=True)
    quarantine: PositiveSeconds | None = Field(default="400d", validate_default=True)
    samples: PositiveSeconds | None = Field(default="90d", validate_default=True)
    rollups_hourly: PositiveSeconds | None = Field(default="400d", validate_default=True)
    rollups_daily: PositiveSeconds | None = Field(default="1830d", validate_default=True)
    violations: PositiveSeconds | None = None
    alerts: PositiveSeconds | None = Field(default="1830d", validate_default=True)
    alert_history: PositiveSeconds | None = Field(default="3660d", validate_default=True)

    def ages_s(self) -> dict[str, float | None]:
        """Return seconds to keep by group; None is for ever.

        Where nothing is written, it is kept at least as long as what it is made from.
        """
        ages: dict[str, float | None] = self.model_dump()
        for group, finer in MADE_FROM.items():
            if group not in self.model_fields_set:
                ages[group] = _longer(ages[group], ages[finer])
        return ages


def retention_problems(document: Document) -> Iterator[Problem]:
    """Find what would go before that which it is made from."""
    section = document.get(("retention",))
    if not isinstance(section, dict):
        return
    for group, finer in MADE_FROM.items():
        kept_s, least_s = _age_s(section, group), _age_s(section, finer)
        if kept_s is None or least_s is None or kept_s >= least_s:
            continue
        least = _as_written(section, finer)
        form = f"{least} or longer" if least else "nothing behind it"
        message = (
            f"{section[group]} is shorter than {finer} ({least or 'for ever'}), which it is made"
            f" from: it is kept at least as long; write {form}"
        )
        yield document.problem(("retention", group), message)


def _age_s(section: Mapping[str, Any], group: str) -> float | None:
    """Return seconds; infinity is for ever, None that nothing sensible is written."""
    written = _as_written(section, group)
    if written is None:
        return math.inf
    try:
        return duration_s(written)
    except Refused:
        return None  # told where it is read


def _as_written(section: Mapping[str, Any], group: str) -> Any:
    """Return what is written, or what holds in its stead."""
    if group in section or group not in MADE_FROM:
        return section.get(group, Retention.model_fields[group].default)
    default = Retention.model_fields[group].default
    finer_s = _age_s(section, MADE_FROM[group])
    gives_way = finer_s is not None and finer_s > duration_s(default)
    return _as_written(section, MADE_FROM[group]) if gives_way else default


def _longer(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one, other)
