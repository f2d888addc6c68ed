"""The analytics lane: dbt and publishing as Dagster runs them, whatever the user's shell has."""

import json
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from cbcr_assets.assets.cooldown import cooldown, is_due
from cbcr_assets.assets.quality import contract_assets
from cbcr_assets.checks import STATUS_KEY
from cbcr_assets.hooks import sla_alerts
from cbcr_assets.quality import load_suites
from cbcr_assets.records import typed_frame
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps.platform import Platform

RUN = """
import json, sys
import dagster as dg
from cbcr_assets.definitions import build_defs

with dg.DagsterInstance.ephemeral() as instance:
    defs = build_defs()
    job = defs.resolve_job_def("build_and_publish")
    every = defs.resolve_asset_graph().materializable_asset_keys
    wanted = [key for key in every if key.path[0] not in ["reports", *sys.argv[1:]]]
    run = job.execute_in_process(
        instance=instance, raise_on_error=False, asset_selection=wanted
    )
built = [e.step_materialization_data.materialization.asset_key.path[-1]
         for e in run.get_asset_materialization_events()]
checked = {e.check_name: [e.passed, e.severity.value] for e in run.get_asset_check_evaluations()}
json.dump({"success": run.success, "built": built, "checked": checked}, sys.stdout)
"""


def in_a_shell(platform: Platform, code: str, *words: str) -> Any:
    environ = {"CBCR_CONFIG": str(platform.config.file), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=environ, cwd=platform.config.file.parent,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2026, 1, 1, hour, minute, second)


@pytest.mark.parametrize(
    ("requested", "evaluated", "now", "due"),
    [
        (at(12, 1), at(12, 0), at(12, 20), False),  # nothing new
        (at(12, 1), at(12, 1, 1), at(12, 4, 59), False),  # too early
        (at(12, 1), at(12, 1, 1), at(12, 5), True),
        (at(12, 5), at(12, 5, 1), at(12, 9), False),
        (at(12, 5), at(12, 5, 1), at(12, 31), True),  # a tick that nobody looked at still counts
    ],
)
def test_due_work(requested: datetime, evaluated: datetime, now: datetime, due: bool) -> None:
    assert is_due(requested, evaluated, cron="*/5 * * * *", now=now) is due


def test_the_sensor_asks_once_when_the_rules_were_evaluated_anew(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    def tick(cursor: str | None) -> Any:
        resources = {"platform": PlatformResource(config=str(platform.config.file))}
        context = dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources)
        result: Any = cooldown(context)
        return getattr(result, "run_requests", None), getattr(result, "cursor", context.cursor)

    asked, counting = tick(None)
    assert asked is None
    yesterday = (datetime.fromisoformat(counting) - timedelta(days=1)).isoformat()
    assert tick(yesterday)[0] is None

    instance.report_runless_asset_event(dg.AssetMaterialization(STATUS_KEY))
    asked, cursor = tick(yesterday)
    assert len(asked) == 1
    assert tick(cursor)[0] is None


@pytest.mark.slow
def test_the_job_builds_and_publishes_without_dbt_on_the_path(platform: Platform) -> None:
    run = in_a_shell(platform, RUN)
    assert run["success"]
    assert {"fct_rpo_compliance_daily", "sla_rpo", "live_rpo_status"} <= set(run["built"])
    with platform.warehouse.read() as session:
        assert session.query("select count(*) from marts.dim_instances").item() == 0
        # Nothing is promised yet: the only subject is CBCR itself.
        subjects = session.query("select distinct rule, subject_kind from live.sla_evaluations")
        assert subjects.rows() == [("component_unhealthy", "cbcr")]
    assert not list(platform.dbt_target.glob("transform*"))


@pytest.mark.slow
def test_the_contract_is_checked_before_the_models_are_built(platform: Platform) -> None:
    row = {
        "source_id": "agents", "attempt_key": "1", "state": "succeeded", "duration_s": 3e6,
        "started_at": datetime(2026, 1, 2), "finished_at": datetime(2026, 1, 1),
    }  # fmt: skip
    good = row | {"attempt_key": "2", "finished_at": datetime(2026, 1, 3)}
    with platform.warehouse.write() as session:
        session.load("backup_jobs", typed_frame("backup_jobs", [row, good]))
    run = in_a_shell(platform, RUN)
    assert run["success"]
    assert run["checked"]["backup_jobs_finished_after_started"] == [False, "ERROR"]
    assert run["checked"]["backup_jobs_duration_in_seconds"] == [False, "WARN"]
    assert run["checked"]["backup_jobs_state_known"] == [True, "ERROR"]
    with platform.warehouse.read() as session:
        kept = session.query("select attempt_key from marts.fct_backup_attempts").rows()
    assert kept == [("2",)]


@pytest.mark.slow
def test_what_a_test_of_the_models_refuses_is_a_failed_check_and_not_published(
    platform: Platform,
) -> None:
    row = {
        "source_id": "agents", "attempt_key": "1", "native_instance": "o", "state": "no such state",
        "started_at": at(1, 0), "first_seen_at": at(1, 0), "last_seen_at": at(1, 0),
    }  # fmt: skip
    with platform.warehouse.write() as session:
        session.load("backup_jobs", typed_frame("backup_jobs", [row]))
    run = in_a_shell(platform, RUN, "contract")  # which would have refused the row
    assert not run["success"]
    name = next(name for name in run["checked"] if "fct_backup_attempts_state" in name)
    assert run["checked"][name] == [False, "ERROR"]
    assert "fct_backup_attempts" in run["built"]
    assert "snapshot" not in run["built"]
    assert not (platform.config.serving / "CURRENT").exists()


def test_every_expectation_is_a_check_that_is_routed() -> None:
    contract = contract_assets()
    assert sla_alerts in contract.hook_defs
    found = {(key.asset_key.path[-1], key.name) for key in contract.check_keys}
    assert found == {(s.table, e.id) for s in load_suites() for e in s.expectations}
