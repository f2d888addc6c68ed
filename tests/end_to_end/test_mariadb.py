"""A real MariaDB, backed up by the real mariadb-backup, read by a command feed."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cbcr_assets.steps.platform import Platform, open_platform
from cbcr_assets.steps.watch import collect_source, pull_source, sync_inventory

pytestmark = pytest.mark.e2e
CONFIG = """
sources:
  shop:
    tool: mariadb
    every: 5s
    feeds:
      - kind: history
        command: {command}
"""
INVENTORY = """
instances:
  - {id: shop-db, db_type: mariadb, rpo: 1d, rto: 4h, aliases: [{source: shop, name: shop1}]}
"""
SELECT = (
    "select 'shop1' as instance, uuid, start_time, end_time, innodb_from_lsn, innodb_to_lsn,"
    " incremental from mysql.mariadb_backup_history"
)


@pytest.fixture
def mariadb(tools: ModuleType) -> Iterator[Any]:
    """A running server in a folder that its own user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="cbcr-mariadb-"))
    folder.chmod(0o755)
    try:
        server = tools.MariaDb(folder)
    except tools.MissingTool as error:
        shutil.rmtree(folder)
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def platform(mariadb: Any, tmp_path: Path) -> Platform:
    command = ["mariadb", "--no-defaults", "--batch", "--user=root", f"--socket={mariadb.socket}",
               "--init-command", "set time_zone='+00:00'", "-e", SELECT]  # fmt: skip
    (tmp_path / "cbcr.yaml").write_text(CONFIG.format(command=json.dumps(command)))
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    return open_platform({**os.environ, "CBCR_CONFIG": str(tmp_path / "cbcr.yaml")})


def test_full_and_incremental_are_one_chain_and_a_failure_leaves_no_row(
    mariadb: Any, platform: Platform
) -> None:
    begun = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    mariadb.sql("create database shop; create table shop.orders (id int primary key)")
    assert mariadb.backup("full1")[0] == 0
    mariadb.sql("insert into shop.orders values (1), (2)")
    base = f"--incremental-basedir={mariadb.root / 'full1'}"
    assert mariadb.backup("incr1", base)[0] == 0
    rc, log = mariadb.backup("full1")
    assert rc == 1
    assert "completed OK!" not in log

    now = datetime.now(UTC).replace(tzinfo=None)
    sync_inventory(platform, now=now)
    collected = collect_source(platform, platform.config.sources["shop"], now=now)
    assert collected.errors == ()
    report = pull_source(platform, "shop", now=now)

    assert (report.rejected, report.errors) == (0, ())
    with platform.warehouse.live(as_of=now) as session:
        full, incr = session.query("from raw.backup_sets order by started_at, label").to_dicts()
        if full["backup_type"] == "incr":  # both within one second of the tool's clock
            full, incr = incr, full
        attempts = session.query("select state, instance_id from raw.backup_jobs").rows()
    assert (full["backup_type"], incr["backup_type"]) == ("full", "incr")
    assert incr["parent_label"] == full["label"]
    assert begun <= full["recovery_point_at"] <= incr["recovery_point_at"] <= now
    assert attempts == [("succeeded", "shop-db")] * 2
