"""Letting old evidence go, once a day and before publishing.

Belongs here: when, with which ages. Does not belong here: what may go (see `warehouse.retention`).
"""

from datetime import date, datetime
from pathlib import Path

import polars as pl

from cbcr_assets.steps.platform import Platform
from cbcr_assets.warehouse import WarehouseMissing
from cbcr_assets.warehouse.retention import apply, plan


def retention_plan(platform: Platform, *, now: datetime) -> pl.DataFrame:
    """Say what the configured ages would remove, as of the newest snapshot.

    Raises:
        WarehouseMissing: Nothing was published yet.
    """
    with platform.warehouse.read() as session:
        return plan(session, platform.config.retention_s, now=now)


def retain(platform: Platform, *, now: datetime) -> pl.DataFrame:
    """Remove what is older than the configured ages.

    Returns:
        What was removed (see `plan`).

    Raises:
        WarehouseError: The warehouse could not be opened; nothing was removed.
    """
    with platform.warehouse.write() as session:
        planned = plan(session, platform.config.retention_s, now=now)
        apply(session, planned)
    _marker(platform).write_text(now.date().isoformat(), encoding="utf-8")
    return planned


def retain_daily(platform: Platform, *, now: datetime) -> int:
    """Remove what is too old unless that was done today; return how many rows went."""
    marker = _marker(platform)
    try:
        if date.fromisoformat(marker.read_text(encoding="utf-8")) >= now.date():
            return 0
    except (OSError, ValueError):
        marker.parent.mkdir(parents=True, exist_ok=True)
    return int(retain(platform, now=now)["rows"].sum())


def compact(platform: Platform) -> tuple[int, int]:
    """Write the live file anew without what it no longer needs; return its bytes before and after.

    Raises:
        WarehouseError: It could not be opened or written; the old file stays.
    """
    if not platform.config.warehouse.is_file():
        raise WarehouseMissing(f"there is no warehouse {platform.config.warehouse} yet")
    before = platform.config.warehouse.stat().st_size
    platform.warehouse.compact()
    return before, platform.config.warehouse.stat().st_size


def _marker(platform: Platform) -> Path:
    return platform.home / "retained"
