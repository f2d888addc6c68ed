"""The demo: a simulated fleet with known truth, run through the real path.

Belongs here: preparing a demo's home and comparing what was found with what was planted.
Does not belong here: the fleet (see `cbcr_assets.simulator`) or process control.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
import typer

from cbcr_assets.cli.output import now_utc, progress
from cbcr_assets.cli.pull import pull_all
from cbcr_assets.simulator import Comparison, FleetSpec, Truth, compare, simulate, write_workspace
from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import Platform, open_platform

MARKER = "this-is-a-cbcr-demo"


@dataclass(frozen=True)
class Demo:
    """A prepared demo: everything pulled, built, evaluated and published.

    Attributes:
        platform: The demo's own platform.
        truth: What was planted.
    """

    platform: Platform
    truth: Truth


def prepare(directory: Path, *, instances: int, days: int, seed: int, now: datetime) -> Demo:
    """Simulate a fleet into `directory` and run the pipeline on it once.

    Args:
        directory: Empty or missing folder.
        instances: Databases in the fleet.
        days: Days of history.
        seed: Same seed, same fleet.
        now: The end of the history, naive UTC.
    """
    with progress(f"simulating {instances} databases over {days} days") as bar:
        bar.add_task("simulate", total=None)
        fleet = simulate(FleetSpec(instances=instances, days=days, seed=seed), now=now)
        config = write_workspace(fleet, directory)
        (directory / MARKER).touch()
    os.environ["CBCR_CONFIG"] = str(config)
    os.environ.pop("CBCR_HOME", None)
    platform = open_platform()
    pull_all(platform, list(platform.config.sources))
    _build(platform)
    _run_watch_job(platform)
    analytics.publish(platform, now=now_utc())
    analytics.mark_built(platform)
    return Demo(platform, fleet.truth)


def compare_with_truth(demo: Demo) -> Comparison:
    """Compare the verdicts in the published snapshot with the planted incidents."""
    with demo.platform.warehouse.read() as session:
        verdicts = session.rows(
            "select rule, subject_id, status from state.sla_status where status <> 'ok'"
        )
    return compare(demo.truth, verdicts)


def comparison_frame(comparison: Comparison) -> pl.DataFrame:
    """Return one row for each planted or invented verdict."""
    groups = (
        ("found", comparison.found),
        ("MISSED", comparison.missed),
        ("INVENTED", comparison.invented),
    )
    rows = [
        (word, item.rule, item.subject_id, item.status, item.story)
        for word, items in groups
        for item in items
    ]
    schema = ["verdict", "rule", "subject", "status", "story"]
    return pl.DataFrame(rows, schema=schema, orient="row")


def headline(comparison: Comparison) -> str:
    """Return the one sentence that says whether CBCR saw what was planted."""
    return (
        f"{len(comparison.found)} planted incidents found, {len(comparison.missed)} missed,"
        f" {len(comparison.invented)} invented"
    )


def _build(platform: Platform) -> None:
    with progress("building the models") as bar:
        bar.add_task("dbt build", total=None)
        report = analytics.build(platform)
    if not report.ok:
        typer.echo(report.output, err=True)
        raise typer.Exit(1)


def _run_watch_job(platform: Platform) -> None:
    """Run the watch lane's own Dagster job headless: pull, evaluate, checks, hook."""
    import dagster as dg

    from sensors.definitions import build_defs

    definitions = build_defs({**platform.environ, "CBCR_CONFIG": str(platform.config.file)})
    with progress("evaluating the rules") as bar, dg.DagsterInstance.ephemeral() as instance:
        bar.add_task("job `watch`", total=None)
        job = definitions.resolve_job_def("watch")
        quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
        job.execute_in_process(run_config=quiet, instance=instance, raise_on_error=True)
