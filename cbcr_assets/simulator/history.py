"""The attempts of one database: chance and incidents applied to its schedule.

Belongs here: which runs start, fail, are repeated, are killed, and how long they take.
Does not belong here: the sets they leave (see `sets`), what is true at the end (see `truth`).
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cbcr_assets.simulator import odd_backups
from cbcr_assets.simulator.errors import PASSING, PLANTED, Failure, tool_of
from cbcr_assets.simulator.incidents import DEAD_SOURCE, DIED_AGO, PLANS
from cbcr_assets.simulator.machinery import slowed
from cbcr_assets.simulator.model import Attempt, Database
from cbcr_assets.simulator.odd_backups import USUAL, Odd
from cbcr_assets.simulator.schedule import runs
from cbcr_assets.simulator.sources import local

CALM = timedelta(days=3)
"""What chance does must have passed so long before the end: what is wrong then was planted."""

_RETRY = timedelta(minutes=12)
_LONGEST_S = 2400
_YOUNG = timedelta(minutes=25)  # a run in flight at the end is too young to be lost soon
_PASSES, _FAILS, _KILLED, _STOPPED, _OUTAGE = 0.03, 0.006, 0.003, 0.002, 0.012
_STRUCK = {plan.name: plan.struck for plan in PLANS}


@dataclass(frozen=True)
class _Run:
    """One run that the schedule asks for."""

    slot: datetime
    kind: str
    remaining: int  # runs of the same schedule from this one to the newest

    @property
    def is_full(self) -> bool:
        return self.kind == "full"


def attempts_of(database: Database, chance: random.Random, *, now: datetime) -> list[Attempt]:
    """Return the attempts of a database, oldest first."""
    if database.method == "none":
        return []
    author = _Author(database, chance, now)
    found = [attempt for run in _runs(database, now) for attempt in author.attempts(run)]
    if database.source == DEAD_SOURCE:
        found = [a for a in found if a.finished_at and a.finished_at < now - DIED_AGO]
    return found


def _runs(database: Database, now: datetime) -> list[_Run]:
    """Return its runs; an incident counts those of the kind it strikes, from the newest back."""
    asked = runs(database, until=now)
    struck = "full" if database.incident == "lost" else ""
    left = sum(not struck or kind == struck for _, kind in asked)
    found = []
    for slot, kind in asked:
        counts = not struck or kind == struck
        found.append(_Run(slot, kind, left if counts else len(asked) + 1))
        left -= counts
    return found


class _Author:
    """Writes the history of one database."""

    def __init__(self, database: Database, chance: random.Random, now: datetime) -> None:
        self._database = database
        self._chance = chance
        self._now = now
        self._away_until = database.protect_from
        self._root = self._parent = ""
        self._tool = tool_of(database.db_type, database.method)

    def attempts(self, run: _Run) -> list[Attempt]:
        """Return the attempts of one run: usually one, after a failure a second, or none."""
        started = run.slot + timedelta(seconds=self._chance.randrange(2, 90))
        if run.remaining <= _STRUCK.get(self._database.incident, 0):
            return self._planted(run, started)
        if run.slot < self._away_until and not run.is_full:
            return []
        if run.slot < self._now - CALM:
            return self._by_chance(run, started)
        return self._success(run, started)

    def _planted(self, run: _Run, started: datetime) -> list[Attempt]:
        incident = self._database.incident
        if incident == "lost":
            return [self._attempt(run, started, None, "running")]
        if incident in odd_backups.PLANTED:
            return self._success(run, started, odd=odd_backups.PLANTED[incident])
        if incident not in PLANTED:
            return []  # missed
        tries = [started, started + _RETRY] if incident == "failed_disk_full" else [started]
        return [self._failure(run, at, PLANTED[incident]) for at in tries]

    def _by_chance(self, run: _Run, started: datetime) -> list[Attempt]:
        drawn = self._chance.random()
        passing = self._chance.choice(PASSING[self._tool])
        outage = timedelta(hours=self._chance.choice((5, 13, 30)))
        if drawn < _PASSES:
            failed = self._failure(run, started, passing)
            return [failed, *self._success(run, started + _RETRY)]
        if run.is_full:  # without it a whole week would be wrong
            return self._success(run, started)
        drawn -= _PASSES
        if drawn < _FAILS:
            return [self._failure(run, at, passing) for at in (started, started + _RETRY)]
        drawn -= _FAILS
        if drawn < _KILLED:
            return [self._attempt(run, started, None, "running")]
        drawn -= _KILLED
        if drawn < _STOPPED and self._database.method == "physical":
            stop = started + timedelta(seconds=self._chance.randrange(5, 60))
            return [self._attempt(run, started, stop, "cancelled")]
        drawn -= _STOPPED
        if 0 <= drawn < _OUTAGE and run.slot + outage < self._now - CALM:
            self._away_until = run.slot + outage
            return []
        return self._success(run, started)

    def _success(self, run: _Run, started: datetime, *, odd: Odd = USUAL) -> list[Attempt]:
        if started > self._now:
            return []
        share = self._chance.uniform(0.01, 0.06) if run.kind == "incr" else 1.0
        age = (self._now - started).total_seconds() / 86400
        size = int(self._database.size_bytes * (1 + self._database.growth_per_day) ** -age)
        size = odd.bytes or size
        # What is planted slow is so in any case.
        pace = 1.2e8 * (self._chance.lognormvariate(0, 0.25) if odd.slower == 1 else 1)
        slower = odd.slower * slowed(self._database.volume, started)
        seconds = min(_LONGEST_S, 4 + int(size * share / pace * slower))
        finished = started + timedelta(seconds=seconds)
        if finished > self._now and started > self._now - _YOUNG:
            return [self._attempt(run, started, None, "running")]
        finished = min(finished, self._now - timedelta(seconds=5))
        stored = int(size * share * odd_backups.stored_share(self._database.incident) * odd.stored)
        return [
            self._attempt(
                run, started, finished, "succeeded",
                source_bytes=size, repo_bytes=stored, **self._link(run, started),
            )
        ]  # fmt: skip

    def _link(self, run: _Run, started: datetime) -> dict[str, Any]:
        """Let an incremental build on the success before it; the first one becomes a full."""
        is_physical = self._database.method == "physical"
        stamp = f"{local(self._database.source, started):%Y%m%d-%H%M%S}"
        label = stamp if is_physical else f"{self._database.instance_id}-{stamp}"
        if run.kind == "dump":
            return {"label": label}
        if run.is_full or not self._root:
            self._root = self._parent = f"{label}F" if is_physical else label
            return {"backup_type": "full", "label": self._root, "root": self._root}
        label = f"{self._root}_{label}I" if is_physical else label
        parent, self._parent = self._parent, label
        return {"label": label, "root": self._root, "parent": parent}

    def _failure(self, run: _Run, started: datetime, failure: Failure) -> Attempt:
        name, host = self._database.instance_id, self._database.host
        return self._attempt(
            run, started, started + timedelta(seconds=failure.seconds), "failed",
            error_code=failure.code, error_text=failure.text.format(name=name, host=host),
        )  # fmt: skip

    def _attempt(
        self, run: _Run, started: datetime, finished: datetime | None, state: str, **facts: Any
    ) -> Attempt:
        name = self._database.instance_id
        if self._database.method == "physical":  # process id and a random number
            key = f"{self._chance.randrange(1000, 99999)}-{self._chance.getrandbits(32):08x}"
        else:
            key = f"{name}-{started:%Y%m%dT%H%M%S}"
        return Attempt(
            key=key, instance_id=name, asked_type=run.kind, scheduled_at=run.slot,
            started_at=started, finished_at=finished, state=state,
            **{"backup_type": run.kind, **facts},
        )  # fmt: skip
