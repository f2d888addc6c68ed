"""What `cbcr metrics serve` tells of a fleet, and the examples that rest on it."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from cbcr_assets.metrics.exposition import capacity, expose
from cbcr_assets.steps import analytics
from cbcr_assets.warehouse import FileWarehouse, connect, current

pytestmark = pytest.mark.slow

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
HOUR = timedelta(hours=1)
SEEN = {"source_id": "a", "first_seen_at": NOW - HOUR, "last_seen_at": NOW - HOUR}


@pytest.fixture(scope="module")
def text(make_built: Callable[[], Any]) -> str:
    built = make_built()
    made = {"native_instance": "good", "instance_id": "good", "backup_type": "full",
            "started_at": NOW - 2 * HOUR, "finished_at": NOW - HOUR}  # fmt: skip
    built.load(
        {
            "sources": [{"source_id": "a", "tool": "cbcr", "every_s": 30.0, "stale_after_s": 9e6}],
            "pulls": [{"pull_id": "p", "source_id": "a", "kind": "job_log", "ok": True,
                       "started_at": NOW - HOUR, "finished_at": NOW - HOUR}],
            "instances": [
                {"instance_id": name, "team": "core", "tier": 1, "db_type": "postgresql",
                 "rpo_s": 86_400.0, "protect_from": NOW - timedelta(days=9)}
                for name in ("good", 'odd"\\name')
            ],
            "instance_aliases": [
                {"source_id": "a", "native_instance": "good", "instance_id": "good"}
            ],
            "backup_jobs": [SEEN | made | {"attempt_key": "1", "tool": "cbcr",
                                           "state": "succeeded", "backup_label": "L"}],
            "backup_sets": [SEEN | made | {"repo": "r", "label": "L", "lifecycle": "available",
                                           "integrity": "ok",
                                           "recovery_point_at": NOW - 2 * HOUR}],
        }
    )  # fmt: skip
    built.build()
    analytics.publish(built.platform, now=NOW)
    counts = {("open", "critical"): 2}
    return expose(built.platform.config.serving, now=NOW + HOUR, alerts=counts)


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_ages_are_those_of_the_scrape(text: str) -> None:
    told = samples(text)
    ((labels, exposure),) = told["cbcr_rpo_exposure_seconds"]
    assert (labels["instance_id"], labels["team"], labels["tier"]) == ("good", "core", "1")
    assert exposure == 3 * 3600
    ((_, age),) = told["cbcr_backup_last_success_age_seconds"]
    assert age == 2 * 3600
    assert told["cbcr_alerts_open"] == [({"state": "open", "severity": "critical"}, 2.0)]
    assert 3500 < told["cbcr_snapshot_age_seconds"][0][1] < 3700


def test_what_is_unknown_is_a_status_and_no_zero(text: str) -> None:
    told = samples(text)
    ages = {labels["instance_id"] for labels, _ in told["cbcr_rpo_exposure_seconds"]}
    assert ages == {"good"}
    status = {
        (labels["instance_id"], labels["status"])
        for labels, value in told["cbcr_rpo_status"]
        if value == 1
    }
    assert {name for name, _ in status} == {"good", 'odd"\\name'}
    assert ("good", "ok") in status
    assert ('odd"\\name', "ok") not in status


def test_days_to_full_are_served_when_there_is_a_forecast(tmp_path: Path) -> None:
    warehouse = FileWarehouse(tmp_path / "w.duckdb", tmp_path / "serving")
    with warehouse.write() as session:
        for schema in ("live", "marts"):
            session.execute(f"create schema if not exists {schema}")
        session.execute(
            "create table marts.fct_capacity_forecast as select * from (values"
            " ('vault1:/srv', 12.5, 20.0), ('vault2:/srv', null, 90.0), ('vault3:/srv', null, null)"
            ") as t(volume, days_to_full_p10, days_to_full_p50)"
        )
    warehouse.publish(now=NOW)
    with connect(current(tmp_path / "serving").path) as con:
        (family,) = capacity(con)
    assert [(s.labels["volume"], s.labels["quantile"], s.value) for s in family.samples] == [
        ("vault1:/srv", "0.10", 12.5), ("vault1:/srv", "0.50", 20.0), ("vault2:/srv", "0.50", 90.0)
    ]  # fmt: skip


def test_every_metric_of_the_examples_is_served(text: str) -> None:
    served = {*samples(text), "cbcr_storage_full_days"}  # with a forecast only, see above
    for path in (DEPLOY / "prometheus" / "cbcr.rules.yml", DEPLOY / "grafana" / "cbcr.json"):
        used = set(re.findall(r"\bcbcr_[a-z_]+", path.read_text()))
        assert used, path
        assert used <= served, path


def test_the_dashboard_is_json_with_panels() -> None:
    dashboard = json.loads((DEPLOY / "grafana" / "cbcr.json").read_text())
    assert all(panel["targets"][0]["expr"] for panel in dashboard["panels"])


@pytest.mark.parametrize(
    "words", [("config", "prometheus.yml"), ("rules", "cbcr.rules.yml")], ids=lambda w: w[0]
)
def test_promtool_accepts_the_examples(words: tuple[str, str]) -> None:
    if shutil.which("promtool") is None:
        if os.environ.get("CI"):
            pytest.fail("promtool is not installed (apt-get install prometheus)")
        pytest.skip("promtool is not installed (apt-get install prometheus)")
    done = subprocess.run(
        ["promtool", "check", *words], cwd=DEPLOY / "prometheus", capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
