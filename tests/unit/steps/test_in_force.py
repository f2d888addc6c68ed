"""A mistake in a configuration file does not stop the watch, and is told."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from cbcr_assets.config import ConfigError
from cbcr_assets.steps import watch
from cbcr_assets.steps.health import CONFIG_HEALTH
from cbcr_assets.steps.in_force import refusals
from cbcr_assets.steps.platform import Platform, open_platform, open_running

NOW = datetime(2026, 1, 1, 12)
GOOD = {
    "cbcr.yaml": "sources: {agents: {tool: cbcr, feeds: [{drop: inbox}]}}\n",
    "inventory.yaml": "instances:\n  - {id: orders, db_type: postgresql, rpo: 1h, rto: 1h}\n",
    "alerting.yaml": "route: {receiver: log}\n"
    "receivers: [{name: log, type: file, path: alerts.jsonl}]\n",
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of a platform whose files are right."""
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    return {"CBCR_CONFIG": str(tmp_path / "cbcr.yaml")}


def refused_files(platform: Platform) -> dict[str, str]:
    evaluation = watch.evaluate_rules(platform, now=NOW)
    rows = pl.read_parquet(platform.evaluations / f"{evaluation.evaluation_id}.parquet")
    own = rows.filter(rule=CONFIG_HEALTH)
    assert set(own["subject_id"]) == set(GOOD)
    assert own.filter(status="ok").height == len(GOOD) - own.filter(status="breached").height
    return dict(own.filter(status="breached").select("subject_id", "summary").iter_rows())


def test_what_was_accepted_last_stays_in_force(environ: dict[str, str], tmp_path: Path) -> None:
    open_running(environ).alerts()
    (tmp_path / "cbcr.yaml").write_text("sources: {agents: {tool: crbc}}\n")
    (tmp_path / "alerting.yaml").unlink()

    running = open_running(environ)
    assert list(running.config.sources) == ["agents"]
    assert running.config.inventory == tmp_path / "inventory.yaml"
    assert running.alerts().alerts() == []

    told = refused_files(running)
    assert set(told) == {"cbcr.yaml", "alerting.yaml"}
    assert "cbcr.yaml:1" in told["cbcr.yaml"]
    assert "no such file" in told["alerting.yaml"]
    with pytest.raises(ConfigError):
        open_platform(environ)

    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    mended = open_running(environ)
    mended.alerts()
    assert refused_files(mended) == {}


def test_a_configuration_that_never_was_right_is_an_error(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "cbcr.yaml").write_text("sources: 1\n")
    with pytest.raises(ConfigError):
        open_running(environ)


def test_a_wrong_inventory_is_told_once_and_read_again_when_it_changes(
    environ: dict[str, str], tmp_path: Path
) -> None:
    platform = open_running(environ)
    assert watch.sync_inventory(platform, now=NOW) is not None
    before = watch.configuration_mark(platform)
    (tmp_path / "inventory.yaml").write_text("instances: [{id: orders, rpo: soon}]\n")
    assert watch.configuration_mark(platform) != before
    with pytest.raises(ConfigError):
        watch.sync_inventory(platform, now=NOW)
    assert watch.sync_inventory(platform, now=NOW) is None
    assert set(refused_files(platform)) == {"inventory.yaml"}

    (tmp_path / "inventory.yaml").write_text(GOOD["inventory.yaml"])
    assert watch.sync_inventory(platform, now=NOW) is not None
    assert refusals(platform.home) == {}
