"""When history is built: when the rules were evaluated anew, and not more often than configured.

Belongs here: the sensor of the analytics lane. Does not belong here: what is built.

Dagster's automation conditions would fit, but forget an update that arrives between a request and
their next look, and hold back every model of which one source never spoke.
"""

from datetime import UTC, datetime

import dagster as dg

from cbcr_assets.checks import STATUS_KEY
from cbcr_assets.config import has_run
from cbcr_assets.resources import PlatformResource

JOB = "build_and_publish"
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def is_due(requested_at: datetime, evaluated_at: datetime, *, cron: str, now: datetime) -> bool:
    """Say whether history should be built.

    Args:
        requested_at: The last build was asked for, naive UTC.
        evaluated_at: The newest evaluation of the rules, naive UTC; every pull ends with one.
        cron: Models are built at most once a tick of it.
        now: Present, naive UTC.
    """
    return evaluated_at > requested_at and has_run(cron, since=requested_at, until=now)


@dg.sensor(
    name="cooldown",
    job_name=JOB,
    minimum_interval_seconds=14,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds and publishes history when something new was seen, with a cooldown.",
)
def cooldown(
    context: dg.SensorEvaluationContext, platform: PlatformResource
) -> dg.SensorResult | dg.SkipReason:
    """Ask for a build when one is due; its cursor is the moment of the last request."""
    now = platform.now()
    if not context.cursor:
        # `cbcr up` has just built.
        context.update_cursor(now.isoformat())
        return dg.SkipReason("counting from now on")
    evaluated = context.instance.get_latest_materialization_event(STATUS_KEY)
    if evaluated is None:
        return dg.SkipReason("nothing was evaluated yet")
    evaluated_at = datetime.fromtimestamp(evaluated.timestamp, UTC).replace(tzinfo=None)
    requested_at = datetime.fromisoformat(context.cursor)
    cron = platform.open().config.build_every
    if not is_due(requested_at, evaluated_at, cron=cron, now=now):
        return dg.SkipReason(f"nothing new, or too early, since {requested_at:%Y-%m-%d %H:%M:%S}Z")
    if context.instance.get_run_records(dg.RunsFilter(job_name=JOB, statuses=_UNFINISHED), limit=1):
        return dg.SkipReason("a build is on its way")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=now.isoformat())], cursor=now.isoformat()
    )
