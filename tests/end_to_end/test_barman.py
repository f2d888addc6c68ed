"""A real Barman with its backups, its failures and a killed run, read by command and file feeds."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cbcr_assets.connectors.pull import PullReport
from cbcr_assets.steps.platform import Platform, open_platform
from cbcr_assets.steps.watch import collect_source, pull_source, sync_inventory

pytestmark = pytest.mark.e2e
Rows = list[dict[str, Any]]
CONFIG = """
sources:
  vault:
    tool: barman
    every: 1s
    timezone: {timezone}
    feeds:
      - kind: backups
        command: {backups}
      - kind: backup_info
        command: {infos}
      - kind: status
        command: {status}
      - kind: log
        file: {log}
"""
INVENTORY = """
instances:
  - {id: crm-db, db_type: postgresql, rpo: 1d, rto: 4h, aliases: [{source: vault, name: crm}]}
"""
# As docs/tools/barman.md says it.
INFOS = (
    'for d in {home}/*/base/*/; do echo "backup_id=$(basename "$d")"; cat "$d/backup.info"; done'
)


@pytest.fixture
def barman(tools: ModuleType, platforms: ModuleType) -> Iterator[Any]:
    """A running server in a folder that its own user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="cbcr-barman-"))
    folder.chmod(0o755)
    lab = None
    try:
        lab = tools.Barman(folder, port=platforms.free_port())
        yield lab
    except tools.MissingTool as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    finally:
        if lab is not None:
            lab.stop()
        shutil.rmtree(folder)


@pytest.fixture
def platform(barman: Any, tmp_path: Path) -> Platform:
    text = CONFIG.format(
        timezone=barman.TIMEZONE,
        backups=json.dumps([*barman.command, "list-backups", "all"]),
        infos=json.dumps(["sh", "-c", INFOS.format(home=barman.root / "home")]),
        status=json.dumps([*barman.command, "status", "all"]),
        log=barman.log,
    )
    (tmp_path / "cbcr.yaml").write_text(text)
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    return open_platform({**os.environ, "CBCR_CONFIG": str(tmp_path / "cbcr.yaml")})


def pull(platform: Platform) -> tuple[PullReport, Rows, Rows]:
    """Read the source as soon as every feed is due; what came of it, the attempts and the sets."""
    while True:
        now = datetime.now(UTC).replace(tzinfo=None)
        if collect_source(platform, platform.config.sources["vault"], now=now).waiting == 0:
            break
        time.sleep(0.1)
    report = pull_source(platform, "vault", now=now)
    assert report.rejected == 0
    with platform.warehouse.live(as_of=now) as session:
        attempts = session.query("from raw.backup_jobs order by started_at").to_dicts()
        return report, attempts, session.query("from raw.backup_sets").to_dicts()


def test_what_succeeded_failed_was_killed_or_never_began(barman: Any, platform: Platform) -> None:
    begun = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    assert barman.backup() == 0
    assert barman.interrupted_backup(killed=False) == 1
    assert barman.interrupted_backup(killed=True) == -9
    sync_inventory(platform, now=begun)
    report, attempts, (kept,) = pull(platform)
    now = datetime.now(UTC).replace(tzinfo=None)
    assert report.errors == ()
    # The same three by list, file and log: one row each.
    assert [row["state"] for row in attempts] == ["succeeded", "failed", "running"]
    assert {row["instance_id"] for row in attempts} == {"crm-db"}
    assert all(begun <= row["started_at"] <= now for row in attempts)
    assert "failure copying files" in attempts[1]["error_text"]
    assert (kept["label"], kept["instance_id"]) == (attempts[0]["backup_label"], "crm-db")
    assert kept["started_at"] < kept["recovery_point_at"] <= attempts[1]["started_at"]
    with platform.warehouse.live(as_of=now) as session:
        (archive,) = session.query("from raw.log_archive").to_dicts()
    assert (archive["failed_count"], archive["archived_to_at"]) == (0, None)
    assert begun <= archive["last_archived_at"] <= now

    barman.stop()
    assert barman.backup() == 1
    report, attempts, _ = pull(platform)
    refused = attempts[3:]
    assert report.errors == ()
    assert [(row["state"], row["instance_id"]) for row in refused] == [("failed", "crm-db")]
    assert "Impossible to start the backup" in refused[0]["error_text"]

    (barman.root / "home").rename(barman.root / "not-mounted")
    report, attempts, (kept,) = pull(platform)
    assert any("barman_home is mounted" in error for error in report.errors)
    assert (len(attempts), kept["lifecycle"]) == (4, "available")
