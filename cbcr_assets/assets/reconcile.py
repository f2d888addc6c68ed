"""What Dagster knows and no hook told: checks without a hook's word, failed runs, failed sensors.

Belongs here: reading Dagster's own records, and the sensor of the analytics lane that does it.
Does not belong here: what becomes of a verdict (see `cbcr_assets.alerting`).

A hook does not run when its step dies, when it raises, or when a verdict was reported without a
run. Whatever a hook tells has the same reference here, so it counts once.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import dagster as dg
from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus

from cbcr_assets.alerting import AlertService
from cbcr_assets.hooks import EVALUATION_ID, check_reference, check_scope, check_verdict
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps.own_alerts import Verdict, is_told, tell

RUNS, SENSORS = "run_failed", "sensor_failed"
# Without these jobs nobody looks at the rules.
_VITAL = frozenset({"watch", "evaluate"})
_RECENT_RUNS = 100
_LONGEST = 500


def reconcile_checks(
    service: AlertService, instance: DagsterInstance, keys: Sequence[dg.AssetCheckKey], *, now: Any
) -> int:
    """Hand over the newest verdict of each check that no hook has handed over.

    Returns:
        The number of verdicts that were new.
    """
    found = 0
    for key, record in instance.event_log_storage.get_latest_asset_check_execution_by_key(
        keys
    ).items():
        verdict, reference = _verdict(instance, key, record)
        if verdict is None or is_told(service, check_scope(key), reference):
            continue
        tell(service, check_scope(key), [verdict], reference=reference, now=now)
        found += 1
    return found


def failed_runs(instance: DagsterInstance) -> Iterator[tuple[Verdict, str]]:
    """Yield how the newest finished run of each job ended, and a reference."""
    finished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
    seen: set[str] = set()
    for record in instance.get_run_records(finished, limit=_RECENT_RUNS):
        run = record.dagster_run
        if run.job_name in seen:
            continue
        seen.add(run.job_name)
        is_bad = run.status == dg.DagsterRunStatus.FAILURE
        ended = "failed" if is_bad else "succeeded"
        severity = "critical" if run.job_name in _VITAL else "warning"
        verdict = Verdict(
            RUNS, "job", run.job_name, "breached" if is_bad else "ok", severity,
            f"run {run.run_id} of {run.job_name} {ended}", (("run_id", run.run_id),),
        )  # fmt: skip
        yield verdict, f"{run.job_name}/{run.run_id}/{ended}"


def failed_sensors(instance: DagsterInstance) -> Iterator[tuple[Verdict, str]]:
    """Yield how the newest finished tick of each sensor ended, and a reference."""
    over = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        ticks = instance.get_ticks(
            state.instigator_origin_id, state.selector_id, limit=1, statuses=over
        )
        if not ticks:
            continue
        is_bad = ticks[0].status == TickStatus.FAILURE
        error = ticks[0].error.message.strip()[:_LONGEST] if is_bad and ticks[0].error else ""
        summary = f"sensor {state.name}: {error}" if is_bad else f"sensor {state.name} ticks"
        verdict = Verdict(
            SENSORS, "sensor", state.name, "breached" if is_bad else "ok", "critical", summary
        )
        # A tick that fails like the one before is no news.
        yield verdict, f"{state.name}/{verdict.status}/{error}"


def tell_own(
    service: AlertService, scope: str, found: Iterable[tuple[Verdict, str]], *, now: Any
) -> None:
    """Give what is new among verdicts about CBCR itself to the engine.

    What is well and was never bad is not told.
    """
    for verdict, reference in found:
        name = f"{scope}/{verdict.subject}"
        if (verdict.status == "ok") != service.is_open(name):
            continue
        tell(service, name, [verdict], reference=f"{reference}/{now.isoformat()}", now=now)


@dg.sensor(
    name="check_reconcile",
    minimum_interval_seconds=29,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Hands over verdicts of data checks that no hook told.",
)
def check_reconcile(
    context: dg.SensorEvaluationContext, platform: PlatformResource
) -> dg.SkipReason:
    """Look at this location's checks; delivering is the tick's."""
    service = platform.open().alerts()
    graph = context.repository_def.asset_graph if context.repository_def else None
    keys = sorted(graph.asset_check_keys, key=str) if graph else []
    found = reconcile_checks(service, context.instance, keys, now=platform.now())
    return dg.SkipReason(f"{found} verdicts had not been handed over")


def _verdict(
    instance: DagsterInstance, key: dg.AssetCheckKey, record: Any
) -> tuple[Verdict | None, str]:
    run_id = record.run_id or f"runless-{record.id}"
    if record.status.value in ("SUCCEEDED", "FAILED"):
        evaluation = record.evaluation
        if EVALUATION_ID in evaluation.metadata:
            return None, ""  # rules of the watch lane are reconciled by their files
        return check_verdict(evaluation), check_reference(run_id, key)
    run = instance.get_run_by_id(record.run_id) if record.run_id else None
    if run is None or not run.is_finished or run.is_success:
        return None, ""
    name = check_scope(key).removeprefix("data_check/")
    lost = Verdict(
        "data_check", "check", name, "unknown", "warning",
        f"check {name} was planned and never said anything: run {run_id} ended before",
    )  # fmt: skip
    return lost, f"{check_reference(run_id, key)}/lost"
