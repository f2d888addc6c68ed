"""Backups that succeed and are odd: how large and slow they are, and which ones must be noticed.

Belongs here: the planted sizes and paces, and plain arithmetic that finds them.
Does not belong here: which database has them (see `incidents`), CBCR's forecasts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median

from cbcr_assets.simulator.model import Attempt, Database


@dataclass(frozen=True)
class Odd:
    """What is different about a backup.

    Attributes:
        bytes: What it holds, 0 for what there is.
        stored: Times of what is usually stored of it.
        slower: Times of the usual seconds.
    """

    bytes: int = 0
    stored: float = 1.0
    slower: float = 1.0


USUAL = Odd()
PLANTED = {
    "empty_dump": Odd(bytes=2_048),
    "encrypted": Odd(stored=10.0),
    "slow_backup": Odd(slower=12.0),
}

# A planted one is so odd that any sound rule sees it, also in a short history; nothing else is.
_EMPTY, _TIMES, _SLOWER, _LEAST_S = 0.01, 5.0, 8.0, 60
_TEXT = 0.1
_SMALL = 18_000_000_000
"""Twelve times what a dump of this size takes is still below the longest backup."""


def stored_share(incident: str) -> float:
    """Return the share of its bytes that a database's backups are stored in."""
    return _TEXT if incident == "encrypted" else 0.35


def sized(database: Database) -> Database:
    """Return a database of a size at which what is planted on it can be seen."""
    return replace(database, size_bytes=_SMALL) if database.incident in PLANTED else database


def verdicts(attempts: Sequence[Attempt], at: datetime) -> Iterator[tuple[str, str]]:
    """Yield rule and status of what is odd about the newest whole backup of a database."""
    backups = _whole(attempts, at)
    if len(backups) < 4:
        return
    newest, before = backups[-1], backups[-11:-1]
    if newest.source_bytes < _EMPTY * median(one.source_bytes for one in before):
        yield "empty_backup", "breached"
        return
    if newest.repo_bytes > _TIMES * median(one.repo_bytes for one in before):
        yield "size_anomaly", "breached"
    usual = median(_seconds(one) / one.source_bytes for one in before)
    took = _seconds(newest)
    if took >= _LEAST_S and took / newest.source_bytes > _SLOWER * usual:
        yield "duration_anomaly", "breached"


def size_jump(attempts: Sequence[Attempt], at: datetime) -> float | None:
    """Return how many times too large or too small the newest whole backup is; None: it is not."""
    if not {"empty_backup", "size_anomaly"} & {rule for rule, _ in verdicts(attempts, at)}:
        return None
    backups = _whole(attempts, at)
    ratio = backups[-1].repo_bytes / median(one.repo_bytes for one in backups[-11:-1])
    return max(ratio, 1 / max(ratio, 0.001))


def _whole(attempts: Sequence[Attempt], at: datetime) -> list[Attempt]:
    ended = [
        (one.finished_at, one) for one in attempts
        if one.finished_at and one.finished_at <= at and one.state == "succeeded"
        and one.backup_type in ("full", "dump")
    ]  # fmt: skip
    return [one for _, one in sorted(ended, key=lambda pair: pair[1].started_at)]


def _seconds(attempt: Attempt) -> float:
    finished = attempt.finished_at or attempt.started_at
    return (finished - attempt.started_at).total_seconds()
