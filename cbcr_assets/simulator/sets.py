"""The backup sets that attempts left, and when retention or an incident removed them.

Belongs here: retention of chains and dumps, as of the end of the history.
Does not belong here: attempts (see `history`), what can still be restored (see `truth`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cbcr_assets.simulator.incidents import DEAD_SOURCE, DIED_AGO, EXPIRED_AGO
from cbcr_assets.simulator.model import Attempt, BackupSet, Database

KEEP_DUMPS = timedelta(days=14)
_KEEP_FULLS = 2
_EXPIRE_TAKES = timedelta(seconds=2)


def sets_of(database: Database, attempts: Sequence[Attempt], *, now: datetime) -> list[BackupSet]:
    """Return the sets of a database, oldest first."""
    told_until = now - DIED_AGO if database.source == DEAD_SOURCE else now
    done = [(a, a.finished_at) for a in attempts if a.state == "succeeded" and a.finished_at]
    fulls = [(a.label, at) for a, at in done if a.backup_type == "full"]
    gone = _gone_chains(fulls, told_until)
    return [
        BackupSet(
            a.instance_id, a.label, a.backup_type, a.root, a.parent, a.started_at, at,
            a.source_bytes, a.repo_bytes, _gone_at(database, a, gone, now),
        )
        for a, at in done
    ]  # fmt: skip


def _gone_chains(fulls: Sequence[tuple[str, datetime]], until: datetime) -> dict[str, datetime]:
    """Return when each chain was removed: once two younger full backups are complete."""
    gone = {}
    for (label, _), (_, done_at) in zip(fulls, fulls[_KEEP_FULLS:], strict=False):
        if done_at + _EXPIRE_TAKES <= until:
            gone[label] = done_at + _EXPIRE_TAKES
    return gone


def _gone_at(
    database: Database, attempt: Attempt, gone: dict[str, datetime], now: datetime
) -> datetime | None:
    if database.method == "dump":
        end = attempt.started_at + KEEP_DUMPS
        return end if end <= now else None
    removed = gone.get(attempt.root)
    if removed is None and database.incident == "expired_chain" and attempt.backup_type == "full":
        return now - EXPIRED_AGO
    return removed
