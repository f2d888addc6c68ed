"""From a specification to a fleet: databases first, then their history, then what is true.

Belongs here: the mix of databases and where incidents are planted.
Does not belong here: histories (see `history`), files.
"""

import random
from datetime import datetime, timedelta

from cbcr_assets.simulator.history import drills_of, history_of
from cbcr_assets.simulator.model import Database, Fleet, FleetSpec
from cbcr_assets.simulator.truth import truth_of

_TEAMS = ("payments", "orders", "analytics", "platform", "search")
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
_DUMPED = ("mariadb", "mysql", "mongodb", "postgresql")
_HOUR, _DAY = 3600, 86400
_LEAST = 16

# Each is planted once, on a database of its own: (incident, method).
INCIDENTS = (
    ("failed_unreachable", "physical"),
    ("failed_disk_full", "dump"),
    ("missed_incremental", "physical"),
    ("missed_dump", "dump"),
    ("expired_chain", "physical"),
    ("never_backed_up", "none"),
    ("approaching", "dump"),
    ("slow_drill", "physical"),
    ("failed_drill", "dump"),
    ("blind", "dump"),
    ("lost", "dump"),
)


def simulate(spec: FleetSpec, *, now: datetime) -> Fleet:
    """Simulate a fleet up to `now`. Pure: the same arguments give the same fleet.

    Args:
        spec: Which fleet.
        now: End of its history, naive UTC.

    Raises:
        ValueError: Too few instances for the planted incidents.
    """
    if spec.instances < _LEAST:
        raise ValueError(f"{_LEAST} instances are the least: each incident needs its own")
    now = now.replace(microsecond=0)
    databases = tuple(_database(index, spec, now) for index in range(spec.instances))
    attempts, sets, drills = [], [], []
    for index, database in enumerate(databases):
        chance = random.Random(f"{spec.seed}/history/{index}")
        made, left = history_of(database, chance, now=now)
        attempts += made
        sets += left
        drills += drills_of(database, left, chance, now=now)
    return Fleet(
        spec, now, databases, tuple(attempts), tuple(sets), tuple(drills),
        truth_of(databases, attempts, sets, drills, now=now),
    )  # fmt: skip


def _database(index: int, spec: FleetSpec, now: datetime) -> Database:
    chance = random.Random(f"{spec.seed}/database/{index}")
    incident, method = INCIDENTS[index] if index < len(INCIDENTS) else ("", "")
    method = method or chance.choice(("physical", "physical", "dump"))
    team, tier = chance.choice(_TEAMS), chance.choice((1, 2, 2, 3, 3))
    db_type = "postgresql" if method == "physical" else chance.choice(_DUMPED)
    full, incr = _schedules(method, incident, chance, now)
    return Database(
        instance_id=f"{team}-{db_type[:5]}-{index:03d}",
        db_type=db_type,
        team=team,
        tier=tier,
        environment="production" if tier < 3 else "staging",
        timezone="UTC" if incident else chance.choice(_ZONES),
        method=method,
        source="edge" if incident == "blind" else "agents" if method != "physical" else "pgbr-main",
        rpo_s=_objective(method, incident),
        rto_s=chance.choice((2, 4, 8)) * _HOUR,
        full_schedule=full,
        incr_schedule=incr,
        protect_from=now - timedelta(days=3 if incident == "never_backed_up" else spec.days),
        size_bytes=int(chance.lognormvariate(24.5, 1.2)),
        incident=incident,
    )


def _schedules(
    method: str, incident: str, chance: random.Random, now: datetime
) -> tuple[str | None, str | None]:
    """Return cron expressions; an incident's clock is set so that it is ripe at `now`."""
    minute = chance.randrange(60)
    if method == "none" or incident == "blind":
        return None, None
    if incident in ("expired_chain", "missed_dump", "failed_disk_full", "lost"):
        hour = (now - timedelta(hours=5)).hour
    elif incident == "approaching":
        hour = (now + timedelta(hours=1)).hour
    else:
        hour = chance.randrange(24)
    if method == "dump" or incident == "expired_chain":
        return f"{minute} {hour} * * *", None
    return f"{minute} {hour} * * {chance.randrange(7)}", f"{minute} */4 * * *"


def _objective(method: str, incident: str) -> int:
    """Return the RPO: wide enough that only planted incidents come near it."""
    special = {
        "approaching": 30 * _HOUR,
        "never_backed_up": _DAY,
        "missed_incremental": 2 * _DAY,
        "failed_unreachable": 2 * _DAY,
        "missed_dump": 5 * _DAY,
        "failed_disk_full": 5 * _DAY,
        "lost": 5 * _DAY,
    }
    return special.get(incident, 40 * _HOUR if method == "dump" else 10 * _HOUR)
