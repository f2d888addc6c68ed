"""What is true of a fleet, computed apart from CBCR's SQL, and the comparison with its verdicts.

Belongs here: plain arithmetic over the simulated history. Does not belong here: any model or view.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cbcr_assets.simulator.model import (
    Attempt,
    BackupSet,
    Database,
    Drill,
    PlantedIncident,
    Truth,
)

UNMAPPED = "legacy-crm"
DEAD_SOURCE = "edge"
_LOST_AFTER = timedelta(hours=2)
_STORIES = {
    "failed_unreachable": "pgBackRest cannot reach the primary since the last two runs",
    "failed_disk_full": "the dump and its retry died on a full disk",
    "missed_incremental": "somebody removed the cron job: the last incrementals never started",
    "missed_dump": "the last dump never started, and nothing reported a failure",
    "expired_chain": "retention removed the only chain two hours ago",
    "never_backed_up": "it went live three days ago and nobody set up a backup",
    "approaching": "the nightly dump is not due yet, but the objective is tight",
    "slow_drill": "the drill brought everything back, but too late",
    "failed_drill": "the last drill found damaged files",
    "blind": "the collector at the edge site died six hours ago",
    "lost": "the dump's host was rebooted; it began and never ended",
}


@dataclass(frozen=True)
class Comparison:
    """Planted against found.

    Attributes:
        found: Planted, and found.
        missed: Planted, but not found.
        invented: Found, but not planted.
    """

    found: tuple[PlantedIncident, ...]
    missed: tuple[PlantedIncident, ...]
    invented: tuple[PlantedIncident, ...]

    @property
    def exact(self) -> bool:
        """Everything planted was found and nothing was invented."""
        return not self.missed and not self.invented


def compare(truth: Truth, verdicts: Iterable[tuple[str, str, str]]) -> Comparison:
    """Compare verdicts (rule, subject, status) that are not ok with the truth."""
    planted = {(i.rule, i.subject_id, i.status): i for i in truth.incidents}
    seen = set(verdicts)
    invented = (
        PlantedIncident(rule, subject, status, "nobody planted this")
        for rule, subject, status in sorted(seen - planted.keys())
    )
    return Comparison(
        tuple(i for key, i in planted.items() if key in seen),
        tuple(i for key, i in planted.items() if key not in seen),
        tuple(invented),
    )


def truth_of(
    databases: Sequence[Database],
    attempts: Sequence[Attempt],
    sets: Sequence[BackupSet],
    drills: Sequence[Drill],
    *,
    now: datetime,
) -> Truth:
    """Return what must be found at `now`, and for some minutes after it."""
    incidents = [
        PlantedIncident("source_stale", DEAD_SOURCE, "breached", _STORIES["blind"]),
        PlantedIncident(
            "alias_unmapped", f"agents/{UNMAPPED}", "breached",
            "a server that nobody put into the inventory reports its backups",
        ),
    ]  # fmt: skip
    for database in databases:
        own = [s for s in sets if s.instance_id == database.instance_id]
        verdicts = [
            *_of_attempts(database),
            *_of_rpo(database, own, now),
            *_of_drills(database, [d for d in drills if d.instance_id == database.instance_id]),
        ]
        story = _STORIES.get(database.incident, "a healthy database")
        incidents += [
            PlantedIncident(rule, database.instance_id, status, story) for rule, status in verdicts
        ]
    states = Counter(
        "lost" if a.state == "running" and now - a.started_at > _LOST_AFTER else a.state
        for a in attempts
    )
    available = sum(s.gone_at is None for s in sets)
    return Truth(tuple(incidents), tuple(sorted(states.items())), available, len(drills))


def _of_attempts(database: Database) -> Iterable[tuple[str, str]]:
    if database.incident in ("failed_unreachable", "failed_disk_full", "lost"):
        yield "backup_failed", "breached"
    if database.incident in ("missed_incremental", "missed_dump"):
        yield "backup_missed", "breached"


def _of_rpo(
    database: Database, sets: Sequence[BackupSet], now: datetime
) -> Iterable[tuple[str, str]]:
    if database.incident == "blind":
        yield "rpo", "unknown"
        return
    points = [
        s.started_at if database.method == "dump" else s.finished_at
        for s in sets
        if s.gone_at is None
    ]
    if not points:
        yield "rpo", "breached"
        return
    used = (now - max(points)).total_seconds() / database.rpo_s
    if used > 1:
        yield "rpo", "breached"
    elif used > 0.75:
        yield "rpo", "approaching"


def _of_drills(database: Database, drills: Sequence[Drill]) -> Iterable[tuple[str, str]]:
    if not drills:
        return
    newest = drills[-1]
    if newest.state == "failed":
        yield "restore_failed", "breached"
        yield "drill_slow", "breached"
    elif newest.verified_at is not None:
        taken = (newest.verified_at - newest.requested_at).total_seconds()
        if taken > database.rto_s:
            yield "drill_slow", "breached"
