"""The watch lane in process: pull, evaluate, checks, hook, alert."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cbcr_assets.hooks import sla_alerts
from cbcr_assets.steps import alerts as alert_steps
from cbcr_assets.steps import watch as steps
from cbcr_assets.steps.platform import CODE_ROOT, Platform
from sensors.definitions import build_defs

SetRule = Callable[[str, str], None]
ALL_RULES = steps.rules()


def run(name: str, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return build_defs().resolve_job_def(name).execute_in_process(instance=instance)


def delivered(platform: Platform) -> list[dict[str, Any]]:
    path = platform.config.file.parent / "alerts.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def about(platform: Platform, rule: str) -> list[dict[str, Any]]:
    return [message for message in delivered(platform) if rule in json.dumps(message)]


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def healthy(set_rule: SetRule) -> None:
    for rule in ALL_RULES:
        set_rule(rule, "ok")


def test_every_rule_has_a_check_and_every_check_the_hook(platform: Platform) -> None:
    graph = build_defs().get_repository_def().asset_graph
    carriers = [d for d in graph.assets_defs if d.check_keys]
    names = {key.name for carrier in carriers for key in carrier.check_keys}
    assert names == set(ALL_RULES)
    assert {"rpo", "backup_failed", "backup_missed", "restore_failed", "source_stale",
            "alias_unmapped"} <= names  # fmt: skip
    assert all(sla_alerts in carrier.hook_defs for carrier in carriers)


def test_a_breach_is_told_once_and_its_end_once(
    platform: Platform, set_rule: SetRule, instance: dg.DagsterInstance
) -> None:
    healthy(set_rule)
    set_rule("rpo", "breached")
    result = run("evaluate", instance)
    by_name = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert not by_name["rpo"].passed
    assert by_name["rpo"].severity == dg.AssetCheckSeverity.ERROR
    assert by_name["backup_failed"].passed
    run("evaluate", instance)
    assert len(about(platform, "rpo")) == 1
    set_rule("rpo", "ok")
    run("evaluate", instance)
    run("evaluate", instance)
    assert len(about(platform, "rpo")) == 2
    assert not platform.alerts().alerts(only_open=True)


def test_before_the_first_build_the_checks_say_so(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    result = run("evaluate", instance)
    evaluations = result.get_asset_check_evaluations()
    assert len(evaluations) == len(ALL_RULES)
    assert not any(evaluation.passed for evaluation in evaluations)
    assert all("cbcr build" in str(evaluation.description) for evaluation in evaluations)
    assert about(platform, "rule_unreadable")


def test_what_cannot_be_read_is_quarantined_and_the_rules_are_still_evaluated(
    platform: Platform, set_rule: SetRule, instance: dg.DagsterInstance, drop: Callable[..., Path]
) -> None:
    healthy(set_rule)
    good = {"event": "backup", "run_id": "r1", "instance": "orders", "type": "full",
            "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:10:00Z",
            "state": "succeeded"}  # fmt: skip
    drop("job_log", json.dumps(good) + "\n{not json}\n", name="1")
    drop("catalog", {"backups": "not a list"}, name="2")
    (drop("catalog", {}, name="3")).write_text('{"source_id": "agents", "payl')
    result = run("watch", instance)
    assert result.success
    assert len(result.get_asset_check_evaluations()) == len(ALL_RULES)
    with platform.warehouse.live(as_of=now()) as session:
        jobs = session.rows("select instance_id, state from raw.backup_jobs")
        refused = session.query("select native_id, reason from raw.quarantine order by native_id")
        pulls = session.rows("select ok, count(*) from raw.pulls group by 1 order by 1")
    assert jobs == [("orders", "succeeded")]
    assert refused.height == 3
    assert dict(pulls)[False] >= 2
    assert steps.offered_files(platform, platform.config.sources["agents"]) == []


def test_a_pull_that_cannot_store_does_not_stop_the_evaluation(
    platform: Platform,
    set_rule: SetRule,
    instance: dg.DagsterInstance,
    drop: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    healthy(set_rule)
    set_rule("rpo", "breached")
    drop("job_log", "{}\n")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cbcr_assets.steps.watch.pull", full)
    assert run("watch", instance).success
    assert about(platform, "rpo")
    assert len(steps.offered_files(platform, platform.config.sources["agents"])) == 1


def test_the_tick_hands_over_what_no_hook_saw(platform: Platform, set_rule: SetRule) -> None:
    healthy(set_rule)
    set_rule("rpo", "breached")
    steps.evaluate_rules(platform, now=now())
    assert not delivered(platform)
    first = alert_steps.tick(platform, platform.alerts(), now=now())
    second = alert_steps.tick(platform, platform.alerts(), now=now())
    assert (first.reconciled, second.reconciled) == (1, 0)
    assert len(about(platform, "rpo")) == 1


def test_a_raising_engine_leaves_the_run_green_and_the_tick_catches_up(
    platform: Platform,
    set_rule: SetRule,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    healthy(set_rule)
    set_rule("rpo", "breached")
    with monkeypatch.context() as patched:
        patched.setattr("cbcr_assets.hooks.hand_over", lambda *_, **__: 1 / 0)
        assert run("evaluate", instance).success
    assert not delivered(platform)
    alert_steps.tick(platform, platform.alerts(), now=now())
    assert len(about(platform, "rpo")) == 1


def test_the_source_sensor_offers_until_the_pull_has_acknowledged(
    platform: Platform, set_rule: SetRule, instance: dg.DagsterInstance, drop: Callable[..., Path]
) -> None:
    healthy(set_rule)
    definitions = build_defs()
    sensor = definitions.resolve_sensor_def("source_agents")

    def evaluate(cursor: str | None) -> Any:
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor, definitions=definitions,
            resources={"platform": definitions.resources["platform"]},
        )  # fmt: skip
        return sensor.evaluate_tick(context)

    assert not evaluate(None).run_requests
    drop("job_log", "{}\n")
    offered = evaluate(None)
    assert len(offered.run_requests) == 1
    assert not evaluate(offered.cursor).run_requests
    run("watch", instance)
    assert not evaluate(None).run_requests


def test_a_watch_run_imports_neither_dbt_nor_great_expectations(platform: Platform) -> None:
    code = "import sensors.definitions, sys; print([m for m in ('dbt', 'dagster_dbt',"\
           " 'great_expectations', 'streamlit') if m in sys.modules])"  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CODE_ROOT, text=True, capture_output=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_whole_location_loads(platform: Platform) -> None:
    build_defs().get_repository_def().load_all_definitions()
