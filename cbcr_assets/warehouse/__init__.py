"""Where CBCR keeps its facts: a seam with one backend today, the native DuckDB file.

Belongs here: sessions, migrations, idempotent loads, publishing, guarded reading, SLA evaluation.
Does not belong here: what a tool's output means, dbt, Dagster.
"""

from cbcr_assets.warehouse.base import (
    LoadResult,
    Session,
    Snapshot,
    Warehouse,
    WarehouseError,
    WarehouseLocked,
    WarehouseMissing,
)
from cbcr_assets.warehouse.file import DuckSession, FileWarehouse
from cbcr_assets.warehouse.publish import connect, current
from cbcr_assets.warehouse.settings import settle

__all__ = [
    "DuckSession",
    "FileWarehouse",
    "LoadResult",
    "Session",
    "Snapshot",
    "Warehouse",
    "WarehouseError",
    "WarehouseLocked",
    "WarehouseMissing",
    "connect",
    "current",
    "settle",
]
