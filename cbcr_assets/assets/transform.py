"""The dbt models as assets, with lineage from the watch lane's raw tables.

Belongs here: how dbt's graph becomes assets, and when they are built.
Does not belong here: models, or publishing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from cbcr_assets.assets.watch import POOL
from cbcr_assets.hooks import routed
from cbcr_assets.steps.analytics import ensure_manifest, prepare
from cbcr_assets.steps.platform import DBT_PROJECT, Platform


def cooldown(cron: str) -> Any:
    """Build when anything upstream changed, but at most once a cron tick, and one at a time.

    Never eager (a pull every few seconds would keep dbt running) and never `on_cron` (one silent
    source would hold back every model that joins it).
    """
    condition: Any = dg.AutomationCondition
    return (
        condition.any_deps_updated().since_last_handled()
        & condition.cron_tick_passed(cron).since_last_handled()
        & ~condition.in_progress()
        & ~condition.any_deps_missing()
    ).with_label("cooldown")


class _Translator(DagsterDbtTranslator):
    """Groups and automation of the models; everything else is dagster-dbt's."""

    def __init__(self, build_every: str) -> None:
        super().__init__()
        self._condition = cooldown(build_every)

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        folder = manifest["nodes"].get(unique_id, {}).get("fqn", ["", "models"])[1]
        return spec.replace_attributes(group_name=folder, automation_condition=self._condition)


def transform_assets(platform: Platform) -> dg.AssetsDefinition:
    """Build the assets of all dbt models.

    Raises:
        WarehouseError: dbt cannot parse the project.
    """

    @dbt_assets(
        name="transform",
        manifest=ensure_manifest(platform),
        dagster_dbt_translator=_Translator(platform.config.build_every),
        pool=POOL,
    )
    def transform(context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Build the selected models and run their tests."""
        prepare(platform)
        yield from _resource().cli(["build"], context=context).stream()

    return routed(transform)


def _resource() -> DbtCliResource:
    return DbtCliResource(
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        global_config_flags=["--no-use-colors"],
    )
