"""`cbcr demo`, `init`, `doctor`, `up`: getting CBCR to run and seeing whether it is well.

Belongs here: arguments and messages. Does not belong here: process control (see `processes`).
"""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from cbcr_assets.cli import processes
from cbcr_assets.cli.diagnosis import findings
from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import Format, FormatOption, now_utc, show
from cbcr_assets.steps import analytics, watch
from cbcr_assets.steps.platform import Platform, open_platform
from cbcr_assets.templates import read_template

_STARTERS = ("cbcr.yaml", "inventory.yaml", "alerting.yaml")

PortOption = Annotated[int, typer.Option(help="Port of the Dagster UI on 127.0.0.1.")]
DashboardPortOption = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Port of Streamlit; else dashboards.port in cbcr.yaml."),
]


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Run headless, compare with the planted truth, exit.")
    ] = False,
    instances: Annotated[int, typer.Option(min=19, help="Databases in the fleet.")] = 60,
    days: Annotated[int, typer.Option(min=10, help="Days of history.")] = 30,
    seed: Annotated[int, typer.Option(help="Same seed, same fleet.")] = 7,
    directory: Annotated[Path, typer.Option(help="Where the demo lives.")] = Path(".cbcr/demo"),
    port: PortOption = 3000,
    dashboard_port: DashboardPortOption = None,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """Simulate a fleet with planted incidents and run the whole platform on it."""
    # The simulator and Dagster cost seconds of import, which no other command should pay.
    from cbcr_assets.cli import demonstration

    if directory.exists() and any(directory.iterdir()):
        if not (directory / demonstration.MARKER).is_file():
            raise wrong_use(f"{directory} is not empty and not a demo; say another --directory")
        shutil.rmtree(directory)
    run = demonstration.prepare(
        directory.absolute(), instances=instances, days=days, seed=seed, now=now_utc()
    )
    if once:
        comparison = demonstration.compare_with_truth(run)
        show(demonstration.comparison_frame(comparison), answer_format)
        typer.echo(demonstration.headline(comparison), err=True)
        raise typer.Exit(0 if comparison.exact else 1)
    processes.up(
        run.platform, port=port, dashboard_port=_dashboard_port(run.platform, dashboard_port)
    )


def init(
    directory: Annotated[Path, typer.Argument(help="Where to write the files.")] = Path(),
) -> None:
    """Write a commented cbcr.yaml, inventory.yaml and alerting.yaml. Overwrites nothing."""
    directory.mkdir(parents=True, exist_ok=True)
    if present := [name for name in _STARTERS if (directory / name).exists()]:
        raise wrong_use(f"{', '.join(present)} exists in {directory}; nothing was written")
    for name in _STARTERS:
        (directory / name).write_text(read_template(name), encoding="utf-8")
        typer.echo(f"wrote {directory / name}")
    typer.echo("next: edit them, then `cbcr doctor`, then `cbcr up`")


def doctor(answer_format: FormatOption = Format.TABLE) -> None:
    """Check configuration, sources, receivers and warehouse. Exit 1 when something is wrong."""
    report = findings(os.environ, now=now_utc())
    show(report, answer_format)
    raise typer.Exit(1 if "wrong" in report["state"].to_list() else 0)


def up(port: PortOption = 3000, dashboard_port: DashboardPortOption = None) -> None:
    """Run the Dagster UI, both lanes and Streamlit until Ctrl-C."""
    platform = open_platform()
    platform.alerts()
    _first_build(platform)
    processes.up(platform, port=port, dashboard_port=_dashboard_port(platform, dashboard_port))


def _dashboard_port(platform: Platform, given: int | None) -> int:
    return platform.config.dashboards.port if given is None else given


def _first_build(platform: Platform) -> None:
    """Make the views that the watch lane reads, once a version: else it could only say so."""
    if analytics.is_built(platform):
        return
    watch.sync_inventory(platform, now=now_utc())
    typer.echo("first build of the models …", err=True)
    report = analytics.build(platform)
    if not report.ok:
        typer.echo(report.output, err=True)
        raise typer.Exit(1)
    analytics.publish(platform, now=now_utc())
    analytics.mark_built(platform)
