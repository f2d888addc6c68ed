"""From a specification to a fleet: databases first, then their history, then what is true.

Belongs here: the mix of databases, their promises, and where incidents are planted.
Does not belong here: histories (see `history`), files.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from cbcr_assets.simulator.drills import clones_of, drills_of
from cbcr_assets.simulator.history import attempts_of
from cbcr_assets.simulator.incidents import (
    DAY,
    DEAD_SOURCE,
    HOUR,
    PLANS,
    UNMAPPED,
    UNSEEN_VOLUME,
    Plan,
)
from cbcr_assets.simulator.model import (
    LEAST_DAYS,
    LEAST_INSTANCES,
    ArchiveSample,
    Attempt,
    BackupSet,
    Database,
    Drill,
    Fleet,
    FleetSpec,
    Truth,
    Window,
)
from cbcr_assets.simulator.odd_backups import sized
from cbcr_assets.simulator.restore_times import OUTGROWN, OVERDUE, promised
from cbcr_assets.simulator.samples import archives_of
from cbcr_assets.simulator.schedule import every, weekly
from cbcr_assets.simulator.sets import sets_of
from cbcr_assets.simulator.sources import TOKYO
from cbcr_assets.simulator.truth import truth_of
from cbcr_assets.simulator.volumes import storage_of

_TEAMS = ("payments", "orders", "analytics", "platform", "search")
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney")
_DUMPED = ("mariadb", "mysql", "mongodb", "postgresql")
_METHODS = ("physical", "physical", "physical", "chain", "dump", "dump")
_VOLUMES = {"agents": "nas1", "catalog-db": "nas2", DEAD_SOURCE: UNSEEN_VOLUME, "": "nas1"}
_STANZAS_A_HOST = 300
_BUSY, _BUSY_SINCE, _BUSY_BYTES = len(PLANS), timedelta(minutes=10), 500_000_000_000
# The two after the busy one; a fleet of LEAST_INSTANCES has them.
_PLANTED_PROMISES = {len(PLANS) + 1: OVERDUE, len(PLANS) + 2: OUTGROWN}
_RETIRED, _RETIRED_AGO = 25, timedelta(days=3)
_GRACEFUL = {4: 10 * HOUR, 6: 12 * HOUR, 24: 40 * HOUR}  # hours between backups to objective


def simulate(spec: FleetSpec, *, now: datetime) -> Fleet:
    """Simulate a fleet up to `now`. Pure: the same arguments give the same fleet.

    Args:
        spec: Which fleet.
        now: End of its history, naive UTC.

    Raises:
        ValueError: Too few instances for the planted incidents, or too few days.
    """
    if spec.instances < LEAST_INSTANCES:
        raise ValueError(f"{LEAST_INSTANCES} instances are the least: each incident needs its own")
    if spec.days < LEAST_DAYS:
        raise ValueError(f"{LEAST_DAYS} days are the least: each chain needs a full backup")
    now = now.replace(microsecond=0)
    databases = tuple(_database(index, spec, now) for index in range(spec.instances))
    attempts: list[Attempt] = []
    sets: list[BackupSet] = []
    drills: list[Drill] = []
    clones: list[Drill] = []
    archives: list[ArchiveSample] = []
    for index, database in enumerate(databases):
        chance = random.Random(f"{spec.seed}/history/{index}")
        made = attempts_of(database, chance, now=now)
        left = sets_of(database, made, now=now)
        attempts += made
        sets += left
        drills += drills_of(database, left, chance, now=now)
        clones += clones_of(database, left, chance, now=now)
        archives += archives_of(database, left, now=now)
    storage = storage_of(
        databases, sets, unseen=UNSEEN_VOLUME, start=now - timedelta(days=spec.days), now=now,
        seed=spec.seed,
    )  # fmt: skip
    fleet = Fleet(
        spec, now, databases, tuple(attempts), tuple(sets), tuple(drills), tuple(clones),
        tuple(archives), tuple(storage), tuple(_strangers(now)), Truth((), (), 0, 0),
    )  # fmt: skip
    return replace(fleet, truth=truth_of(fleet))


def _database(index: int, spec: FleetSpec, now: datetime) -> Database:
    chance = random.Random(f"{spec.seed}/database/{index}")
    plan = PLANS[index] if index < len(PLANS) else None
    # A dead source takes several with it in a fleet that is large enough.
    is_blind = index % 30 == 29
    method = plan.method if plan else chance.choice(_METHODS)
    method = "chain" if is_blind else "dump" if index == _BUSY else method
    db_type = {"physical": "postgresql", "chain": "mariadb"}.get(method) or chance.choice(_DUMPED)
    team, tier = chance.choice(_TEAMS), chance.choice((1, 2, 2, 3, 3))
    source = plan.source if plan and plan.source else _source(method, index, chance)
    source = DEAD_SOURCE if is_blind else source
    database = Database(
        instance_id=f"{team}-{db_type[:5]}-{index:03d}",
        db_type=db_type,
        team=team,
        tier=tier,
        environment="production" if tier < 3 else "staging",
        host=f"db{index:03d}.{'tyo' if source == TOKYO else 'fra'}.example.org",
        timezone="UTC" if plan or is_blind else chance.choice(_ZONES),
        method=method,
        source=source,
        rpo_s=DAY,
        rto_s=chance.choice((2, 4, 8)) * HOUR,
        full_schedule=None,
        incr_schedule=None,
        protect_from=now - timedelta(days=3 if method == "none" else spec.days),
        size_bytes=int(chance.lognormvariate(24.5, 1.2)),
        growth_per_day=chance.uniform(0.0005, 0.006),
        volume=f"{source}-repo" if method == "physical" else _VOLUMES[source],
    )
    if plan:
        return promised(sized(_planned(database, plan, now)), spec)
    database = _seasoned(_scheduled(database, chance, is_blind=is_blind), index, now)
    return promised(database, spec, plant=_PLANTED_PROMISES.get(index, ""))


def _source(method: str, index: int, chance: random.Random) -> str:
    """Return who reports on a database: large fleets have several repository hosts."""
    if method == "physical":
        host = 1 + index // _STANZAS_A_HOST
        main = "pgbr-main" if host == 1 else f"pgbr-main-{host}"
        return TOKYO if index >= len(PLANS) and chance.random() < 0.25 else main
    if method == "dump":
        return chance.choice(("agents", "catalog-db"))
    return "agents" if method == "chain" else ""


def _planned(database: Database, plan: Plan, now: datetime) -> Database:
    """Set the clock of an incident so that it is ripe at `now`."""
    full = incr = None
    if plan.full is not None:
        at = now - plan.full
        full = weekly(at) if plan.incr is not None else f"{at.minute} {at.hour} * * *"
    if plan.incr is not None:
        at = now - plan.incr
        incr = every(plan.incr_hours, hour=at.hour, minute=at.minute)
    return replace(
        database,
        full_schedule=full,
        incr_schedule=incr,
        rpo_s=plan.rpo_s,
        archives_log=plan.name == "archive_stalled",
        incident=plan.name,
    )


def _scheduled(database: Database, chance: random.Random, *, is_blind: bool) -> Database:
    """Give a healthy database a schedule, and an objective with room for it."""
    minute, hour = chance.randrange(0, 60, 15), chance.randrange(24)
    if database.method == "dump":
        return replace(database, full_schedule=f"{minute} {hour} * * *", rpo_s=_GRACEFUL[24])
    hours = 4 if is_blind else chance.choice((4, 6, 24, 24))
    archives = database.method == "physical" and database.tier == 1
    return replace(
        database,
        full_schedule=f"{minute} {hour} * * {chance.randrange(7)}",
        incr_schedule=every(hours, hour=hour, minute=minute),
        rpo_s=4 * HOUR if archives else _GRACEFUL[hours],
        archives_log=archives,
        incident="blind" if is_blind else "",
    )


def _seasoned(database: Database, index: int, now: datetime) -> Database:
    """Give some databases what also happens to healthy ones: a run in flight, maintenance."""
    if database.incident:
        return database
    if index == _BUSY:
        at = now - _BUSY_SINCE
        return replace(
            database,
            timezone="UTC",
            full_schedule=f"{at.minute} {at.hour} * * *",
            size_bytes=_BUSY_BYTES,
        )
    if index == _RETIRED:
        return replace(database, retired_at=now - _RETIRED_AGO)
    if index % 11 == 5:
        start = (now - timedelta(days=6)).replace(minute=0, second=0)
        window = Window(start, start + timedelta(hours=8), "storage move")
        return replace(database, maintenance=window)
    return database


def _strangers(now: datetime) -> Iterator[Attempt]:
    """Return the backups of a server that the inventory does not know."""
    for day in (2, 1, 0):
        begun = now - timedelta(days=day, hours=7)
        name = f"{UNMAPPED}-{begun:%Y%m%d}"
        yield Attempt(
            name, UNMAPPED, "dump", "dump", begun, begun, begun + timedelta(minutes=4),
            "succeeded", label=name, source_bytes=4_000_000, repo_bytes=900_000,
        )  # fmt: skip
