"""Publishing as an asset: the snapshot that dashboards and planners read.

Belongs here: the asset, and what its run says.
Does not belong here: when (see `cooldown`), or how (see `cbcr_assets.warehouse.publish`).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from cbcr_assets.assets.watch import OWNERS
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps import analytics
from cbcr_assets.steps.published import SnapshotSummary, summary
from cbcr_assets.steps.retention import retain_daily

SNAPSHOT_KEY = dg.AssetKey(["serving", "snapshot"])
# Dashboards call their data old after half an hour.
_FRESH = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(minutes=30), fail_window=timedelta(hours=2)
)


def publish_asset(marts: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """Build the asset that publishes the warehouse once the given models are built."""

    @dg.asset(
        key=SNAPSHOT_KEY,
        deps=marts,
        group_name="serving",
        owners=OWNERS,
        kinds={"duckdb"},
        freshness_policy=_FRESH,
        description="Immutable copy of the warehouse behind an atomic pointer, for all readers.",
    )
    def snapshot(platform: PlatformResource) -> dg.MaterializeResult[None]:
        """Publish what was built and tested, let go what is too old: the next version shows it."""
        opened, now = platform.open(), platform.now()
        published = analytics.publish_built(opened, now=now)
        retired = retain_daily(opened, now=now)
        return dg.MaterializeResult(
            metadata={
                "version": published.version,
                "path": dg.MetadataValue.path(str(published.path)),
                "size_bytes": published.path.stat().st_size,
                "retired_rows": retired,
                "dashboards": dg.MetadataValue.url(opened.config.dashboard_url),
                **_figures(summary(published)),
            }
        )

    return snapshot


def _figures(said: SnapshotSummary) -> dict[str, Any]:
    """Numbers, for Dagster plots those over the runs, and the rows of each mart as a table."""
    rows = [dg.TableRecord({"mart": name, "rows": count}) for name, count in said.rows.items()]
    return {
        "dagster/row_count": sum(said.rows.values()),
        **{f"instances_{status}": count for status, count in said.instances.items()},
        "rpo_compliance_yesterday": said.compliance,
        "rows": dg.MetadataValue.table(rows) if rows else dg.MetadataValue.text("none"),
    }
