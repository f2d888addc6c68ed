"""Storing the inventory: instances, aliases, sources and their expanded schedules.

Belongs here: what a changed inventory means for rows that are stored already.
Does not belong here: reading inventory files or expanding cron (see `cbcr_assets.config`).

An alias that left the file leaves the table, and its rows count for nobody until it comes back:
rule alias_unmapped tells of them. Two kinds stay, so that history does not vanish by silence: those
of an instance that is no longer in the file (it is in force until it has a `retired_at`), and those
of a source that is no longer configured.
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
    """What storing the inventory changed.

    Attributes:
        loaded: By raw table.
        remapped: Rows that are of another instance now, or of none.
    """

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
    unmapped = _remove_aliases(session, frames)
    _date_new_instances(session, now)
    _retire_sources(session, frames["sources"], now)
    loaded.append(_store_schedule(session, scheduled, now))
    return InventoryReport(tuple(loaded), remap(session) + unmapped)


def removed_aliases(stored: pl.DataFrame, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the stored aliases that the inventory took away.

    Args:
        stored: Rows of raw.instance_aliases.
        frames: Frames of the inventory, as `store_inventory` takes them.
    """
    return (
        stored.join(frames["instance_aliases"], on=["source_id", "native_instance"], how="anti")
        .join(frames["sources"], on="source_id", how="semi")
        .join(frames["instances"], on="instance_id", how="semi")
    )


def _remove_aliases(session: Session, frames: Mapping[str, pl.DataFrame]) -> int:
    """Remove aliases that left the inventory; their rows are nobody's, and news."""
    stored = session.query("select source_id, native_instance, instance_id"
                           " from raw.instance_aliases")  # fmt: skip
    unmapped = 0
    for source_id, native, _ in removed_aliases(stored, frames).iter_rows():
        same = "source_id = $source_id and native_instance = $native"
        name = {"source_id": source_id, "native": native}
        session.execute(f"delete from raw.instance_aliases where {same}", name)
        for table in NAMED_BY_SOURCE:
            mapped = f"{same} and instance_id is not null"
            count = session.query(f"select count(*) from raw.{table} where {mapped}", name).item()
            if count:
                session.execute(
                    f"update raw.{table} set instance_id = null,"
                    f" ingest_seq = {session.next_seq()} where {mapped}",
                    name,
                )
                unmapped += int(count)
    return unmapped


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
