"""However a run was started and however it ended: its verdicts become alerts, each once."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cbcr_assets.alerting import StoreError
from cbcr_assets.assets.reconcile import (
    RUNS,
    SENSORS,
    check_reconcile,
    failed_runs,
    failed_sensors,
    reconcile_checks,
    tell_own,
)
from cbcr_assets.hooks import routed
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps import alerts as alert_steps
from cbcr_assets.steps import own_alerts
from cbcr_assets.steps import watch as steps
from cbcr_assets.steps.platform import CODE_ROOT, Platform, open_platform
from sensors.definitions import build_defs

KEY = dg.AssetCheckKey(dg.AssetKey("table"), "has_rows")


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def checked(state: dict[str, Any]) -> dg.Definitions:
    """An asset with a check that passes, fails, or dies, as `state` says."""

    @dg.asset
    def table() -> None:
        return

    @dg.asset_check(asset=table, name="has_rows")
    def has_rows() -> dg.AssetCheckResult:
        if state["how"] == "dies":
            raise RuntimeError("no such column")
        return dg.AssetCheckResult(passed=state["how"] == "passes", description=state["how"])

    job = dg.define_asset_job("checks", selection=dg.AssetSelection.all())
    return dg.Definitions(
        assets=[table, routed(has_rows)], jobs=[job], executor=dg.in_process_executor,
        schedules=[dg.ScheduleDefinition(job=job, cron_schedule="* * * * *")],
        resources={"platform": PlatformResource()},
    )  # fmt: skip


def by_job(defs: dg.Definitions, instance: dg.DagsterInstance) -> Any:
    return defs.resolve_job_def("checks").execute_in_process(
        instance=instance, raise_on_error=False
    )


def by_implicit_job(defs: dg.Definitions, instance: dg.DagsterInstance) -> Any:
    """As the UI, `dagster asset materialize` and automation conditions start it."""
    job = defs.resolve_implicit_global_asset_job_def()
    tags = {"dagster/from_automation_condition": "true"}
    return job.execute_in_process(instance=instance, raise_on_error=False, tags=tags)


def by_schedule(defs: dg.Definitions, instance: dg.DagsterInstance) -> Any:
    schedule = defs.resolve_schedule_def("checks_schedule")
    context = dg.build_schedule_context(instance, scheduled_execution_time=datetime.now(UTC))
    [request] = schedule.evaluate_tick(context).run_requests
    job = defs.resolve_job_def("checks")
    return job.execute_in_process(instance=instance, raise_on_error=False, tags=request.tags)


def open_alerts(platform: Platform) -> list[tuple[str, str, str]]:
    return [(v.rule, v.subject_id, v.status) for v in platform.alerts().alerts()]


@pytest.mark.parametrize("start", [by_job, by_implicit_job, by_schedule])
def test_a_failing_check_alerts_however_its_run_was_started(
    platform: Platform, instance: dg.DagsterInstance, start: Callable[..., Any]
) -> None:
    state = {"how": "fails"}
    defs = checked(state)
    assert start(defs, instance).success
    assert open_alerts(platform) == [("data_check", "table:has_rows", "breached")]
    # What the hook told has the same reference when it is found again.
    assert reconcile_checks(platform.alerts(), instance, [KEY], now=now()) == 0
    state["how"] = "passes"
    start(defs, instance)
    assert open_alerts(platform) == []


def test_a_check_that_dies_is_unknown_and_the_next_verdict_ends_it(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    state = {"how": "dies"}
    defs = checked(state)
    assert not by_job(defs, instance).success
    assert open_alerts(platform) == []
    for _ in range(2):
        reconcile_checks(platform.alerts(), instance, [KEY], now=now())
        tell_own(platform.alerts(), RUNS, failed_runs(instance), now=now())
    assert sorted(open_alerts(platform)) == [
        ("data_check", "table:has_rows", "unknown"), ("run_failed", "checks", "breached"),
    ]  # fmt: skip
    state["how"] = "passes"
    assert by_job(defs, instance).success
    tell_own(platform.alerts(), RUNS, failed_runs(instance), now=now())
    assert open_alerts(platform) == []


def test_a_verdict_without_a_run_is_found(platform: Platform, instance: dg.DagsterInstance) -> None:
    for passed in (False, False, True):
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(asset_key=KEY.asset_key, check_name=KEY.name, passed=passed)
        )
        assert reconcile_checks(platform.alerts(), instance, [KEY], now=now()) == 1
        assert bool(open_alerts(platform)) is not passed


def test_a_hook_that_raises_loses_nothing(
    platform: Platform, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    defs = checked({"how": "fails"})
    with monkeypatch.context() as patched:
        patched.setattr("cbcr_assets.hooks.own_evaluation", lambda *_, **__: 1 / 0)
        assert by_job(defs, instance).success
    assert open_alerts(platform) == []
    assert reconcile_checks(platform.alerts(), instance, [KEY], now=now()) == 1
    assert open_alerts(platform) == [("data_check", "table:has_rows", "breached")]


def test_the_sensor_of_the_analytics_lane_reconciles_its_own_checks(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    defs = checked({"how": "fails"})
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=KEY.asset_key, check_name=KEY.name, passed=False)
    )
    context = dg.build_sensor_context(
        instance=instance, definitions=defs, resources={"platform": PlatformResource()}
    )
    check_reconcile.evaluate_tick(context)
    assert open_alerts(platform) == [("data_check", "table:has_rows", "breached")]


def test_a_locked_store_holds_no_run_up(
    platform: Platform,
    instance: dg.DagsterInstance,
    set_rule: Callable[[str, str], None],
) -> None:
    for rule in steps.rules():
        set_rule(rule, "ok")
    set_rule("rpo", "breached")
    platform.alerts()
    job = build_defs().resolve_job_def("evaluate")
    lock = sqlite3.connect(platform.home / "alerts.db", isolation_level=None)
    lock.execute("begin immediate")
    result = job.execute_in_process(instance=instance)
    lock.execute("rollback")
    lock.close()
    assert result.success
    at = {log.dagster_event_type: log.timestamp for log in instance.all_logs(result.run_id)}
    in_hook_s = at[dg.DagsterEventType.HOOK_COMPLETED] - at[dg.DagsterEventType.STEP_SUCCESS]
    assert in_hook_s < 3.5
    alert_steps.tick(platform, platform.alerts(), now=now())
    assert ("rpo", "orders", "breached") in open_alerts(platform)


def test_a_failing_sensor_is_an_alert(
    platform: Platform, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Error:
        message = "the source is gone"

    class Tick:
        status = __import__(
            "dagster._core.scheduler.instigation", fromlist=["TickStatus"]
        ).TickStatus.FAILURE
        error: Any = Error

    class State:
        name, instigator_origin_id, selector_id = "source_agents", "o", "s"

    monkeypatch.setattr(instance, "all_instigator_state", lambda **_: [State])
    monkeypatch.setattr(instance, "get_ticks", lambda *_, **__: [Tick])
    for _ in range(2):
        tell_own(platform.alerts(), SENSORS, failed_sensors(instance), now=now())
    [view] = platform.alerts().alerts()
    assert (view.rule, view.summary) == (
        "sensor_failed",
        "sensor source_agents: the source is gone",
    )


def test_silence_of_either_lane_is_an_alert_of_the_other(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = platform.alerts()
    ages = {"evaluator": 10.0, "ticks": 10.0}
    monkeypatch.setattr(type(service), "silence_s", lambda *_, **__: ages["evaluator"])
    monkeypatch.setattr(type(service), "tick_age_s", lambda *_, **__: ages["ticks"])

    def look() -> set[str]:
        own_alerts.watch_evaluator(service, heartbeat_s=900, now=now())
        own_alerts.watch_ticks(service, now=now())
        return {rule for rule, *_ in open_alerts(platform)}

    assert look() == set()
    ages.update(evaluator=2800.0, ticks=301.0)
    assert look() == look() == {"evaluator_silent", "alert_tick_silent"}
    ages.update(evaluator=1.0, ticks=1.0)
    assert look() == set()


def test_the_store_may_be_elsewhere(platform: Platform, tmp_path: Path) -> None:
    file = platform.config.file
    file.write_text(file.read_text() + "alert_store: env:STORE\n")
    environ = {"CBCR_CONFIG": str(file), "STORE": f"sqlite:///{tmp_path}/other.db"}
    assert open_platform(environ).alerts().alerts() == []
    assert (tmp_path / "other.db").is_file()
    with pytest.raises(StoreError, match="STORE is not set"):
        open_platform({"CBCR_CONFIG": str(file)}).alerts()


@pytest.mark.slow
def test_a_run_of_the_command_line_alerts(
    platform: Platform, set_rule: Callable[[str, str], None]
) -> None:
    for rule in steps.rules():
        set_rule(rule, "ok")
    set_rule("rpo", "breached")
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "sla/status",
               "-m", "sensors.definitions"]  # fmt: skip
    done = subprocess.run(command, cwd=CODE_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert ("rpo", "orders", "breached") in open_alerts(platform)
