"""`cbcr anomalies` and `cbcr correlations`: odd backups, and what moved together with slow ones.

Belongs here: arguments and what is printed. Does not belong here: SQL, definitions.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import polars as pl
import typer

from cbcr_assets.cli.output import Format, FormatOption, show
from cbcr_assets.reports.signals import backup_anomalies, correlations
from cbcr_assets.steps.platform import open_platform

_ODD = ("started_at", "instance_id", "backup_type", "kind", "severity", "measure", "ratio")


def list_anomalies(
    days: Annotated[int, typer.Option(min=1, help="How far back, days.")] = 30,
    instance: Annotated[str | None, typer.Option(help="Of one instance.")] = None,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """List backups of an odd size or duration, newest first. Exit 1 when one is critical."""
    since = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=days)
    with open_platform().warehouse.read() as session:
        found = backup_anomalies(session, since=since, instance=instance)
    show(found.select(_ODD) if answer_format is Format.TABLE else found, answer_format)
    raise typer.Exit(1 if (found["severity"] == "critical").any() else 0)


def list_correlations(
    every: Annotated[
        bool, typer.Option("--all", help="Also what was tested and not found.")
    ] = False,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """Say which metrics and backups moved together; never which caused the other."""
    with open_platform().warehouse.read() as session:
        found = correlations(session, every=every)
    if answer_format is not Format.TABLE:
        show(found, answer_format)
        return
    for finding in found.filter(pl.col("is_finding"))["finding"]:
        typer.echo(finding)
    tried = found.filter(~pl.col("is_finding"))
    if not tried.is_empty():
        show(tried.select("component", "metric", "outcome", "n", "rho", "q_value"), answer_format)
    if found.is_empty():
        typer.echo("nothing moved together that cannot be chance", err=True)
