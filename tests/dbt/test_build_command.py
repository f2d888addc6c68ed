"""`cbcr build`: the contract first, then the models; and what a removed alias means to them."""

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from cbcr_assets.cli import main
from cbcr_assets.steps import watch

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:::great_expectations")]

START = datetime(2026, 3, 1, 1)
CONFIG = "sources: {a: {tool: cbcr, names_are_instance_ids: false, feeds: [{drop: inbox}]}}\n"
INVENTORY = """
instances:
  - {id: orders, db_type: postgresql, rpo: 1h, rto: 1h, aliases: [{source: a, name: o1}]}
"""


@pytest.fixture(scope="module", autouse=True)
def which_dbt() -> None:
    """Here dbt is the process that a user gets."""


def job(key: str, **more: Any) -> dict[str, Any]:
    times = {"started_at": START, "finished_at": START + timedelta(hours=1)}
    return {
        "source_id": "a", "attempt_key": key, "native_instance": "o1", "state": "succeeded",
        "first_seen_at": START, "last_seen_at": START,
    } | times | more  # fmt: skip


def test_build_checks_the_rows_first_and_follows_the_inventory(
    make_built: Callable[[], Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    built = make_built()
    config = built.platform.config
    config.file.write_text(CONFIG)
    config.inventory.write_text(INVENTORY)
    monkeypatch.setenv("CBCR_CONFIG", str(config.file))
    monkeypatch.delenv("CBCR_HOME", raising=False)

    def build() -> str:
        monkeypatch.setattr(sys, "argv", ["cbcr", "build"])
        with pytest.raises(SystemExit) as stopped:
            main()
        told = capsys.readouterr()
        assert not stopped.value.code, told.out
        return told.err

    built.load({"backup_jobs": [job("good"), job("odd", finished_at=START - timedelta(hours=1))]})
    watch.sync_inventory(built.platform, now=START)
    attempts = "select attempt_key, instance_id from marts.fct_backup_attempts order by 1"
    assert "backup_jobs_finished_after_started: 1 rows" in build()
    assert built.query(attempts) == [("good", "orders")], "refused before dbt read it"

    config.inventory.write_text(INVENTORY.replace("o1", "o2"))
    watch.sync_inventory(built.platform, now=START)
    build()
    assert built.query(attempts) == [("good", None)]
    alarms = "select subject_id, status from sla.sla_alias_unmapped order by 1"
    assert ("a/o1", "breached") in built.query(alarms)
