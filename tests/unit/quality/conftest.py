"""Fixtures of the contract's tests: an empty warehouse, and rows that satisfy the contract."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cbcr_assets.records import typed_frame
from cbcr_assets.warehouse import FileWarehouse

NOW = datetime(2026, 3, 2, 12)
JOB = {
    "source_id": "agents", "attempt_key": "1", "tool": "cbcr", "state": "succeeded",
    "backup_type": "full", "started_at": datetime(2026, 3, 2, 1),
    "finished_at": datetime(2026, 3, 2, 2), "duration_s": 3600.0, "source_bytes": 10,
    "first_seen_at": datetime(2026, 3, 2, 3), "last_seen_at": datetime(2026, 3, 2, 3),
}  # fmt: skip


@pytest.fixture
def warehouse(tmp_path: Path) -> FileWarehouse:
    return FileWarehouse(tmp_path / "live.duckdb", tmp_path / "serving")


@pytest.fixture
def load(warehouse: FileWarehouse) -> Callable[..., None]:
    """Load rows into a raw table; without rows of its own, one good job with changes."""

    def load_rows(table: str, *rows: dict[str, Any]) -> None:
        full = [JOB | row for row in rows] if table == "backup_jobs" else list(rows)
        with warehouse.write() as session:
            session.load(table, typed_frame(table, full))

    return load_rows
