"""An inventory that a database holds, and what happens while it does not answer."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cbcr_assets.config import ConfigError
from cbcr_assets.steps import analytics, watch
from cbcr_assets.steps.in_force import refusals
from cbcr_assets.steps.inventory_diff import inventory_diff
from cbcr_assets.steps.platform import Platform, open_platform

NOW = datetime(2026, 1, 1, 12)
QUERY = """-- database: env:CMDB
select name as id, kind as db_type, rpo, '4h' as rto, tier, alias as aliases,
    case when retired then '2025-12-01' end as retired_at
from servers
order by name
"""


@pytest.fixture
def cmdb(tmp_path: Path) -> Path:
    path = tmp_path / "cmdb.db"
    with sqlite3.connect(path) as con:
        con.execute("create table servers (name, kind, rpo, tier, alias, retired)")
        con.execute("insert into servers values ('orders', 'postgresql', '1h', 1, 'agents=o1', 0)")
        con.execute("insert into servers values ('old', 'mysql', '1d', null, null, 1)")
    con.close()
    return path


@pytest.fixture
def platform(tmp_path: Path, cmdb: Path) -> Platform:
    (tmp_path / "cbcr.yaml").write_text(
        "inventory: inventory.sql\n"
        "sources: {agents: {tool: cbcr, names_are_instance_ids: false, feeds: [{drop: inbox}]}}\n"
    )
    (tmp_path / "inventory.sql").write_text(QUERY)
    return open_platform({"CBCR_CONFIG": str(tmp_path / "cbcr.yaml"), "CMDB": f"sqlite:///{cmdb}"})


def stored(platform: Platform) -> list[tuple[object, ...]]:
    with platform.warehouse.write() as session:
        return session.query(
            "select instance_id, rpo_s, tier, retired_at from raw.instances order by 1"
        ).rows()


def change(cmdb: Path, sql: str) -> None:
    with sqlite3.connect(cmdb) as con:
        con.execute(sql)
    con.close()


def test_it_is_stored_like_any_other_and_asked_once_a_minute(
    platform: Platform, cmdb: Path
) -> None:
    assert inventory_diff(platform).filter(change="added").height == 2
    assert watch.sync_inventory(platform, now=NOW) is not None
    assert stored(platform) == [
        ("old", 86_400.0, None, datetime(2025, 12, 1)), ("orders", 3_600.0, 1, None)
    ]  # fmt: skip
    analytics.publish(platform, now=NOW)
    assert inventory_diff(platform).is_empty()

    change(cmdb, "update servers set rpo = '30m' where name = 'orders'")
    assert inventory_diff(platform).select("instance_id", "file").rows() == [("orders", "0:30:00")]
    assert watch.sync_inventory(platform, now=NOW + timedelta(minutes=2)) is not None
    change(cmdb, "update servers set rpo = '2h' where name = 'orders'")
    assert watch.sync_inventory(platform, now=NOW + timedelta(minutes=2, seconds=30)) is None
    assert stored(platform)[1][1] == 1_800.0
    assert watch.sync_inventory(platform, now=NOW + timedelta(minutes=3, seconds=1)) is not None
    assert stored(platform)[1][1] == 7_200.0


def test_while_it_does_not_answer_the_newest_answer_stays_in_force(
    platform: Platform, cmdb: Path
) -> None:
    watch.sync_inventory(platform, now=NOW)
    cmdb.rename(cmdb.with_suffix(".away"))
    tomorrow = NOW + timedelta(days=1)
    watch.sync_inventory(platform, now=tomorrow)
    assert len(stored(platform)) == 2
    assert "cannot be asked" in refusals(platform.home)["inventory.sql.csv"]
    with pytest.raises(ConfigError, match="cannot be asked"):
        inventory_diff(platform)
    cmdb.with_suffix(".away").rename(cmdb)
    watch.sync_inventory(platform, now=tomorrow + timedelta(minutes=1))
    assert refusals(platform.home) == {}


def test_a_wrong_row_is_told_with_its_line_and_the_stored_one_stays(
    platform: Platform, cmdb: Path
) -> None:
    watch.sync_inventory(platform, now=NOW)
    change(cmdb, "update servers set kind = 'postgrs' where name = 'orders'")
    with pytest.raises(ConfigError, match=r"inventory\.sql\.csv:3"):
        watch.sync_inventory(platform, now=NOW + timedelta(minutes=1))
    assert len(stored(platform)) == 2
    assert "inventory.sql" in refusals(platform.home)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("select 1", "-- database: env:"),
        ("-- database: env:NOT_THERE\nselect 1", "NOT_THERE is not set"),
        ("-- database: postgresql://u:hunter2@h/d\nselect 1", "holds a password"),
        ("-- database: env:CMDB\nselect id from nowhere", "nowhere"),
        ("-- database: env:CMDB\ndelete from servers", "readonly"),
    ],
)
def test_what_cannot_be_asked_says_why_and_no_secret(
    platform: Platform, tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "inventory.sql").write_text(text)
    with pytest.raises(ConfigError, match=told) as refused:
        watch.sync_inventory(platform, now=NOW)
    assert "hunter2" not in str(refused.value)
