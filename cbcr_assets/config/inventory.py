"""The inventory: instances, tiers, objectives, schedules, aliases; from YAML or CSV.

Belongs here: the model of these files, defaults and tiers, and the raw frames they become.
Does not belong here: rules that join instances (see inventory_checks), storing the frames (see
`cbcr_assets.warehouse.inventory`), expanding cron (see schedule).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from cbcr_assets.config.document import Refused, fail, shown
from cbcr_assets.config.inventory_checks import (
    alias_problems,
    double_problems,
    objective_problems,
    tier_named,
    tier_problems,
)
from cbcr_assets.config.inventory_csv import load_csv
from cbcr_assets.config.main import SourceConfig
from cbcr_assets.config.problems import Document, load_yaml, validate
from cbcr_assets.config.values import (
    LISTING,
    SECTION,
    Cron,
    Moment,
    Name,
    PositiveSeconds,
    Seconds,
    Zone,
)
from cbcr_assets.records import typed_frame

_STRICT = ConfigDict(extra="forbid", frozen=True)
_Word = Annotated[str, Field(min_length=1)]
_DbType = Literal["postgresql", "mariadb", "mysql", "oracle", "sqlserver", "mongodb", "other"]


class Alias(BaseModel):
    """The name that a source uses for an instance."""

    model_config = _STRICT
    source: _Word
    name: _Word


class Exclusion(BaseModel):
    """A maintenance window that is left out of compliance."""

    model_config = _STRICT
    start: Moment
    stop: Moment
    reason: _Word

    @field_validator("stop")
    @classmethod
    def _later_than_start(cls, value: datetime, info: ValidationInfo) -> datetime:
        start = info.data.get("start")
        if start is not None and value <= start:
            raise Refused(f"must be later than start, {start.isoformat()}Z")
        return value


class _Promises(BaseModel):
    """Keys that defaults, tiers and instances share."""

    model_config = _STRICT
    db_type: _DbType | None = None
    cluster_id: _Word | None = None
    host: _Word | None = None
    environment: _Word | None = None
    team: _Word | None = None
    rpo: PositiveSeconds | None = None
    rto: PositiveSeconds | None = None
    timezone: Zone | None = None
    full_schedule: Cron | None = None
    incr_schedule: Cron | None = None
    grace: Seconds | None = None
    log_archiving: bool | None = None
    drill_every: PositiveSeconds | None = None
    storage_volume: _Word | None = None
    network_link: _Word | None = None
    protect_from: Moment | None = None


class _Tier(_Promises):
    tier: Annotated[int, Field(ge=1, le=9)]


class _Tiered(_Promises):
    tier: str | int | None = None

    @field_validator("tier", mode="before")
    @classmethod
    def _name_or_number(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (str, int, type(None))):
            raise Refused(f"expected a tier's name or number, not {shown(value)}")
        return value


class _Instance(_Tiered):
    id: Name
    retired_at: Moment | None = None
    exclusions: Annotated[tuple[Exclusion, ...], LISTING] = ()
    aliases: Annotated[tuple[Alias, ...], LISTING] = ()


class _File(BaseModel):
    model_config = _STRICT
    defaults: Annotated[_Tiered, SECTION] = _Tiered()
    tiers: Annotated[dict[_Word, _Tier], SECTION] = Field(default_factory=dict)
    instances: Annotated[tuple[_Instance, ...], LISTING]


# What is taken where neither defaults nor tier nor instance say anything.
_FALLBACK: dict[str, Any] = {
    "timezone": "UTC",
    "grace": 3600.0,
    "log_archiving": False,
    "environment": "production",
}
_COLUMN = {"rpo": "rpo_s", "rto": "rto_s", "grace": "grace_s", "drill_every": "drill_every_s"}


@dataclass(frozen=True)
class Instance:
    """One instance with its promises: defaults, then tier, then its own keys.

    Attributes:
        instance_id: Its id.
        columns: The row of raw.instances.
        aliases: Names that sources use.
    """

    instance_id: str
    columns: Mapping[str, Any]
    aliases: tuple[Alias, ...]


@dataclass(frozen=True)
class Inventory:
    """All instances."""

    instances: tuple[Instance, ...]

    def frames(self, sources: Mapping[str, SourceConfig]) -> dict[str, pl.DataFrame]:
        """Return the frames of raw.sources, raw.instances and raw.instance_aliases.

        A `protect_from` that is not written stays null: the warehouse dates it at first sight.

        Args:
            sources: The configured sources.
        """
        aliases = {(a.source, a.name): i.instance_id for i in self.instances for a in i.aliases}
        for source_id in (name for name, s in sources.items() if s.names_are_instance_ids):
            for instance in self.instances:
                aliases.setdefault((source_id, instance.instance_id), instance.instance_id)
        return {
            "sources": typed_frame("sources", [_source_row(s) for s in sources.values()]),
            "instances": typed_frame("instances", [dict(i.columns) for i in self.instances]),
            "instance_aliases": typed_frame(
                "instance_aliases",
                [
                    {"source_id": source, "native_instance": name, "instance_id": instance_id}
                    for (source, name), instance_id in sorted(aliases.items())
                ],
            ),
        }


def load_inventory(path: Path, *, sources: Mapping[str, SourceConfig]) -> Inventory:
    """Load an inventory from YAML or CSV.

    Args:
        path: `*.yaml`, `*.yml` or `*.csv`.
        sources: The configured sources; aliases must name one of them.

    Raises:
        ConfigError: With every problem.
    """
    model = validate(
        _File,
        _document(path),
        double_problems,
        tier_problems,
        objective_problems,
        lambda document: alias_problems(document, sources),
    )
    return Inventory(tuple(_merged(model, item) for item in model.instances))


def _document(path: Path) -> Document:
    if path.suffix in (".yaml", ".yml"):
        return load_yaml(path)
    if path.suffix == ".csv":
        return load_csv(path, columns=frozenset(_Instance.model_fields), required=frozenset({"id"}))
    raise fail(path, 0, "an inventory is a .yaml, .yml, .csv or .sql file")


def _merged(model: _File, item: _Instance) -> Instance:
    wanted = item.tier if "tier" in item.model_fields_set else model.defaults.tier
    numbers = {name: tier.tier for name, tier in model.tiers.items()}
    name = tier_named(wanted, numbers)
    tier = model.tiers[name] if name is not None else None
    promised: dict[str, Any] = {}
    for layer in (model.defaults, *([tier] if tier else []), item):
        # What is written counts, also as nothing: `incr_schedule:` takes a tier's schedule away.
        promised |= {key: getattr(layer, key) for key in layer.model_fields_set}
    for key, value in _FALLBACK.items():
        if promised.get(key) is None:
            promised[key] = value
    columns = {
        "instance_id": item.id,
        "tier": tier.tier if tier else wanted,
        "retired_at": item.retired_at,
        "exclusions": [window.model_dump() for window in item.exclusions],
        **{_COLUMN.get(key, key): promised.get(key) for key in _Promises.model_fields},
    }
    return Instance(item.id, columns, item.aliases)


def _source_row(source: SourceConfig) -> dict[str, Any]:
    return {
        "source_id": source.source_id,
        "tool": source.tool,
        "every_s": source.every_s,
        "stale_after_s": source.stale_after_s,
    }
