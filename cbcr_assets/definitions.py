"""Assembly of the `analytics` code location, and nothing else."""

import os
from collections.abc import Mapping

import dagster as dg

from cbcr_assets.assets.cooldown import JOB, cooldown
from cbcr_assets.assets.publish import publish_asset
from cbcr_assets.assets.quality import contract_assets
from cbcr_assets.assets.reconcile import check_reconcile
from cbcr_assets.assets.report import JOB as REPORT_JOB
from cbcr_assets.assets.report import compliance, report_schedule
from cbcr_assets.assets.transform import transform_assets
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps.platform import open_running

_PUBLISHED = ("marts", "live")
REBUILD_JOB = "rebuild_and_publish"


def build_defs(environ: Mapping[str, str] | None = None) -> dg.Definitions:
    """Assemble the analytics lane of the configured CBCR.

    Args:
        environ: Environment that names the configuration; None: this process's.

    Raises:
        ConfigError: cbcr.yaml is wrong and never was right.
        WarehouseError: dbt cannot parse its project.
    """
    platform = open_running(os.environ if environ is None else environ)
    models = transform_assets(platform)
    marts = [spec.key for spec in models.specs if spec.group_name in _PUBLISHED]
    snapshot = publish_asset(marts)
    everything = dg.AssetSelection.all() - dg.AssetSelection.assets(compliance)
    return dg.Definitions(
        assets=[contract_assets(), models, snapshot, compliance],
        jobs=[
            dg.define_asset_job(
                JOB,
                selection=everything,
                description="Check new rows, build and test every model, publish a snapshot.",
            ),
            dg.define_asset_job(
                REBUILD_JOB,
                selection=everything,
                config={"ops": {"transform": {"config": {"full_refresh": True}}}},
                description="The same with all history built anew, after definitions changed.",
            ),
            dg.define_asset_job(
                REPORT_JOB,
                selection=dg.AssetSelection.assets(compliance),
                description="Issue the compliance report of a calendar month.",
            ),
        ],
        schedules=[report_schedule(platform)],
        sensors=[cooldown, check_reconcile],
        resources={"platform": PlatformResource(config=str(platform.config.file))},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The analytics lane of the configured CBCR; made when the location is loaded."""
    return build_defs()
