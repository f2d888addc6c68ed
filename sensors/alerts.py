"""`alert_tick`: the complete path of alerts. Timers, retries, and evaluations that no hook saw.

Belongs here: the sensor. Does not belong here: what a tick does (see `cbcr_assets.steps.alerts`).
"""

import dagster as dg

from cbcr_assets.assets.reconcile import (
    RUNS,
    SENSORS,
    failed_runs,
    failed_sensors,
    tell_own,
)
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps.alerts import tick


@dg.sensor(
    name="alert_tick",
    minimum_interval_seconds=9,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Delivers what waits, retries, and hands over evaluations that no hook saw.",
)
def alert_tick(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SkipReason:
    """Do one tick. A failure shows as a red tick and is tried again; nothing is lost."""
    opened = platform.open()
    service, now = opened.alerts(), platform.now()
    for scope, found in ((RUNS, failed_runs), (SENSORS, failed_sensors)):
        try:
            tell_own(service, scope, found(context.instance), now=now)
        except Exception as error:  # noqa: BLE001 - what Dagster cannot tell must not stop alerts
            context.log.error(f"{scope}: Dagster's records could not be read: {error!r}")
    outcome = tick(opened, service, now=now)
    if outcome.reconciled:
        context.log.warning(f"{outcome.reconciled} evaluations had not been handed over")
    return dg.SkipReason(f"{outcome.delivery}, reconciled {outcome.reconciled}")
