"""Storing the inventory: instances, aliases, sources and their expanded schedules.

Belongs here: what a changed inventory means for rows that are stored already.
Does not belong here: reading inventory files or expanding cron (see `cbcr_assets.config`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cbcr_assets.warehouse.base import LoadResult, Session

# Tables whose rows name an instance in the words of their source.
NAMED_BY_SOURCE = ("backup_jobs", "backup_sets", "restore_jobs", "log_archive")


@dataclass(frozen=True)
class InventoryReport:
    """What storing the inventory changed."""

    loaded: tuple[LoadResult, ...]
    remapped: int


def scheduled_until(session: Session, *, now: datetime) -> pl.DataFrame:
    """Return the newest stored run of the past by instance_id and backup_type, `known_until`."""
    return session.query(
        "select instance_id, backup_type, max(scheduled_at) as known_until from raw.scheduled_runs"
        " where scheduled_at <= $now group by all",
        {"now": now},
    )


def store_inventory(
    session: Session, frames: Mapping[str, pl.DataFrame], scheduled: pl.DataFrame, *, now: datetime
) -> InventoryReport:
    """Store instances, aliases, sources and schedules; map rows that waited for an alias.

    Args:
        session: Open transaction.
        frames: Frames of raw.instances, raw.instance_aliases and raw.sources.
        scheduled: Frame of raw.scheduled_runs: what is not stored yet, to some days ahead (see
            `scheduled_until`).
        now: Present, naive UTC. Schedules of the past stay as they were.
    """
    loaded = [session.load(table, frame) for table, frame in frames.items()]
    _date_new_instances(session, now)
    _retire_sources(session, frames["sources"], now)
    loaded.append(_store_schedule(session, scheduled, now))
    return InventoryReport(tuple(loaded), remap(session))


def remap(session: Session) -> int:
    """Give rows the instance their alias means now; rows that changed become news.

    Returns:
        The number of rows that changed.
    """
    changed = 0
    for table in NAMED_BY_SOURCE:
        wrong = (
            "from raw.instance_aliases as a where t.source_id = a.source_id"
            " and t.native_instance = a.native_instance"
            " and t.instance_id is distinct from a.instance_id"
        )
        count = session.query(
            f"select count(*) as n from raw.{table} as t, raw.instance_aliases as a where"
            f" {wrong.split(' where ', 1)[1]}"
        )["n"][0]
        if count:
            session.execute(
                f"update raw.{table} as t set instance_id = a.instance_id,"
                f" ingest_seq = {session.next_seq()} {wrong}"
            )
            changed += int(count)
    return changed


def _date_new_instances(session: Session, now: datetime) -> None:
    # Protection is promised from the first sighting when the inventory does not say since when.
    session.execute(
        "update raw.instances set protect_from = $now where protect_from is null", {"now": now}
    )


def _retire_sources(session: Session, sources: pl.DataFrame, now: datetime) -> None:
    session.execute(
        "update raw.sources set retired_at = $now where retired_at is null"
        " and not list_contains($configured, source_id)",
        {"now": now, "configured": sources["source_id"].to_list()},
    )


def _store_schedule(session: Session, scheduled: pl.DataFrame, now: datetime) -> LoadResult:
    # What was promised for the past does not change with today's schedule.
    session.execute("delete from raw.scheduled_runs where scheduled_at > $now", {"now": now})
    return session.load("scheduled_runs", scheduled)
