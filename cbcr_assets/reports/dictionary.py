"""What every table and column means: the data dictionary, read from contracts and definitions.

Belongs here: reading it, for the page in docs/ and for the dashboards. Does not belong here: any
description (the models' YAML and `cbcr_assets.records` own them), layout.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cbcr_assets.records import RAW_TABLES

_MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models"
LAYERS = {
    "marts": "History, as tables. Their columns and types are enforced contracts.",
    "live": "The present, as views: they compute *now* when they are read.",
    "sla": "One view for each SLA rule, one row a subject. `live.sla_evaluations` is their union.",
    "raw": "What the sources said, merged by key. `ingest_seq` grows with every load.",
}


@dataclass(frozen=True)
class Described:
    """A table as people read it.

    Attributes:
        layer: One of `LAYERS`, its schema.
        name: Its name.
        meaning: What a row is.
        columns: Name, type and meaning of each column.
    """

    layer: str
    name: str
    meaning: str
    columns: tuple[tuple[str, str, str], ...]


@cache
def tables() -> tuple[Described, ...]:
    """Return every table that is described, by layer in the order of `LAYERS`, then by name."""
    found = [_of_model(layer, model) for layer in LAYERS for model in _models(layer)]
    return (*found, *(_of_raw(table) for table in RAW_TABLES))


def _models(layer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted((_MODELS / layer).rglob("*.yml")):
        found += yaml.safe_load(path.read_text(encoding="utf-8")).get("models") or []
    return sorted(found, key=lambda model: str(model["name"]))


def _of_model(layer: str, model: dict[str, Any]) -> Described:
    columns = tuple(
        (column["name"], column.get("data_type", ""), " ".join(column["description"].split()))
        for column in model["columns"]
    )
    return Described(layer, model["name"], model["description"], columns)


def _of_raw(table: Any) -> Described:
    meaning = f"{table.meaning} Key: {', '.join(table.key)}."
    columns = tuple((c.name, c.sql_type, " ".join(c.meaning.split())) for c in table.columns)
    return Described("raw", table.name, meaning, columns)
