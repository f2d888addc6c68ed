"""The values of a simulated fleet, all of them frozen; times are naive UTC.

Belongs here: types. Does not belong here: chance, files.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class FleetSpec:
    """Which fleet: the same specification and moment give the same fleet.

    Attributes:
        instances: Databases, at least 16: each incident needs its own.
        days: Days of history.
        seed: Seed of all chance.
    """

    instances: int = 60
    days: int = 30
    seed: int = 7


@dataclass(frozen=True)
class Database:
    """One database with its promises.

    Attributes:
        method: physical (pgBackRest), dump (job log and catalog), or none.
        source: The source that reports on it.
        incident: What is planted on it, empty for a healthy one.
    """

    instance_id: str
    db_type: str
    team: str
    tier: int
    environment: str
    timezone: str
    method: str
    source: str
    rpo_s: int
    rto_s: int
    full_schedule: str | None
    incr_schedule: str | None
    protect_from: datetime
    size_bytes: int
    incident: str = ""


@dataclass(frozen=True)
class Attempt:
    """One start of a backup command."""

    key: str
    instance_id: str
    backup_type: str
    scheduled_at: datetime
    started_at: datetime
    finished_at: datetime | None
    state: str
    error_code: str = ""
    error_text: str = ""
    label: str = ""
    parent: str = ""
    source_bytes: int = 0
    repo_bytes: int = 0


@dataclass(frozen=True)
class BackupSet:
    """What one successful attempt left; `gone_at` is when it was removed."""

    instance_id: str
    label: str
    backup_type: str
    parent: str
    started_at: datetime
    finished_at: datetime
    source_bytes: int
    repo_bytes: int
    gone_at: datetime | None


@dataclass(frozen=True)
class Drill:
    """One test restore with its phases."""

    key: str
    instance_id: str
    label: str
    requested_at: datetime
    started_at: datetime
    restored_at: datetime | None
    recovered_at: datetime | None
    verified_at: datetime | None
    state: str
    error_code: str = ""
    error_text: str = ""


@dataclass(frozen=True)
class PlantedIncident:
    """One verdict that CBCR must come to.

    Attributes:
        rule: SLA rule, or `drill_slow` for a drill beyond its objective.
        subject_id: What it is about.
        status: approaching, breached or unknown.
        story: What really happened, in one sentence.
    """

    rule: str
    subject_id: str
    status: str
    story: str


@dataclass(frozen=True)
class Truth:
    """What is true of a fleet, known because it was planted."""

    incidents: tuple[PlantedIncident, ...]
    attempts_by_state: tuple[tuple[str, int], ...]
    sets_available: int
    drills: int


@dataclass(frozen=True)
class Fleet:
    """A simulated fleet at one moment."""

    spec: FleetSpec
    now: datetime
    databases: tuple[Database, ...]
    attempts: tuple[Attempt, ...]
    sets: tuple[BackupSet, ...]
    drills: tuple[Drill, ...]
    truth: Truth
