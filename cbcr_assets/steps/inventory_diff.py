"""What an inventory file would change: `cbcr inventory diff`.

Belongs here: comparing the file with what is stored.
Does not belong here: storing it (see `watch`).
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from cbcr_assets.config import load_inventory
from cbcr_assets.steps.inventory_sql import inventory_file
from cbcr_assets.steps.platform import Platform
from cbcr_assets.warehouse import WarehouseMissing
from cbcr_assets.warehouse.inventory import removed_aliases

DIFFERENCES = {
    "change": pl.String,
    "instance_id": pl.String,
    "column": pl.String,
    "stored": pl.String,
    "file": pl.String,
}
_DATED_BY_US = "protect_from"
Rows = Mapping[str, Mapping[str, Any]]


def inventory_diff(platform: Platform) -> pl.DataFrame:
    """Compare the inventory file with the newest published snapshot.

    Returns:
        One row a difference: `change` is added, absent (stored, but no longer in the file: it stays
        in force, with its aliases, until it has a `retired_at`), changed, alias_added or
        alias_absent (its rows will count for nobody).

    Raises:
        ConfigError: The file is wrong.
        WarehouseError: The snapshot cannot be read.
    """
    sources = platform.config.sources
    wanted = load_inventory(inventory_file(platform), sources=sources).frames(sources)
    stored = _stored(platform, wanted)
    rows = [
        *_instances(_by_id(stored["instances"]), _by_id(wanted["instances"])),
        *_aliases(stored["instance_aliases"], wanted),
    ]
    return pl.DataFrame(rows, schema=DIFFERENCES, orient="row")


def _stored(platform: Platform, wanted: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    tables = ("instances", "instance_aliases")
    try:
        with platform.warehouse.read() as session:
            return {
                name: session.query(f"select * from raw.{name}").select(wanted[name].columns)
                for name in tables
            }
    except WarehouseMissing:
        return {name: wanted[name].clear() for name in tables}


def _by_id(frame: pl.DataFrame) -> Rows:
    return {row["instance_id"]: row for row in frame.iter_rows(named=True)}


def _instances(stored: Rows, wanted: Rows) -> Iterator[tuple[Any, ...]]:
    for name in sorted(stored.keys() | wanted.keys()):
        if name not in stored:
            yield "added", name, None, None, None
        elif name not in wanted:
            if stored[name]["retired_at"] is None:
                yield "absent", name, "retired_at", None, None
        else:
            yield from _columns(name, stored[name], wanted[name])


def _columns(
    name: str, stored: Mapping[str, Any], wanted: Mapping[str, Any]
) -> Iterator[tuple[Any, ...]]:
    for column, value in wanted.items():
        is_ours = column == _DATED_BY_US and value is None
        if value != stored[column] and not is_ours:
            yield "changed", name, column, _shown(column, stored[column]), _shown(column, value)


def _aliases(stored: pl.DataFrame, frames: Mapping[str, pl.DataFrame]) -> Iterator[tuple[Any, ...]]:
    key = ["instance_id", "source_id", "native_instance"]
    wanted = frames["instance_aliases"].select(key)
    for instance_id, source, native in wanted.join(stored, on=key, how="anti").sort(key).rows():
        yield "alias_added", instance_id, source, None, native
    moved = stored.join(
        frames["instance_aliases"], on=["source_id", "native_instance"], suffix="_now"
    ).filter(pl.col("instance_id") != pl.col("instance_id_now"))
    gone = pl.concat([removed_aliases(stored, frames).select(key), moved.select(key)])
    for instance_id, source, native in gone.sort(key).rows():
        yield "alias_absent", instance_id, source, native, None


def _shown(column: str, value: Any) -> str | None:
    if column.endswith("_s") and value is not None:
        return str(timedelta(seconds=value))
    return None if value is None else str(value)
