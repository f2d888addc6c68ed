"""The values of a simulated fleet, all of them frozen; times are naive UTC.

Belongs here: types. Does not belong here: chance, truth, files.
"""

from dataclasses import dataclass
from datetime import datetime

LEAST_INSTANCES = 19
LEAST_DAYS = 10


@dataclass(frozen=True)
class FleetSpec:
    """Which fleet: the same specification and moment give the same fleet.

    Attributes:
        instances: Databases, at least 19: each incident needs its own.
        days: Days of history, at least 10: each chain needs a full backup.
        seed: Seed of all chance.
    """

    instances: int = 60
    days: int = 30
    seed: int = 7


@dataclass(frozen=True)
class Window:
    """A maintenance window that the inventory leaves out of compliance."""

    start: datetime
    stop: datetime
    reason: str


@dataclass(frozen=True)
class Database:
    """One database with its promises.

    Attributes:
        method: physical (pgBackRest), chain (mariadb-backup), dump, or none.
        source: The source that reports on it.
        archives_log: Its WAL is archived continuously.
        incident: What is planted on it, empty for a healthy one.
    """

    instance_id: str
    db_type: str
    team: str
    tier: int
    environment: str
    host: str
    timezone: str
    method: str
    source: str
    rpo_s: int
    rto_s: int
    full_schedule: str | None
    incr_schedule: str | None
    protect_from: datetime
    size_bytes: int
    growth_per_day: float
    volume: str
    archives_log: bool = False
    retired_at: datetime | None = None
    maintenance: Window | None = None
    incident: str = ""
    drill_every_s: int | None = None


@dataclass(frozen=True)
class Attempt:
    """One start of a backup command.

    Attributes:
        asked_type: What the schedule asked for; without a full backup an incr becomes one.
        root: Label of the full backup that the chain of this one begins with.
        parent: Label of the backup that this one builds on.
    """

    key: str
    instance_id: str
    backup_type: str
    asked_type: str
    scheduled_at: datetime
    started_at: datetime
    finished_at: datetime | None
    state: str
    error_code: str = ""
    error_text: str = ""
    label: str = ""
    root: str = ""
    parent: str = ""
    source_bytes: int = 0
    repo_bytes: int = 0


@dataclass(frozen=True)
class BackupSet:
    """What one successful attempt left; `gone_at` is when it was removed."""

    instance_id: str
    label: str
    backup_type: str
    root: str
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
    bytes: int = 0
    error_code: str = ""
    error_text: str = ""


@dataclass(frozen=True)
class ArchiveSample:
    """How far the archived WAL of a database reached at a moment, without a gap."""

    instance_id: str
    sampled_at: datetime
    archived_from_at: datetime
    archived_to_at: datetime
    pending: int
    failed: int
    base_label: str


@dataclass(frozen=True)
class StorageSample:
    """Fill of a volume at a moment; what has no size tells only what is used."""

    volume: str
    sampled_at: datetime
    size_bytes: int | None
    avail_bytes: int | None
    used_bytes: int | None = None


@dataclass(frozen=True)
class PlantedIncident:
    """One verdict that CBCR must come to.

    Attributes:
        rule: SLA rule.
        subject_kind: instance, source, alias or volume.
        subject_id: What it is about.
        status: approaching, breached or unknown.
        story: What really happened, in one sentence.
    """

    rule: str
    subject_kind: str
    subject_id: str
    status: str
    story: str


@dataclass(frozen=True)
class Truth:
    """What is true of a fleet, known because it was planted.

    Attributes:
        incidents: Every verdict that is not ok; no other one may be found.
        attempts_by_state: Backup attempts of the inventory's databases, lost ones by the clock.
        sets_available: Backup sets that are still in their catalogs.
        drills: Records of the drill runner.
        clones: Restores that only pgBackRest's own log tells of.
        strangers: Attempts of a server that the inventory does not know.
        rejects: Lines that cannot be used and must be in quarantine.
        unsure: Rules and subjects whose verdict changes within half an hour by the clock alone.
    """

    incidents: tuple[PlantedIncident, ...]
    attempts_by_state: tuple[tuple[str, int], ...]
    sets_available: int
    drills: int
    clones: int = 0
    strangers: int = 0
    rejects: int = 0
    unsure: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Fleet:
    """A simulated fleet at one moment.

    Attributes:
        clones: Restores for a staging copy: only pgBackRest's own log tells of them.
        strangers: Attempts of a server that the inventory does not know.
    """

    spec: FleetSpec
    now: datetime
    databases: tuple[Database, ...]
    attempts: tuple[Attempt, ...]
    sets: tuple[BackupSet, ...]
    drills: tuple[Drill, ...]
    clones: tuple[Drill, ...]
    archives: tuple[ArchiveSample, ...]
    storage: tuple[StorageSample, ...]
    strangers: tuple[Attempt, ...]
    truth: Truth
