"""The history of one database: attempts, the sets they left, drills.

Belongs here: chance applied to schedules, and what an incident does to the last days.
Does not belong here: what is true at the end (see `truth`), files.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from cbcr_assets.simulator.model import Attempt, BackupSet, Database, Drill

_RETRY = timedelta(minutes=12)
_CALM = timedelta(days=2)  # nothing happens by chance here: what is wrong at the end was planted
_KEEP_FULLS = 2
_KEEP_DUMPS = timedelta(days=14)
_TROUBLE = 0.03
_SKIP = 0.012


def history_of(
    database: Database, chance: random.Random, *, now: datetime
) -> tuple[list[Attempt], list[BackupSet]]:
    """Return the attempts and the sets of a database, oldest first."""
    attempts: list[Attempt] = []
    slots = _slots(database, now)
    skip_until = database.protect_from
    for number, (slot, kind) in enumerate(slots):
        # A weekly full that is missed stays missed for a week: chance spares it.
        is_calm = slot > now - _CALM or kind == "full"
        if slot < skip_until and kind != "full":
            continue
        if not is_calm and chance.random() < _SKIP:
            skip_until = slot + timedelta(hours=chance.choice((5, 13, 45)))
            continue
        remaining = len(slots) - number
        attempts += _tries(database, chance, slot, kind, remaining, is_calm=is_calm, now=now)
    attempts = _blinded(database, attempts, now)
    attempts = _parented(attempts)
    return attempts, _sets(database, attempts, now)


def drills_of(
    database: Database, sets: list[BackupSet], chance: random.Random, *, now: datetime
) -> list[Drill]:
    """Return the drills of a database: some have none, a planted one is its newest."""
    planted = database.incident in ("slow_drill", "failed_drill")
    if not sets or database.incident == "blind" or (not planted and chance.random() < 0.3):
        return []
    drills = []
    for number in range(chance.choice((1, 2, 3))):
        chosen = sets[chance.randrange(len(sets))]
        drills.append(_drill(database, chosen, chance, number, "succeeded", now=now))
    drills = [drill for drill in drills if drill.requested_at < now - timedelta(days=1)]
    if planted:
        state = "failed" if database.incident == "failed_drill" else "slow"
        drills.append(_drill(database, sets[-1], chance, 9, state, now=now))
    return sorted(drills, key=lambda drill: drill.requested_at)


def _slots(database: Database, now: datetime) -> list[tuple[datetime, str]]:
    found: dict[datetime, str] = {}
    schedules = ((database.incr_schedule, "incr"), (database.full_schedule, "full"))
    for expression, kind in schedules:
        for moment in _moments(database, expression, now):
            found[moment] = kind  # where both are due the full runs
    named = {"full": "dump" if database.method == "dump" else "full", "incr": "incr"}
    return [(moment, named[kind]) for moment, kind in sorted(found.items())]


def _moments(database: Database, expression: str | None, now: datetime) -> Iterator[datetime]:
    if expression is None and database.incident == "blind":
        expression = "15 * * * *"  # nobody promised a schedule, but it did report every hour
    if expression is None:
        return
    start = database.protect_from.replace(tzinfo=UTC).astimezone(ZoneInfo(database.timezone))
    for moment in CronSim(expression, start):
        found = moment.astimezone(UTC).replace(tzinfo=None)
        if found > now:
            return
        yield found


def _tries(
    database: Database,
    chance: random.Random,
    slot: datetime,
    kind: str,
    remaining: int,
    *,
    is_calm: bool,
    now: datetime,
) -> list[Attempt]:
    """Return the attempts of one slot: usually one, after a failure a second."""
    started = slot + timedelta(seconds=chance.randrange(2, 90))
    incident = database.incident
    # An incident strikes the last slot, or the last two, that began long enough ago to matter.
    if incident == "missed_incremental" and remaining <= 2:
        return []
    if incident == "missed_dump" and remaining == 1:
        return []
    if incident == "failed_unreachable" and remaining <= 2:
        return [_failed(database, kind, slot, started, "056")]
    if incident == "failed_disk_full" and remaining == 1:
        return [
            _failed(database, kind, slot, started, "28"),
            _failed(database, kind, slot, started + _RETRY, "28"),
        ]
    if incident == "lost" and remaining == 1:
        return [Attempt(_key(database, started), database.instance_id, kind, slot, started, None,
                        "running")]  # fmt: skip
    tries = []
    if not is_calm and chance.random() < _TROUBLE:
        code = "056" if database.method == "physical" else "28"
        tries.append(_failed(database, kind, slot, started, code))
        started += _RETRY
    done = _done(database, chance, kind, slot, started, now)
    return [*tries, done] if started <= now else tries


_ERRORS = {
    "056": "unable to find primary cluster - cannot proceed",
    "28": "write failed: No space left on device",
}


def _failed(database: Database, kind: str, slot: datetime, started: datetime, code: str) -> Attempt:
    return Attempt(
        _key(database, started), database.instance_id, kind, slot, started,
        started + timedelta(seconds=4), "failed", code, _ERRORS[code],
    )  # fmt: skip


def _done(
    database: Database,
    chance: random.Random,
    kind: str,
    slot: datetime,
    started: datetime,
    now: datetime,
) -> Attempt:
    share = 1.0 if kind != "incr" else chance.uniform(0.01, 0.06)
    age = (now - started).total_seconds() / 86400
    size = int(database.size_bytes * (1 - 0.002 * age))
    seconds = max(3, int(size * share / chance.uniform(8e7, 1.6e8)))
    finished = started + timedelta(seconds=min(seconds, 2400))
    if finished > now:
        return Attempt(
            _key(database, started), database.instance_id, kind, slot, started, None, "running"
        )
    return Attempt(
        _key(database, started), database.instance_id, kind, slot, started, finished, "succeeded",
        label=_label(database, kind, started), source_bytes=size,
        repo_bytes=int(size * share * 0.35),
    )  # fmt: skip


def _key(database: Database, started: datetime) -> str:
    return f"{database.instance_id}-{started:%Y%m%d%H%M%S}"


def _label(database: Database, kind: str, started: datetime) -> str:
    if database.method == "physical":
        return f"{started:%Y%m%d-%H%M%S}{'F' if kind == 'full' else 'I'}"
    return f"{database.instance_id}-{started:%Y%m%d%H%M}"


def _parented(attempts: list[Attempt]) -> list[Attempt]:
    """Chain each incremental to the newest full; without one it becomes a full, as tools do."""
    chained: list[Attempt] = []
    full = ""
    for attempt in attempts:
        if attempt.state != "succeeded" or attempt.backup_type == "dump":
            chained.append(attempt)
            continue
        facts = dict(vars(attempt))
        if attempt.backup_type == "incr" and full:
            facts |= {"label": f"{full}_{attempt.label}", "parent": full}
        else:
            facts |= {"backup_type": "full", "label": attempt.label[:-1] + "F"}
            full = str(facts["label"])
        chained.append(Attempt(**facts))
    return chained


def _blinded(database: Database, attempts: list[Attempt], now: datetime) -> list[Attempt]:
    """Keep what a source that died six hours ago could still report."""
    if database.incident != "blind":
        return attempts
    death = now - timedelta(hours=6)
    return [a for a in attempts if a.finished_at is not None and a.finished_at < death]


def _sets(database: Database, attempts: list[Attempt], now: datetime) -> list[BackupSet]:
    done = [a for a in attempts if a.state == "succeeded" and a.finished_at is not None]
    fulls = [a for a in done if not a.parent]
    gone = {full.label: _gone_at(database, full, fulls, now) for full in fulls}
    return [
        BackupSet(
            a.instance_id, a.label, a.backup_type, a.parent, a.started_at,
            a.finished_at or a.started_at, a.source_bytes, a.repo_bytes, gone[a.parent or a.label],
        )
        for a in done
    ]  # fmt: skip


def _gone_at(
    database: Database, full: Attempt, fulls: list[Attempt], now: datetime
) -> datetime | None:
    if database.incident == "expired_chain":
        return now - timedelta(hours=2)
    if database.method == "dump":
        end = full.started_at + _KEEP_DUMPS
        return end if end <= now else None
    later = [other for other in fulls if other.started_at > full.started_at]
    if len(later) < _KEEP_FULLS:
        return None
    return (later[_KEEP_FULLS - 1].finished_at or now) + timedelta(seconds=3)


def _drill(
    database: Database,
    chosen: BackupSet,
    chance: random.Random,
    number: int,
    state: str,
    *,
    now: datetime,
) -> Drill:
    requested = chosen.finished_at + timedelta(minutes=chance.randrange(5, 600))
    if state != "succeeded":
        requested = now - timedelta(hours=20)
    started = requested + timedelta(seconds=chance.randrange(20, 200))
    total = database.rto_s * (1.4 if state == "slow" else chance.uniform(0.15, 0.8))
    restored = started + timedelta(seconds=int(total * 0.6))
    recovered = started + timedelta(seconds=int(total * 0.9))
    verified = started + timedelta(seconds=int(total))
    key = f"drill-{database.instance_id}-{number}"
    if state == "failed":
        return Drill(key, database.instance_id, chosen.label, requested, started, None, None, None,
                     "failed", "26", "checksum mismatch in the restored files")  # fmt: skip
    return Drill(key, database.instance_id, chosen.label, requested, started, restored, recovered,
                 verified, "succeeded")  # fmt: skip
