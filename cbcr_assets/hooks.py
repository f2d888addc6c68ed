"""The one SLA hook: from a check's verdict to the alert engine, within seconds.

Belongs here: the hook and `routed()`, which attaches it to whatever carries checks.
Does not belong here: what an alert is (see `cbcr_assets.alerting`).

The hook is the fast path only. Dagster swallows what a hook raises and runs none when a step dies,
so `alert_tick` is the complete path: it finds evaluations that no hook handed over.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl

from cbcr_assets.alerting import AlertService, Evaluation
from cbcr_assets.steps.alerts import hand_over
from cbcr_assets.steps.platform import Platform
from cbcr_assets.warehouse.sla import empty_verdicts

EVALUATION_ID = "cbcr/evaluation_id"
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
    try:
        _hand_over(context, verdicts)
    except Exception as error:  # noqa: BLE001 - nothing is lost: alert_tick reconciles
        context.log.error(f"alerts were not handed over, alert_tick will do it: {error!r}")
    return dg.HookExecutionResult(_HOOK, is_skipped=False)


def _hand_over(context: Any, verdicts: Iterable[Any]) -> None:
    platform: Platform = context.resources.platform.open()
    now: datetime = context.resources.platform.now()
    service = platform.alerts()
    evaluations = set()
    for verdict in verdicts:
        if EVALUATION_ID in verdict.metadata:
            evaluations.add(str(verdict.metadata[EVALUATION_ID].value))
        else:
            _ingest_check(service, verdict, reference=f"{context.run_id}/{now:%H%M%S%f}", now=now)
    for evaluation_id in sorted(evaluations):
        hand_over(platform, service, evaluation_id, now=now)
    service.deliver(now=now, budget_s=_BUDGET_S)


def _ingest_check(service: AlertService, verdict: Any, *, reference: str, now: datetime) -> None:
    """Alert on a check that judges data, not an SLA rule: the check itself is the subject."""
    name = f"{verdict.asset_key.to_user_string()}:{verdict.check_name}"
    status = "ok" if verdict.passed else "breached"
    severity = "critical" if verdict.severity == dg.AssetCheckSeverity.ERROR else "warning"
    row = {
        "rule": "data_check",
        "subject_kind": "check",
        "subject_id": name,
        "status": status,
        "severity": severity,
        "since": now,
        "labels": json.dumps({"asset": verdict.asset_key.to_user_string()}),
        "summary": f"check {name} {'passed' if verdict.passed else 'failed'}: {_reason(verdict)}",
        "runbook": "docs/runbooks/data_check.md",
    }
    schema = empty_verdicts().schema
    rows = pl.DataFrame([[row.get(field) for field in schema]], schema=schema, orient="row")
    service.ingest(Evaluation(reference, f"data_check/{name}", now, rows), now=now)


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
