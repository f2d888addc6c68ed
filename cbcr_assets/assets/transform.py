"""The dbt models as assets, with lineage from the watch lane's raw tables.

Belongs here: how dbt's graph becomes assets.
Does not belong here: models, publishing, or when it happens.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets
from pydantic import Field

from cbcr_assets.assets.quality import QUARANTINED_KEY
from cbcr_assets.assets.watch import OWNERS
from cbcr_assets.hooks import routed
from cbcr_assets.steps.analytics import dbt_environment, ensure_manifest, prepare
from cbcr_assets.steps.platform import DBT_PROJECT, Platform


class _Translator(DagsterDbtTranslator):
    """Groups and owners of the models; everything else is dagster-dbt's."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        if unique_id.startswith("source.") and unique_id.endswith(".raw.quarantine"):
            return spec.replace_attributes(key=QUARANTINED_KEY)  # models wait for the contract
        folder = manifest["nodes"].get(unique_id, {}).get("fqn", ["", "models"])[1]
        return spec.replace_attributes(group_name=folder, owners=OWNERS)


class TransformConfig(dg.Config):
    """How a run builds the models."""

    full_refresh: bool = Field(
        default=False, description="Build all history anew instead of what is new."
    )


def transform_assets(platform: Platform) -> dg.AssetsDefinition:
    """Build the assets of all dbt models.

    Raises:
        WarehouseError: dbt cannot parse the project.
    """

    @dbt_assets(
        name="transform",
        manifest=ensure_manifest(platform),
        dagster_dbt_translator=_Translator(),
    )
    def transform(context: dg.AssetExecutionContext, config: TransformConfig) -> Iterator[Any]:
        """Build the selected models in our turn, then test a copy of them (see `dbt_process`)."""
        prepare(platform)
        # dagster-dbt gives dbt the environment of this process, which is the run's own.
        os.environ.update(dbt_environment(platform))
        how = ["--full-refresh"] if config.full_refresh else []
        dbt = _resource().cli(["build", *how], context=context)
        yield from dbt.stream()
        # One folder an invocation: kept when it failed, for its log.
        shutil.rmtree(dbt.target_path, ignore_errors=True)

    return routed(transform)


def _resource() -> DbtCliResource:
    # The one of this very environment: nobody needs to have it on the PATH.
    return DbtCliResource(
        dbt_executable=str(Path(sys.executable).with_name("cbcr-dbt")),
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        global_config_flags=["--no-use-colors"],
    )
