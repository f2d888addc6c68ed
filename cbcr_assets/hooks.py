"""The one SLA hook: from a check's verdict to the alert engine, within seconds.

Belongs here: the hook and `routed()`, which attaches it to whatever carries checks.
Does not belong here: what an alert is (see `cbcr_assets.alerting`).

The hook is the fast path only. Dagster swallows what a hook raises and runs none when a step dies,
so `alert_tick` is the complete path: it finds evaluations that no hook handed over.
"""

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from cbcr_assets.steps.alerts import hand_over
from cbcr_assets.steps.own_alerts import Verdict, own_evaluation, watch_ticks
from cbcr_assets.steps.platform import Platform

EVALUATION_ID = "cbcr/evaluation_id"
# A run waits no longer than this for its alerts; the rest is the tick's.
_HOOK_S = 2.8
_WAIT_S = 1.0
_BUDGET_S = 2.0
_HOOK = "sla_alerts"


def _verdicts(event_list: Sequence[Any]) -> list[Any]:
    return [
        event.asset_check_evaluation_data
        for event in event_list
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]


def _route(context: Any, event_list: Sequence[Any]) -> dg.HookExecutionResult:
    verdicts = _verdicts(event_list)
    if not verdicts:
        return dg.HookExecutionResult(_HOOK, is_skipped=True)
    problems: list[str] = []

    def work() -> None:
        try:
            _hand_over(context, verdicts)
        except Exception as error:  # noqa: BLE001 - nothing is lost: alert_tick reconciles
            problems.append(f"alerts were not handed over, alert_tick will do it: {error!r}")

    # A thread can be left behind: neither a locked store nor a storm holds the run up.
    worker = threading.Thread(target=work, daemon=True, name=_HOOK)
    worker.start()
    worker.join(_HOOK_S)
    if worker.is_alive():
        problems.append(f"alerts take longer than {_HOOK_S} s, the run goes on without them")
    for problem in problems:
        context.log.error(problem)
    return dg.HookExecutionResult(_HOOK, is_skipped=False)


def _hand_over(context: Any, verdicts: Iterable[Any]) -> None:
    platform: Platform = context.resources.platform.open()
    now: datetime = context.resources.platform.now()
    service = platform.alerts(wait_s=_WAIT_S)
    evaluations = set()
    own = []  # a build says some hundreds
    for verdict in verdicts:
        if EVALUATION_ID in verdict.metadata:
            evaluations.add(str(verdict.metadata[EVALUATION_ID].value))
            continue
        key = verdict.asset_check_key
        reference = check_reference(context.run_id, key)
        own.append(
            own_evaluation(check_scope(key), [check_verdict(verdict)], reference=reference, now=now)
        )
    if own:
        service.ingest_many(own, now=now)
    for evaluation_id in sorted(evaluations):
        hand_over(platform, service, evaluation_id, now=now)
    watch_ticks(service, now=now)
    service.deliver(now=now, budget_s=_BUDGET_S)


def check_scope(key: dg.AssetCheckKey) -> str:
    """Return what the verdicts of a check that judges data are about: the check itself."""
    return f"data_check/{key.asset_key.to_user_string()}:{key.name}"


def check_reference(run_id: str, key: dg.AssetCheckKey) -> str:
    """Return what makes a verdict of a check one of a kind, whoever tells it."""
    return f"{run_id}/{key.to_user_string()}"


def check_verdict(verdict: Any) -> Verdict:
    """Return the verdict of a check that judges data, not an SLA rule."""
    name = check_scope(verdict.asset_check_key).removeprefix("data_check/")
    severe = verdict.severity == dg.AssetCheckSeverity.ERROR
    return Verdict(
        "data_check", "check", name, "ok" if verdict.passed else "breached",
        "critical" if severe else "warning",
        f"check {name} {'passed' if verdict.passed else 'failed'}: {_reason(verdict)}",
        (("asset", verdict.asset_key.to_user_string()),),
    )  # fmt: skip


def _reason(verdict: Any) -> str:
    if verdict.description:
        return str(verdict.description)
    return ", ".join(f"{key} {value.value}" for key, value in list(verdict.metadata.items())[:3])


sla_alerts = dg.HookDefinition(name=_HOOK, hook_fn=_route, required_resource_keys={"platform"})


def routed(definition: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Attach the SLA hook to an assets or checks definition.

    Job-level hooks reach only runs of that job; attached here it fires for runs started from the
    UI, the command line, sensors and automation alike.
    """
    return definition.with_hooks({sla_alerts})
