"""`cbcr alerts …`: look at what the alert engine knows, and let it do a tick.

Belongs here: listing and ticking. Does not belong here: the engine.
"""

from typing import Annotated

import polars as pl
import typer

from cbcr_assets.cli.output import Format, FormatOption, now_utc, show
from cbcr_assets.steps.alerts import tick as tick_step
from cbcr_assets.steps.platform import open_platform

app = typer.Typer(help="Operate the alert engine.", no_args_is_help=True)


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Resolved ones, too.")] = False,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """List open alerts. Exit 1 when there are any."""
    views = open_platform().alerts().alerts(only_open=not every)
    show(pl.DataFrame([view.row() for view in views], infer_schema_length=None), answer_format)
    raise typer.Exit(1 if any(view.is_open for view in views) else 0)


@app.command()
def tick() -> None:
    """Hand over evaluations that no hook saw, deliver what waits: what the sensor does."""
    platform = open_platform()
    outcome = tick_step(platform, platform.alerts(), now=now_utc())
    typer.echo(f"reconciled {outcome.reconciled}, {outcome.delivery}")
