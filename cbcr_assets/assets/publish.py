"""Publishing as an asset: the snapshot that dashboards and planners read.

Belongs here: the asset, and what its run says.
Does not belong here: when (see `cooldown`), or how (see `cbcr_assets.warehouse.publish`).
"""

from collections.abc import Sequence

import dagster as dg

from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps import analytics
from cbcr_assets.steps.retention import retain_daily

SNAPSHOT_KEY = dg.AssetKey(["serving", "snapshot"])


def publish_asset(marts: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """Build the asset that publishes the warehouse once the given models are built."""

    @dg.asset(
        key=SNAPSHOT_KEY,
        deps=marts,
        group_name="serving",
        kinds={"duckdb"},
        description="Immutable copy of the warehouse behind an atomic pointer, for all readers.",
    )
    def snapshot(platform: PlatformResource) -> dg.MaterializeResult[None]:
        """Publish what was built and tested, let go what is too old: the next version shows it."""
        opened, now = platform.open(), platform.now()
        published = analytics.publish_built(opened, now=now)
        retired = retain_daily(opened, now=now)
        size = published.path.stat().st_size
        return dg.MaterializeResult(
            metadata={
                "version": published.version,
                "path": dg.MetadataValue.path(str(published.path)),
                "size_bytes": size,
                "retired_rows": retired,
            }
        )

    return snapshot
