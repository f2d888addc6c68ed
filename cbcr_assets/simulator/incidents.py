"""What is planted: one line an incident, with the clock that makes it ripe at `now`.

Belongs here: which incident needs which kind of database, schedule and objective, and its story.
Does not belong here: how it changes a history (see `history`), what follows from it (see `truth`).

Each clock is set so that no verdict changes within half an hour of `now`: an evaluation comes
some minutes later than the simulation.
"""

from dataclasses import dataclass
from datetime import timedelta

from cbcr_assets.simulator.model import PlantedIncident

UNMAPPED = "legacy-crm"
DEAD_SOURCE = "edge"
UNSEEN_VOLUME = "edge-disk"
DIED_AGO = timedelta(hours=6)
STALLED_AGO = timedelta(hours=9)
EXPIRED_AGO = timedelta(hours=2)
HUNG_AGO = timedelta(days=3)

HOUR = 3600
DAY = 24 * HOUR


@dataclass(frozen=True)
class Plan:
    """What an incident needs.

    Attributes:
        name: The incident.
        method: physical, chain, dump or none.
        source: The source that reports on it, empty where any of its method will do.
        full: Age of the newest scheduled full backup or dump, None without such a schedule.
        incr: Age of the newest scheduled incremental, None without such a schedule.
        incr_hours: Hours between incrementals.
        rpo_s: Objective.
        struck: How many of the newest runs it hits.
        story: What really happened.
    """

    name: str
    method: str
    source: str
    full: timedelta | None
    incr: timedelta | None
    incr_hours: int
    rpo_s: int
    struck: int
    story: str


def _hours(hours: float) -> timedelta:
    return timedelta(hours=hours)


PLANS: tuple[Plan, ...] = (
    Plan("failed_unreachable", "physical", "", _hours(98), _hours(2), 6, 2 * DAY, 2,
         "its primary went down, so pgBackRest finds nothing to back up since the last two runs"),
    Plan("failed_disk_full", "chain", "", _hours(77), _hours(5), 24, 2 * DAY, 1,
         "mariadb-backup and its retry died on a full disk"),
    Plan("failed_repo_full", "physical", "", _hours(106), _hours(2), 4, 12 * HOUR, 4,
         "the repository's disk is full since four runs, so its newest backup grew too old"),
    Plan("missed_incremental", "physical", "", _hours(98.5), _hours(2.5), 4, 10 * HOUR, 3,
         "somebody removed the cron job: three incrementals never started, nothing reported it"),
    Plan("missed_dump", "dump", "", _hours(5), None, 24, 2 * DAY, 1,
         "the last dump never started, and nothing reported a failure"),
    Plan("expired_chain", "chain", "", _hours(77), _hours(5), 24, 40 * HOUR, 0,
         "a cleanup job deleted the full backup: the incrementals are still there, and worthless"),
    Plan("never_backed_up", "none", "", _hours(5), None, 24, DAY, 0,
         "it went live three days ago and nobody set up the backup that its schedule promises"),
    Plan("approaching", "dump", "catalog-db", _hours(22.5), None, 24, 26 * HOUR, 0,
         "the daily dump is not due yet, but the objective is tight"),
    Plan("slow_drill", "physical", "", _hours(76), _hours(4), 6, 14 * HOUR, 0,
         "each drill took longer than the one before; the newest broke the objective"),
    Plan("failed_drill", "dump", "catalog-db", _hours(8), None, 24, 40 * HOUR, 0,
         "the newest drill found damaged files in the dump"),
    Plan("blind", "chain", DEAD_SOURCE, _hours(75), _hours(3), 4, 10 * HOUR, 0,
         "the collector at the edge site died six hours ago, so nobody knows"),
    Plan("lost", "chain", "", HUNG_AGO, _hours(5), 24, 40 * HOUR, 1,
         "its full backup hangs for three days, while the incrementals go on"),
    Plan("archive_stalled", "physical", "", _hours(74), _hours(2), 6, 4 * HOUR, 2,
         "archiving of its WAL stalled nine hours ago, and its backups wait for it in vain"),
    Plan("empty_dump", "dump", "", _hours(6), None, 24, 40 * HOUR, 1,
         "its dump succeeds since last night, of an empty directory: the mount is gone"),
    Plan("encrypted", "dump", "", _hours(7), None, 24, 40 * HOUR, 1,
         "somebody encrypted its tables, so the newest dump no longer compresses"),
    Plan("slow_backup", "dump", "agents", _hours(9), None, 24, 40 * HOUR, 1,
         "its newest dump crawled: twelve times the usual time for the same size"),
)  # fmt: skip

STORIES = {plan.name: plan.story for plan in PLANS}
SILENT_SOURCE = PlantedIncident("source_stale", "source", DEAD_SOURCE, "breached", STORIES["blind"])
STRANGER = PlantedIncident(
    "alias_unmapped", "alias", f"agents/{UNMAPPED}", "breached",
    "a server that nobody put into the inventory reports its backups",
)  # fmt: skip
