"""Assembly of the `watch` code location, and nothing else."""

import os
from collections.abc import Mapping

import dagster as dg

from cbcr_assets.assets.watch import kept_fresh
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps.platform import open_running
from sensors.alerts import alert_tick
from sensors.deadlines import deadlines
from sensors.jobs import evaluate_job, watch_job
from sensors.sources import source_sensors


def build_defs(environ: Mapping[str, str] | None = None) -> dg.Definitions:
    """Assemble the watch lane of the configured CBCR.

    Args:
        environ: Environment that names the configuration; None: this process's.

    Raises:
        ConfigError: cbcr.yaml is wrong and never was right; Dagster shows all problems.
    """
    platform = open_running(os.environ if environ is None else environ)
    return dg.Definitions(
        assets=[kept_fresh(platform.config.heartbeat_s)],
        jobs=[watch_job, evaluate_job],
        sensors=[*source_sensors(platform.config.sources.values()), deadlines, alert_tick],
        resources={"platform": PlatformResource(config=str(platform.config.file))},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The watch lane of the configured CBCR; made when the location is loaded."""
    return build_defs()
