"""What is measured of archived WAL.

Belongs here: samples. Does not belong here: the fill of volumes (see `volumes`), what samples mean
for recovery (see `truth`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from cbcr_assets.simulator.incidents import STALLED_AGO
from cbcr_assets.simulator.model import ArchiveSample, BackupSet, Database

_LAG = timedelta(minutes=2)
_ARCHIVE_EVERY = timedelta(hours=3)
_SEGMENTS_PER_HOUR = 14


def archives_of(
    database: Database, sets: Sequence[BackupSet], *, now: datetime
) -> list[ArchiveSample]:
    """Return how far archiving had come: every three hours, at each full backup, at the end."""
    if not database.archives_log:
        return []
    now = min(now, database.retired_at or now)
    fulls = [one for one in sets if one.backup_type == "full"]
    stalled_at = now - STALLED_AGO if database.incident == "archive_stalled" else now
    found = []
    looked = {*_ticks(database.protect_from, now, _ARCHIVE_EVERY), now}
    # A full backup begins a new stretch; the one before it reached up to there.
    looked |= {one.finished_at for one in fulls if one.finished_at < now}
    for at in sorted(looked):
        reached = min(at - _LAG, stalled_at)
        base = next((one for one in reversed(fulls) if one.finished_at <= reached), None)
        if base is None:
            continue
        waiting = max(0, round((at - _LAG - reached).total_seconds() / 3600 * _SEGMENTS_PER_HOUR))
        found.append(
            ArchiveSample(
                database.instance_id, at, base.finished_at, reached, waiting, waiting * 3,
                base.label,
            )
        )  # fmt: skip
    return found


def _ticks(start: datetime, stop: datetime, step: timedelta) -> Iterable[datetime]:
    at = start
    while at < stop:
        yield at
        at += step
