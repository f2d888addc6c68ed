"""Storing an inventory, mapping late aliases, and reading SLA rules one by one."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cbcr_assets.records import empty_frame, typed_frame
from cbcr_assets.warehouse import FileWarehouse
from cbcr_assets.warehouse.inventory import scheduled_until, store_inventory
from cbcr_assets.warehouse.sla import evaluate, store

NOW = datetime(2026, 1, 10)
GOOD = """
create view sla.sla_good as select 'good' as rule, 'instance' as subject_kind, 'i' as subject_id,
  'breached' as status, 'critical' as severity, 90 as value, 60 as objective, 's' as unit,
  null as since, cbcr_now() + interval 1 hour as changes_at, 't' as team, '{}' as labels,
  'i is late' as summary, 'docs/x.md' as runbook"""


@pytest.fixture
def warehouse(tmp_path: Path) -> FileWarehouse:
    return FileWarehouse(tmp_path / "cbcr.duckdb", tmp_path / "serving")


def frames(*aliases: str) -> dict[str, pl.DataFrame]:
    return {
        "sources": typed_frame("sources", [{"source_id": "s", "tool": "cbcr"}]),
        "instances": typed_frame("instances", [{"instance_id": "i", "rpo_s": 60.0}]),
        "instance_aliases": typed_frame(
            "instance_aliases",
            [{"source_id": "s", "native_instance": a, "instance_id": "i"} for a in aliases],
        ),
    }


def slots(*days: int) -> pl.DataFrame:
    rows = [
        {"instance_id": "i", "backup_type": "full", "scheduled_at": datetime(2026, 1, day)}
        for day in days
    ]
    return typed_frame("scheduled_runs", rows)


def test_rows_that_waited_for_an_alias_become_news_when_it_comes(warehouse: FileWarehouse) -> None:
    waiting = {"source_id": "s", "attempt_key": "a", "native_instance": "orders"}
    with warehouse.write() as session:
        store_inventory(session, frames(), empty_frame("scheduled_runs"), now=NOW)
        session.load("backup_jobs", typed_frame("backup_jobs", [waiting]))
        before = session.rows("select instance_id, ingest_seq from raw.backup_jobs")[0]
        report = store_inventory(session, frames("orders"), empty_frame("scheduled_runs"), now=NOW)
        after = session.rows("select instance_id, ingest_seq from raw.backup_jobs")[0]
    assert report.remapped == 1
    assert before[0] is None
    assert after == ("i", after[1])
    assert after[1] > before[1]


def test_an_alias_that_left_the_inventory_leaves_its_rows_to_nobody(
    warehouse: FileWarehouse,
) -> None:
    rows = [
        {"source_id": "s", "attempt_key": name, "native_instance": name} for name in ("old", "new")
    ]
    imported = {"source_id": "s", "attempt_key": "by hand", "instance_id": "i"}
    none = empty_frame("scheduled_runs")
    held = "select attempt_key, instance_id, ingest_seq from raw.backup_jobs order by 1"
    with warehouse.write() as session:
        session.load("backup_jobs", typed_frame("backup_jobs", [*rows, imported]))
        store_inventory(session, frames("old", "new"), none, now=NOW)
        before = {row[0]: row for row in session.rows(held)}
        report = store_inventory(session, frames("new"), none, now=NOW)
        after = {row[0]: row for row in session.rows(held)}
        assert session.rows("select native_instance from raw.instance_aliases") == [("new",)]
        back = store_inventory(session, frames("old", "new"), none, now=NOW)
        assert session.rows(held)[2][1] == "i"
    assert (report.remapped, back.remapped) == (1, 1)
    assert after["old"][1] is None
    assert after["old"][2] > before["old"][2], "incremental models must read it again"
    assert [after[name] for name in ("new", "by hand")] == [
        before[name] for name in ("new", "by hand")
    ]


@pytest.mark.parametrize("table", ["instances", "sources"])
def test_aliases_of_what_is_in_the_file_no_longer_stay(
    warehouse: FileWarehouse, table: str
) -> None:
    without = frames() | {table: empty_frame(table)}
    with warehouse.write() as session:
        store_inventory(session, frames("old"), empty_frame("scheduled_runs"), now=NOW)
        store_inventory(session, without, empty_frame("scheduled_runs"), now=NOW)
        assert session.rows("select native_instance from raw.instance_aliases") == [("old",)]


def test_protection_starts_at_the_first_sighting_and_stays_there(warehouse: FileWarehouse) -> None:
    with warehouse.write() as session:
        for moment in (NOW, NOW + timedelta(days=3)):
            store_inventory(session, frames(), empty_frame("scheduled_runs"), now=moment)
        assert session.rows("select protect_from from raw.instances") == [(NOW,)]


def test_a_source_that_is_no_longer_configured_is_retired(warehouse: FileWarehouse) -> None:
    none = frames() | {"sources": empty_frame("sources")}
    with warehouse.write() as session:
        store_inventory(session, frames(), empty_frame("scheduled_runs"), now=NOW)
        store_inventory(session, none, empty_frame("scheduled_runs"), now=NOW)
        assert session.rows("select retired_at from raw.sources") == [(NOW,)]
        store_inventory(session, frames(), empty_frame("scheduled_runs"), now=NOW)
        assert session.rows("select retired_at from raw.sources") == [(None,)]


def test_a_changed_schedule_leaves_the_past_and_replaces_the_future(
    warehouse: FileWarehouse,
) -> None:
    with warehouse.write() as session:
        store_inventory(session, frames(), slots(5, 8, 12, 15), now=NOW)
        known = scheduled_until(session, now=NOW)
        store_inventory(session, frames(), slots(13), now=NOW)
        days = [day for (day,) in session.rows("select day(scheduled_at) from raw.scheduled_runs")]
    assert known.rows() == [("i", "full", datetime(2026, 1, 8))]
    assert sorted(days) == [5, 8, 13]


def test_one_broken_rule_does_not_silence_the_others(warehouse: FileWarehouse) -> None:
    with warehouse.live(as_of=NOW) as session:
        session.execute("create schema sla")
        session.execute(GOOD)
        session.execute("create view sla.sla_broken as select error('boom') as rule")
        evaluation = evaluate(
            session, rules=("absent", "broken", "good"), evaluation_id="e1", now=NOW
        )
        store(session, evaluation)
        stored = session.rows("select evaluation_id, rule, status, value from state.sla_status")
    absent, broken, good = evaluation.rules
    assert "cbcr build" in str(absent.error)
    assert broken.error is not None
    assert not broken.passed
    assert good.counts == {"ok": 0, "approaching": 0, "breached": 1, "unknown": 0}
    assert good.critical
    assert stored == [("e1", "good", "breached", 90.0)]
    assert evaluation.changes_at == NOW + timedelta(hours=1)
