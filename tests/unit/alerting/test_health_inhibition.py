"""The starter policy: a dead volume silences what it causes, and nothing else."""

import json

import pytest

from cbcr_assets.alerting.simulation import simulate
from cbcr_assets.alerting.timeline import load_timeline
from cbcr_assets.config import load_policy
from cbcr_assets.templates import read_template

UNHEALTHY = "component_unhealthy"


def alert(rule, subject_kind, subject, status="firing", **labels):
    labels = {"rule": rule, "subject_kind": subject_kind, "subject_id": subject, **labels}
    return {"t": 0, "op": "evaluate", "status": status, "labels": labels, "severity": "critical"}


VOLUME = alert(
    UNHEALTHY, "storage_volume", "storage_volume/nas1", kind="storage_volume", volume="nas1"
)
UNKNOWN_VOLUME = VOLUME | {"status": "unknown"}
POOL = alert("worker_down", "worker_pool", "main", pool="main")
POOL_HEALTH = alert(UNHEALTHY, "worker_pool", "worker_pool/main", pool="main")


def of(rule, instance, volume):
    return alert(rule, "instance", instance, instance=instance, volume=volume)


@pytest.fixture
def told(tmp_path):
    def run(*events):
        (tmp_path / "alerting.yaml").write_text(read_template("alerting.yaml"))
        timeline = {"tick": 5, "horizon": 900, "events": events}
        (tmp_path / "timeline.json").write_text(json.dumps(timeline))
        policy = load_policy(tmp_path / "alerting.yaml", environ={})
        messages = simulate(policy, load_timeline(tmp_path / "timeline.json"))
        return {(one["rule"], one["subject_id"]) for m in messages for one in m["firing"]}

    return run


def test_a_dead_volume_silences_the_backups_to_it_and_no_others(told):
    caused = [of(rule, "db1", "nas1") for rule in ("backup_failed", UNHEALTHY)]
    other = of("backup_failed", "db2", "nas2")
    drill = of("drill_overdue", "db1", "nas1")
    assert told(VOLUME, *caused, other, drill) == {
        (UNHEALTHY, "storage_volume/nas1"), ("backup_failed", "db2"), ("drill_overdue", "db1"),
    }  # fmt: skip


def test_a_broken_promise_is_told_whatever_explains_it(told):
    assert ("rpo", "db1") in told(VOLUME, of("rpo", "db1", "nas1"))


def test_a_volume_that_nobody_can_see_silences_nothing(told):
    assert ("backup_failed", "db1") in told(UNKNOWN_VOLUME, of("backup_failed", "db1", "nas1"))


def test_what_has_an_alert_of_its_own_is_no_second_one(told):
    assert told(POOL, POOL_HEALTH) == {("worker_down", "main")}
    assert told(of("rpo", "db1", "v"), of(UNHEALTHY, "db1", "v"), of(UNHEALTHY, "db2", "v")) == {
        ("rpo", "db1"), (UNHEALTHY, "db2"),
    }  # fmt: skip
