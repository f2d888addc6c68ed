"""Incremental models of attempts and runs equal a full refresh, row for row, whatever happens.

The real dbt builds once in full and once incrementally while its statements are recorded. These
are then replayed after each of many random batches on a clock that the test moves on: late,
changed, refused and released records, runs that end or never do, schedules and promises that
change, blind sources. After each batch every mart is compared with the statements of a full
refresh, and every view of the present with itself on the raw rows.
"""

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest

from cbcr_assets.quality import release
from cbcr_assets.records import typed_frame
from cbcr_assets.steps import analytics
from cbcr_assets.warehouse.inventory import remap

pytestmark = pytest.mark.slow

START = datetime(2026, 6, 15, 12)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
MODELS = (
    "int_sources_spoken", "int_attempts_kept", "int_attempt_totals", "fct_backup_attempts",
    "fct_backup_success_daily",
)  # fmt: skip
MARTS = MODELS[3:]
VIEWS = (
    "live.live_attempts", "sla.sla_backup_failed", "sla.sla_backup_missed",
    "intermediate.int_instance_sources",
)  # fmt: skip
NAMES = ("often", "weekly", "monthly", "hangs", "blind", "gone", "kept")
SCHEDULES = {"monthly": ("0 3 1 * *", None), "often": ("0 1 * * 0", "0 * * * *")}
KINDS = ("full", "incr", "incr", "incr", "diff", "dump", None)
STATES = ("succeeded",) * 6 + ("succeeded_with_warnings", "failed", "failed", "cancelled")
BATCHES = 32


class World:
    """Raw rows of a small fleet, and chance that changes them."""

    def __init__(self, built: Any, seed: int) -> None:
        """Start with a fleet that has no history yet."""
        self.built = built
        self.chance = random.Random(seed)
        self.now = START
        self.jobs: dict[str, dict[str, Any]] = {}
        self.refused: list[str] = []
        self.number = 0

    # What is there from the beginning.

    def found(self) -> None:
        sources = [
            {"source_id": name, "tool": "t", "every_s": 60.0, "stale_after_s": 7200.0}
            for name in ("a", "b", "dead")
        ]
        aliases = [
            {"source_id": "dead" if name == "blind" else "a", "native_instance": f"n-{name}",
             "instance_id": name}
            for name in NAMES
        ]  # fmt: skip
        self.load("sources", sources)
        self.load("instances", [self.instance(name) for name in NAMES])
        self.load("instance_aliases", [
            *aliases, {"source_id": "b", "native_instance": "often", "instance_id": "often"},
        ])  # fmt: skip
        self.pull("dead")
        old = [self.attempt(self.now - DAY * self.chance.uniform(0, 60)) for _ in range(120)]
        self.load("backup_jobs", old)
        self.load(
            "scheduled_runs",
            [run for name in NAMES for run in self.plan(name, self.now - 45 * DAY)],
        )

    def instance(self, name: str, **more: Any) -> dict[str, Any]:
        full, incr = SCHEDULES.get(name, ("0 2 * * 0", "0 */6 * * *"))
        return {
            "instance_id": name, "rpo_s": 86400.0, "protect_from": START - 40 * DAY,
            "grace_s": 3600.0, "tier": 1, "team": "t", "timezone": "UTC", "full_schedule": full,
            "incr_schedule": incr, **more,
        }  # fmt: skip

    def plan(self, name: str, since: datetime) -> list[dict[str, Any]]:
        """Return runs from a moment to three days ahead, as a changed schedule asks for."""
        runs = []
        steps = {"often": (7 * DAY, HOUR), "monthly": (30 * DAY, 3 * DAY)}
        for kind, step in zip(("full", "incr"), steps.get(name, (7 * DAY, 6 * HOUR)), strict=True):
            moment = since + HOUR * self.chance.uniform(0, 3)
            while moment < self.now + max(3 * DAY, step):
                runs.append({"instance_id": name, "backup_type": kind, "scheduled_at": moment,
                             "due_at": moment + HOUR})  # fmt: skip
                moment += step
        return runs

    # What may happen.

    def attempt(self, started: datetime | None, **more: Any) -> dict[str, Any]:
        self.number += 1
        name = self.chance.choice((*NAMES, "nobody"))
        source = "dead" if name == "blind" else "a"
        state = self.chance.choice(STATES)
        row = {
            "source_id": source, "attempt_key": f"k{self.number}", "native_instance": f"n-{name}",
            "instance_id": None if name == "nobody" else name, "tool": "t", "state": state,
            "backup_type": self.chance.choice(KINDS), "started_at": started,
            "first_seen_at": started or self.now, "last_seen_at": self.now,
        }  # fmt: skip
        if self.chance.random() < 0.12:
            row["state"] = "running"
        elif started is not None:
            # Some are told before they have ended, some took no time at all.
            row["finished_at"] = started + HOUR * self.chance.choice((0, 0.1, 0.2, 0.5, 3))
        self.jobs[row["attempt_key"]] = row | more
        return self.jobs[row["attempt_key"]]

    def change(self) -> list[dict[str, Any]]:
        """Say something new of an attempt that is known."""
        row = dict(self.chance.choice(list(self.jobs.values())))
        row["last_seen_at"] = self.now
        match self.chance.randrange(4):
            case 0:
                row["state"] = self.chance.choice(("failed", "succeeded", "cancelled"))
                row["finished_at"] = row.get("finished_at") or self.now
            case 1 if row["started_at"] is not None:
                row["started_at"] += HOUR * self.chance.uniform(-30, 30)
                row["finished_at"] = None
                row["state"] = "failed"
            case 2:
                row["duration_s"] = self.chance.uniform(1, 90000)
            case _:
                row["transferred_bytes"] = self.chance.randrange(10**9)
        self.jobs[row["attempt_key"]] = row
        return [row]

    def pull(self, source: str) -> None:
        self.number += 1
        self.load("pulls", [{"pull_id": f"p{self.number}", "source_id": source, "kind": "k",
                             "started_at": self.now, "finished_at": self.now, "ok": True,
                             "complete": True}])  # fmt: skip

    def refuse(self) -> None:
        self.number += 1
        row = self.chance.choice(list(self.jobs.values()))
        self.refused.append(f"q{self.number}")
        self.load("quarantine", [{
            "quarantine_id": f"q{self.number}", "table_name": "backup_jobs", "rule": "r",
            "native_id": json.dumps([row["source_id"], row["attempt_key"]]),
            "observed_at": self.now,
        }])  # fmt: skip

    def batch(self) -> None:
        """Let time pass, and a few things happen."""
        passed = self.chance.choice((0.02, 0.3, 1, 3, 12, 26, 26, 120)) * HOUR
        self.load("backup_jobs", [
            self.attempt(self.now + passed * self.chance.uniform(-0.1, 1.02))
            for _ in range(self.chance.randrange(2, 14))
        ])  # fmt: skip
        self.now += passed
        self.clock()
        for source, odds in (("a", 0.8), ("b", 0.3), ("dead", 0.05)):
            if self.chance.random() < odds:
                self.pull(source)
        for odds, happen in (
            (0.5, lambda: self.load("backup_jobs", self.change())),
            (0.5, lambda: self.load("backup_jobs", self.change())),
            (0.3, lambda: self.load("backup_jobs", [self.attempt(self.now - 50 * DAY)])),
            (0.05, lambda: self.load("backup_jobs", [self.attempt(self.now - 3650 * DAY)])),
            (0.2, lambda: self.load("backup_jobs", [self.attempt(None)])),
            (0.3, self.refuse),
            (0.3, self.release),
            (0.3, self.reschedule),
            (0.15, self.promise),
        ):  # fmt: skip
            if self.chance.random() < odds:
                happen()

    def release(self) -> None:
        if self.refused:
            chosen = self.refused.pop(self.chance.randrange(len(self.refused)))
            with self.built.platform.warehouse.write() as session:
                assert release(session, chosen, now=self.now)

    def reschedule(self) -> None:
        """Each inventory that changed takes back the future and writes it anew."""
        with self.built.platform.warehouse.write() as session:
            session.execute(
                "delete from raw.scheduled_runs where scheduled_at > $now", {"now": self.now}
            )
        runs = []
        for name in NAMES:
            ago = self.chance.choice((0, 0, 0, 0, 9)) * DAY
            runs += self.plan(name, self.now - ago)
        self.load("scheduled_runs", runs)

    def promise(self) -> None:
        name = self.chance.choice(NAMES)
        windows = [{"start": self.now - 3 * DAY, "stop": self.now - 2 * DAY, "reason": "m"}]
        more = self.chance.choice(
            ({"retired_at": self.now - HOUR}, {"retired_at": None}, {"exclusions": windows},
             {"grace_s": 7200.0})
        )  # fmt: skip
        self.load("instances", [self.instance(name, **more)])

    def load(self, table: str, rows: list[dict[str, Any]]) -> None:
        with self.built.platform.warehouse.write() as session:
            session.load(table, typed_frame(table, rows))

    def clock(self) -> None:
        with self.built.platform.warehouse.write() as session:
            session.execute(
                f"create or replace macro cbcr_now() as timestamp '{self.now.isoformat(sep=' ')}'"
            )


class Recorded:
    """The statements of dbt: one incremental build, and the full query of each mart."""

    def __init__(self, built: Any, between: Callable[[], None]) -> None:
        """Build in full, let `between` happen, build incrementally and record it."""
        platform = built.platform
        compiled = platform.dbt_target / "compiled" / "cbcr" / "models" / "marts"
        self.run(platform, "--full-refresh")
        self.full = {name: (compiled / f"{name}.sql").read_text() for name in MARTS}
        between()
        events = self.run(platform)
        self.statements: list[str] = []
        for event in events:
            node = event["data"].get("node_info", {}).get("node_name")
            sql = event["data"].get("sql", "")
            is_told = event["info"]["name"] == "SQLQuery" and node in MODELS
            if is_told and sql.lower().strip(" \n;") not in ("begin", "commit"):
                self.statements.append(sql)
        assert sum("int_attempts_recent" in sql for sql in self.statements) > 3

    @staticmethod
    def run(platform: Any, *options: str) -> list[dict[str, Any]]:
        arguments = ["--log-format", "json", "--log-level", "debug", "run", "--threads", "1"]
        report = analytics.dbt(platform, [*arguments, *options])
        assert report.ok, report.output[-3000:]
        return [json.loads(line) for line in report.output.splitlines() if line.startswith("{")]

    def replay(self, con: duckdb.DuckDBPyConnection) -> None:
        for statement in self.statements:
            con.execute(statement)


def differing(con: duckdb.DuckDBPyConnection, one: str, other: str) -> list[tuple[Any, ...]]:
    """Return up to three rows that only one of two queries gives, said by which."""
    return con.execute(
        f"with one as ({one}), other as ({other})"
        " (select 'incremental', * from (from one except all from other) limit 3)"
        " union all (select 'full', * from (from other except all from one) limit 3)"
    ).fetchall()


def connect(built: Any) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(str(built.platform.config.warehouse))
    con.execute("set TimeZone = 'UTC'")
    return con


def compare_views(con: duckdb.DuckDBPyConnection, told: str) -> None:
    """Compare each view of the present with itself on the raw rows."""
    for view in VIEWS:
        con.execute(f"create or replace temp table kept_view as from {view}")
        con.execute("begin; delete from state.build_marks")
        assert not differing(con, "from kept_view", f"from {view}"), f"{view}: {told}"
        con.execute("rollback")


def compare_marts(con: duckdb.DuckDBPyConnection, recorded: Recorded, told: str) -> None:
    for mart, full in recorded.full.items():
        assert not differing(con, f"from marts.{mart}", full), f"{mart}: {told}"


def test_many_random_batches_equal_a_full_refresh(copy_built: Callable[[], Any]) -> None:
    built = copy_built()
    world = World(built, seed=20260615)
    world.clock()
    world.found()
    recorded = Recorded(built, world.batch)
    for number in range(BATCHES):
        world.batch()
        told = f"seed 20260615, batch {number} at {world.now}"
        with connect(built) as con:
            compare_views(con, f"not built, {told}")
            recorded.replay(con)
            compare_marts(con, recorded, told)
            compare_views(con, f"built, {told}")

    # What may not be gone on from: a name means another instance, a source is retired.
    world.load("instance_aliases", [
        {"source_id": "a", "native_instance": "n-nobody", "instance_id": "kept"},
        {"source_id": "a", "native_instance": "n-often", "instance_id": "weekly"},
    ])  # fmt: skip
    with built.platform.warehouse.write() as session:
        assert remap(session) > 0
        session.execute(
            "update raw.sources set retired_at = $now where source_id = 'a'", {"now": world.now}
        )
    with connect(built) as con:
        compare_views(con, "remapped, not built")
    Recorded.run(built.platform)
    with connect(built) as con:
        compare_marts(con, recorded, "remapped")
        compare_views(con, "remapped and built")
