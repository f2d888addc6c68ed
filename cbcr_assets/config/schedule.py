"""Cron schedules, expanded into the moments at which backups are due.

Belongs here: cron in the instance's own zone, across changes of the clock.
Does not belong here: whether a backup came (SQL decides).

Semantics are those of Debian's cron, as cronsim implements them: a run whose local time does not
exist on the day the clocks go forward happens right after the gap, and one whose local time exists
twice happens once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import polars as pl
from cronsim import CronSim

from cbcr_assets.config.inventory import Instance, Inventory
from cbcr_assets.records import raw_table

_TYPES = {"full": "full_schedule", "incr": "incr_schedule"}


def expand_schedules(inventory: Inventory, *, start: datetime, until: datetime) -> pl.DataFrame:
    """Return the scheduled runs of all instances as a frame of raw.scheduled_runs.

    Args:
        inventory: Instances with their cron expressions, zones and grace.
        start: First moment of interest, naive UTC; an instance starts no earlier than its
            `protect_from`.
        until: Last moment of interest, naive UTC, included; none after `retired_at`.
    """
    # Fleets share few schedules, so each is walked once, over the widest range.
    runs = cache(lambda expression, zone: pl.Series(_runs(expression, zone, start, until),
                                                    dtype=pl.Datetime("us")))  # fmt: skip
    frames = [
        _frame(instance, backup_type, runs(instance.columns[column], instance.columns["timezone"]))
        for instance in inventory.instances
        for backup_type, column in _TYPES.items()
        if instance.columns[column] is not None
    ]
    schema = raw_table("scheduled_runs").polars_schema
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)


def _frame(instance: Instance, backup_type: str, moments: pl.Series) -> pl.DataFrame:
    columns = instance.columns
    begin, end = columns["protect_from"], columns["retired_at"]
    if begin is not None:
        moments = moments.filter(moments >= begin)
    if end is not None:
        moments = moments.filter(moments <= end)
    grace = timedelta(seconds=columns["grace_s"])
    return pl.DataFrame({"scheduled_at": moments}).select(
        instance_id=pl.lit(instance.instance_id),
        backup_type=pl.lit(backup_type),
        scheduled_at=pl.col("scheduled_at"),
        due_at=pl.col("scheduled_at") + grace,
    )


def _runs(expression: str, zone: str, start: datetime, until: datetime) -> Iterator[datetime]:
    # cronsim yields moments later than its start, so it starts one second early.
    local = (start - timedelta(seconds=1)).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    for moment in CronSim(expression, local):
        found = moment.astimezone(UTC).replace(tzinfo=None)
        if found > until:
            return
        if found >= start:
            yield found
