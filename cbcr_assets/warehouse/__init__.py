"""Where CBCR keeps its facts: a seam with one backend today, the native DuckDB file.

Belongs here: sessions, migrations, idempotent loads, publishing, guarded reading, SLA evaluation.
Does not belong here: what a tool's output means, dbt, Dagster.
"""

from typing import TYPE_CHECKING

from cbcr_assets.lazy import imported_when_asked
from cbcr_assets.warehouse.base import (
    LoadResult,
    Session,
    Snapshot,
    Warehouse,
    WarehouseError,
    WarehouseLocked,
    WarehouseMissing,
)

if TYPE_CHECKING:
    from cbcr_assets.warehouse.file import DuckSession, FileWarehouse
    from cbcr_assets.warehouse.publish import connect, current, published
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
    "published",
    "settle",
]

# Imported when first asked for: DuckDB costs more than an idle pull.
_HOMES = {
    "DuckSession": "file",
    "FileWarehouse": "file",
    "connect": "publish",
    "current": "publish",
    "published": "publish",
    "settle": "settings",
}

__getattr__ = imported_when_asked(__name__, _HOMES)
