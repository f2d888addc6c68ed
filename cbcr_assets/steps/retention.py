"""Letting old rows go, once a day and before publishing.

Belongs here: when, and with which ages. Does not belong here: what may go (see
`warehouse.retention` and `alerting.retention`).
"""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import polars as pl

from cbcr_assets.alerting.retention import StorePart, plan_store, prune_store
from cbcr_assets.steps.platform import Platform
from cbcr_assets.warehouse import WarehouseMissing
from cbcr_assets.warehouse.retention import PLAN, apply, midnight_before, plan

_ALERTS = "alerts"
# Other models read every fact anew in a full refresh, and so say again what had gone.
_MADE_ANEW = "violations"


def retention_plan(platform: Platform, *, now: datetime) -> pl.DataFrame:
    """Say what the configured ages would remove: the newest snapshot, and the alert store.

    Raises:
        WarehouseMissing: Nothing was published yet.
        StoreError: The alert store cannot be opened.
    """
    with platform.warehouse.read() as session:
        planned = plan(session, platform.config.retention_s, now=now)
    before = _alerts_before(platform, now)
    return pl.concat(
        [planned, _rows(platform, plan_store(platform.alert_store, before=before), now)]
    )


def retain(platform: Platform, *, now: datetime) -> pl.DataFrame:
    """Remove what is older than the configured ages.

    Returns:
        What was removed (see `plan`).

    Raises:
        WarehouseError: The warehouse could not be opened; nothing was removed.
        StoreError: The alert store could not be opened; nothing of it was removed.
    """
    removed = _retain_tables(platform, now=now)
    before = _alerts_before(platform, now)
    if before is None:
        parts = plan_store(platform.alert_store, before=None)
    else:
        parts = prune_store(platform.alert_store, before=before)
    _marker(platform).write_text(now.date().isoformat(), encoding="utf-8")
    return pl.concat([removed, _rows(platform, parts, now)])


def retain_daily(platform: Platform, *, now: datetime) -> int:
    """Remove what is too old unless that was done today; return how many rows went.

    Marts that a full refresh has made anew since are looked at each time, where they have an age.
    """
    marker = _marker(platform)
    try:
        done = date.fromisoformat(marker.read_text(encoding="utf-8")) >= now.date()
    except (OSError, ValueError):
        done = False
        marker.parent.mkdir(parents=True, exist_ok=True)
    if not done:
        return int(retain(platform, now=now)["rows"].sum())
    if platform.config.retention_s[_MADE_ANEW] is None:
        return 0
    return int(_retain_tables(platform, now=now, groups=[_MADE_ANEW])["rows"].sum())


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


def _retain_tables(
    platform: Platform, *, now: datetime, groups: Sequence[str] | None = None
) -> pl.DataFrame:
    with platform.warehouse.write() as session:
        planned = plan(session, platform.config.retention_s, now=now, groups=groups)
        apply(session, planned)
    return planned


def _alerts_before(platform: Platform, now: datetime) -> datetime | None:
    keep_s = platform.config.retention_s[_ALERTS]
    return None if keep_s is None else midnight_before(now, keep_s)


def _rows(platform: Platform, parts: Sequence[StorePart], now: datetime) -> pl.DataFrame:
    keep_s = platform.config.retention_s[_ALERTS]
    before = _alerts_before(platform, now)
    rows = [
        (f"{_ALERTS}.{part.table}", _ALERTS, keep_s, before, part.rows, part.bytes, part.of_rows,
         part.of_bytes, 0, part.oldest)
        for part in parts
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=PLAN, orient="row")


def _marker(platform: Platform) -> Path:
    return platform.home / "retained"
