"""What people ask for on a page and only a run may do: it is asked for, done, and shown."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from cbcr_assets.config.dashboards import Role
from cbcr_assets.records import typed_frame
from cbcr_assets.steps import actions, drills, errands, watch
from cbcr_assets.steps.acting import Desk, Person
from cbcr_assets.steps.alerts import tick
from cbcr_assets.steps.platform import Platform
from sensors.deadlines import deadlines
from sensors.definitions import build_defs

SetRule = Callable[[str, str], None]
RESTORES = """
create schema if not exists intermediate;
create or replace view intermediate.int_restores as
select 'orders' as instance_id, 'agents' as source_id, 'r1' as restore_key,
  timestamp '{began}' as started_at, null::timestamp as requested_at,
  null::timestamp as restored_at, null::timestamp as recovered_at,
  null::timestamp as verified_at, timestamp '{ended}' as ended_at, '{outcome}' as outcome
"""


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def run(name: str, instance: dg.DagsterInstance) -> None:
    assert build_defs().resolve_job_def(name).execute_in_process(instance=instance).success


def desk(platform: Platform) -> Desk:
    return Desk(platform, Person("ann", Role.OPERATOR), now())


@pytest.fixture(autouse=True)
def _rules(set_rule: SetRule) -> None:
    for rule in watch.rules():
        set_rule(rule, "ok")


def test_a_release_makes_the_deadline_sensor_ask_and_the_run_do_it(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    entry = {"quarantine_id": "ab" * 32, "table_name": "pulls", "reason": "x", "observed_at": now()}
    with platform.warehouse.write() as session:
        session.load("quarantine", typed_frame("quarantine", [entry]))
    run("evaluate", instance)
    definitions = build_defs()
    context = dg.build_sensor_context(
        instance=instance, repository_def=definitions.get_repository_def(),
        resources=definitions.resources,
    )  # fmt: skip
    assert isinstance(deadlines(context), dg.SkipReason)
    actions.release(desk(platform), "ab" * 32, key="k")
    asked = deadlines(context)
    assert isinstance(asked, dg.SensorResult)
    assert len(asked.run_requests or []) == 1
    run("evaluate", instance)
    assert errands.waiting(platform) == []
    with platform.warehouse.write() as session:
        ((released_at,),) = session.rows("select released_at from raw.quarantine")
    assert released_at is not None


@pytest.mark.parametrize(("outcome", "state"), [("proven", "answered"), ("unproven", "open")])
def test_a_verified_restore_that_the_run_sees_answers_a_requested_drill(
    platform: Platform, instance: dg.DagsterInstance, outcome: str, state: str
) -> None:
    actions.request_drill(desk(platform), "orders", reason="", key="k", team="payments")
    began, ended = now() + timedelta(seconds=1), now() + timedelta(seconds=2)
    with platform.warehouse.write() as session:
        session.execute(RESTORES.format(began=began, ended=ended, outcome=outcome))
    tick(platform, platform.alerts(), now=now())
    assert [view.rule for view in platform.alerts().alerts()] == ["drill_requested"]
    run("evaluate", instance)
    (request,) = drills.requests(platform, every=True)
    assert request.state == state
    tick(platform, platform.alerts(), now=now())
    assert bool(platform.alerts().alerts()) is (state == "open")


def test_before_the_first_build_a_requested_drill_waits(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    actions.request_drill(desk(platform), "orders", reason="", key="k")
    run("evaluate", instance)
    assert drills.requests(platform)[0].state == "open"
