"""Cron schedules, expanded into the moments at which backups are due.

Belongs here: cron in the instance's own zone, across changes of the clock.
Does not belong here: whether a backup came (SQL decides).

Semantics are those of Debian's cron, as cronsim implements them. A run at a set time of day
happens once each day it is asked for: if the clocks skip that time, right after the gap; if they
repeat it, at its first pass. Runs whose minute or hour begins with `*` follow the clock itself:
nothing in a skipped hour, all of them again in a repeated one. Two runs that a gap moves to the
same moment are one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from cronsim import CronSim

from cbcr_assets.config.inventory import Inventory
from cbcr_assets.records import raw_table

_TYPES = {"full": "full_schedule", "incr": "incr_schedule"}
_PROMISE: dict[str, Any] = {
    "instance_id": pl.String,
    "backup_type": pl.String,
    "cron": pl.String,
    "timezone": pl.String,
    "begin": pl.Datetime("us"),
    "end": pl.Datetime("us"),
    "grace": pl.Duration("us"),
}
_RUNS: dict[str, Any] = {
    "cron": pl.String,
    "timezone": pl.String,
    "scheduled_at": pl.List(pl.Datetime("us")),
}


def expand_schedules(
    inventory: Inventory, *, start: datetime, until: datetime, known: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return the scheduled runs of all instances as a frame of raw.scheduled_runs.

    Sorted by instance, type and time. A run is due `grace` after its scheduled time.

    Args:
        inventory: Instances with their cron expressions, zones and grace.
        start: First moment of interest, naive UTC; an instance starts no earlier than its
            `protect_from`.
        until: Last moment of interest, naive UTC, included; an instance has none from its
            `retired_at` on.
        known: Newest run that is stored already, by instance_id and backup_type, in the column
            `known_until`; only later ones are returned.
    """
    promises = _promises(inventory).sort("instance_id", "backup_type")
    if known is not None:
        later = pl.col("known_until") + timedelta(microseconds=1)
        promises = promises.join(
            known, on=["instance_id", "backup_type"], how="left", maintain_order="left"
        ).with_columns(begin=pl.max_horizontal("begin", later))
    # Fleets share few schedules, so each is walked once.
    asked = promises.group_by("cron", "timezone").agg(
        pl.col("begin").fill_null(start).clip(lower_bound=start).min()
    )
    runs = pl.DataFrame(
        [(cron, zone, list(_runs(cron, zone, begin, until))) for cron, zone, begin in asked.rows()],
        schema=_RUNS,
        orient="row",
    )
    found = (
        promises.join(runs, on=["cron", "timezone"], maintain_order="left")
        .explode("scheduled_at")
        .filter(
            pl.col("scheduled_at").is_not_null()
            & (pl.col("begin").is_null() | (pl.col("scheduled_at") >= pl.col("begin")))
            & (pl.col("end").is_null() | (pl.col("scheduled_at") < pl.col("end")))
        )
    )
    due = found.with_columns(due_at=pl.col("scheduled_at") + pl.col("grace"))
    return due.select(list(raw_table("scheduled_runs").polars_schema))


def has_run(cron: str, *, since: datetime, until: datetime) -> bool:
    """Say whether a cron expression in UTC has a run later than `since`, up to `until`."""
    upcoming: datetime = next(CronSim(cron, since))
    return upcoming <= until


def _promises(inventory: Inventory) -> pl.DataFrame:
    rows = [
        (
            instance.instance_id,
            backup_type,
            instance.columns[column],
            instance.columns["timezone"],
            instance.columns["protect_from"],
            instance.columns["retired_at"],
            timedelta(seconds=instance.columns["grace_s"]),
        )
        for instance in inventory.instances
        for backup_type, column in _TYPES.items()
        if instance.columns[column] is not None
    ]
    return pl.DataFrame(rows, schema=_PROMISE, orient="row")


def _runs(cron: str, zone: str, start: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the moments of a schedule from start to until, naive UTC, each later than the last."""
    # cronsim yields moments later than its start, so it starts one second early.
    local = (start - timedelta(seconds=1)).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    last: datetime | None = None
    for moment in CronSim(cron, local):
        found = moment.astimezone(UTC).replace(tzinfo=None)
        if found > until:
            return
        if found >= start and (last is None or found > last):
            yield found
            last = found
