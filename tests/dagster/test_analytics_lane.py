"""The analytics lane: dbt and publishing as Dagster runs them, whatever the user's shell has."""

import json
import subprocess
import sys

import pytest

from cbcr_assets.steps.platform import Platform

pytestmark = pytest.mark.slow

RUN = """
import json, sys
import dagster as dg
from cbcr_assets.definitions import build_defs

with dg.DagsterInstance.ephemeral() as instance:
    job = build_defs().resolve_job_def("build_and_publish")
    run = job.execute_in_process(instance=instance, raise_on_error=False)
built = [e.step_materialization_data.materialization.asset_key.path[-1]
         for e in run.get_asset_materialization_events()]
json.dump({"success": run.success, "built": built}, sys.stdout)
"""


def test_the_job_builds_and_publishes_without_dbt_on_the_path(platform: Platform) -> None:
    environ = {"CBCR_CONFIG": str(platform.config.file), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environ, cwd=platform.config.file.parent,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout.splitlines()[-1])
    assert run["success"], done.stderr
    assert {"fct_rpo_compliance_daily", "sla_rpo", "live_rpo_status"} <= set(run["built"])
    with platform.warehouse.read() as session:
        assert session.query("select count(*) from marts.dim_instances").item() == 0
        assert session.query("select count(*) from live.sla_evaluations").item() == 0
    assert not list(platform.dbt_target.glob("transform*"))
