"""The inventory: instances, tiers, objectives, schedules, aliases; from YAML or CSV.

Belongs here: the model of these files, and the raw frames they become.
Does not belong here: storing them (see `cbcr_assets.warehouse.inventory`), expanding cron.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cbcr_assets.config.main import SourceConfig
from cbcr_assets.config.problems import (
    ConfigError,
    Document,
    KeyPath,
    Problem,
    closest,
    load_yaml,
    validate,
)
from cbcr_assets.config.values import Cron, Moment, Name, PositiveSeconds, Seconds, Zone
from cbcr_assets.records import typed_frame

_STRICT = ConfigDict(extra="forbid", frozen=True)


class Alias(BaseModel):
    """The name that a source uses for an instance."""

    model_config = _STRICT
    source: str
    name: str


class Exclusion(BaseModel):
    """A maintenance window that is left out of compliance."""

    model_config = _STRICT
    start: Moment
    stop: Moment
    reason: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.stop <= self.start:
            raise ValueError("stop must be later than start")
        return self


class _Promises(BaseModel):
    """Keys that defaults, tiers and instances share."""

    model_config = _STRICT
    db_type: str | None = None
    cluster_id: str | None = None
    host: str | None = None
    environment: str | None = None
    team: str | None = None
    rpo: PositiveSeconds | None = None
    rto: PositiveSeconds | None = None
    timezone: Zone | None = None
    full_schedule: Cron | None = None
    incr_schedule: Cron | None = None
    grace: Seconds | None = None
    log_archiving: bool | None = None
    drill_every: PositiveSeconds | None = None
    storage_volume: str | None = None
    network_link: str | None = None
    protect_from: Moment | None = None


class _Tier(_Promises):
    tier: Annotated[int, Field(ge=1, le=9)]


class _Instance(_Promises):
    id: Name
    tier: str | int | None = None
    retired_at: Moment | None = None
    exclusions: tuple[Exclusion, ...] = ()
    aliases: tuple[Alias, ...] = ()


class _File(BaseModel):
    model_config = _STRICT
    defaults: _Promises = _Promises()
    tiers: dict[str, _Tier] = Field(default_factory=dict)
    instances: tuple[_Instance, ...]


_FALLBACK = {"timezone": "UTC", "grace": 3600.0, "log_archiving": False, "environment": "production"}


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

    def frames(
        self, sources: Mapping[str, SourceConfig], *, now: datetime
    ) -> dict[str, pl.DataFrame]:
        """Return the frames of raw.sources, raw.instances and raw.instance_aliases.

        Args:
            sources: The configured sources.
            now: Present, naive UTC.
        """
        own = [source_id for source_id, s in sources.items() if s.names_are_instance_ids]
        aliases = {(a.source, a.name): i.instance_id for i in self.instances for a in i.aliases}
        for source_id in own:
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
    document = _read_csv(path) if path.suffix == ".csv" else load_yaml(path)
    model = validate(_File, document)
    problems = [*_references(document, model, sources), *_twice(document, model)]
    instances = []
    for index, item in enumerate(model.instances):
        instance = _merged(model, item)
        instances.append(instance)
        if instance.columns["rpo_s"] is None:
            message = "no rpo: say it here, in the tier, or in defaults"
            problems.append(document.problem(("instances", index), message))
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: problem.line))
    return Inventory(tuple(instances))


def _merged(model: _File, item: _Instance) -> Instance:
    named = model.tiers.get(str(item.tier))
    tier = named or next((t for t in model.tiers.values() if t.tier == item.tier), None)
    layers = [model.defaults, *([tier] if tier else []), item]
    merged: dict[str, Any] = dict(_FALLBACK)
    for layer in layers:
        given = {name: getattr(layer, name) for name in _Promises.model_fields}
        merged |= {name: value for name, value in given.items() if value is not None}
    columns = {
        "instance_id": item.id,
        "tier": tier.tier if tier else item.tier if isinstance(item.tier, int) else None,
        "retired_at": item.retired_at,
        "exclusions": [window.model_dump() for window in item.exclusions],
        **{
            _COLUMN.get(name, name): merged.get(name)
            for name in _Promises.model_fields
        },
    }
    return Instance(item.id, columns, item.aliases)


_COLUMN = {"rpo": "rpo_s", "rto": "rto_s", "grace": "grace_s", "drill_every": "drill_every_s"}


def _references(
    document: Document, model: _File, sources: Mapping[str, SourceConfig]
) -> list[Problem]:
    problems = []
    for index, item in enumerate(model.instances):
        where: KeyPath = ("instances", index)
        known = sorted(model.tiers)
        numbers = {tier.tier for tier in model.tiers.values()}
        if isinstance(item.tier, str) and item.tier not in model.tiers:
            message = f"no tier {item.tier!r}; there are: {', '.join(known) or 'none'}"
            problems.append(
                document.problem((*where, "tier"), message, closest(item.tier, known))
            )
        elif isinstance(item.tier, int) and numbers and item.tier not in numbers:
            message = f"no tier {item.tier}; there are: {', '.join(map(str, sorted(numbers)))}"
            problems.append(document.problem((*where, "tier"), message))
        for number, alias in enumerate(item.aliases):
            if alias.source not in sources:
                ids = sorted(sources)
                message = f"no source {alias.source!r} in cbcr.yaml"
                place = (*where, "aliases", number, "source")
                problems.append(document.problem(place, message, closest(alias.source, ids)))
    return problems


def _twice(document: Document, model: _File) -> list[Problem]:
    problems = []
    ids: dict[str, int] = {}
    names: dict[tuple[str, str], str] = {}
    for index, item in enumerate(model.instances):
        if item.id in ids:
            first = document.line(("instances", ids[item.id], "id"))
            message = f"instance {item.id!r} is in line {first} already"
            problems.append(document.problem(("instances", index, "id"), message))
        ids.setdefault(item.id, index)
        for number, alias in enumerate(item.aliases):
            other = names.setdefault((alias.source, alias.name), item.id)
            if other != item.id:
                message = f"{alias.source} calls {other!r} {alias.name!r} already"
                place = ("instances", index, "aliases", number)
                problems.append(document.problem(place, message))
    return problems


def _source_row(source: SourceConfig) -> dict[str, Any]:
    return {
        "source_id": source.source_id,
        "tool": source.tool,
        "every_s": source.every_s,
        "stale_after_s": source.stale_after_s,
    }


def _read_csv(path: Path) -> Document:
    """Read a CSV as if it were the YAML: one row an instance, empty cells are absent.

    Aliases are `source=name` separated by semicolons; the numeric tier needs no table of tiers.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle, strict=True)
            rows = [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise ConfigError([Problem(str(path), 0, "", "there is no such file")]) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([Problem(path.name, 0, "", f"it cannot be read: {error}")]) from None
    lines: dict[KeyPath, int] = {(): 1}
    instances = []
    for index, (line, row) in enumerate(rows):
        if None in row or None in row.values():
            message = "this row has another number of cells than the header"
            raise ConfigError([Problem(path.name, line, "", message)])
        lines[("instances", index)] = line
        instances.append(_csv_instance({k: v.strip() for k, v in row.items() if v.strip()}))
    return Document(path, {"instances": instances}, lines)


def _csv_instance(row: dict[str, Any]) -> dict[str, Any]:
    if "aliases" in row:
        pairs = (part.partition("=") for part in str(row["aliases"]).split(";") if part.strip())
        row["aliases"] = [{"source": s.strip(), "name": n.strip()} for s, _, n in pairs]
    if str(row.get("tier", "")).isdigit():
        row["tier"] = int(row["tier"])
    return row
