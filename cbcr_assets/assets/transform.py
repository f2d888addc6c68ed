"""The dbt models as assets, with lineage from the watch lane's raw tables.

Belongs here: how dbt's graph becomes assets, and when they are built.
Does not belong here: models, or publishing.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from cbcr_assets.assets.watch import POOL
from cbcr_assets.hooks import routed
from cbcr_assets.steps.analytics import NO_UNIT_TESTS, dbt_environment, ensure_manifest, prepare
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
        # dagster-dbt gives dbt the environment of this process, which is the run's own.
        os.environ.update(dbt_environment(platform))
        dbt = _resource().cli(["build", *NO_UNIT_TESTS], context=context)
        yield from dbt.stream()
        # One folder an invocation: kept when it failed, for its log.
        shutil.rmtree(dbt.target_path, ignore_errors=True)

    return routed(transform)


def _resource() -> DbtCliResource:
    # The dbt of this very environment: nobody needs to have it on the PATH.
    return DbtCliResource(
        dbt_executable=str(Path(sys.executable).with_name("dbt")),
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        global_config_flags=["--no-use-colors"],
    )
