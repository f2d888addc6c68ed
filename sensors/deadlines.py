"""The deadline sensor: a promise is broken by silence, so somebody must look when nothing arrives.

Belongs here: when to evaluate although no source said anything. Does not belong here: evaluating.
"""

from datetime import datetime, timedelta

import dagster as dg

from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps.errands import waiting
from cbcr_assets.steps.watch import NextChange, configuration_mark, next_change
from sensors.jobs import evaluate_job, in_flight, watch_job
from sensors.offers import next_offer


def due_work(
    change: NextChange | None,
    *,
    configuration: str,
    heartbeat: timedelta,
    now: datetime,
    errand: str | None = None,
) -> str | None:
    """Return the identity of the evaluation that is due, or None.

    Due are: the first one ever, the moment at which a status changes by itself, one with a changed
    configuration, what people asked for and only a run may do, and the heartbeat that guards
    against a wrong or lost moment.
    """
    if change is None:
        return "first"
    if change.changes_at is not None and now > change.changes_at:
        return f"change:{change.changes_at.isoformat()}"
    if change.configuration != configuration:
        return f"configuration:{configuration}:{change.evaluated_at.isoformat()}"
    if errand is not None:
        return f"errand:{errand}:{change.evaluated_at.isoformat()}"
    if now - change.evaluated_at >= heartbeat:
        return f"heartbeat:{change.evaluated_at.isoformat()}"
    return None


@dg.sensor(
    name="deadlines",
    job=evaluate_job,
    minimum_interval_seconds=4,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Evaluates the SLA rules at the moment a status changes by itself.",
)
def deadlines(
    context: dg.SensorEvaluationContext, platform: PlatformResource
) -> dg.SensorResult | dg.SkipReason:
    """Ask for an evaluation when one is due."""
    opened, now = platform.open(), platform.now()
    heartbeat = timedelta(seconds=opened.config.heartbeat_s)
    mark = configuration_mark(opened)
    errand = next((one.id for one in waiting(opened)), None)
    work = due_work(
        next_change(opened), configuration=mark, heartbeat=heartbeat, now=now, errand=errand
    )
    if work is None:
        return dg.SkipReason("no status changes by itself yet")
    if any(in_flight(context.instance, job=job.name) for job in (evaluate_job, watch_job)):
        return dg.SkipReason("an evaluation is on its way")
    offer = next_offer(context.cursor, work, now=now)
    if offer is None:
        return dg.SkipReason("asked for a moment ago")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=offer.run_key)], cursor=offer.dump())
