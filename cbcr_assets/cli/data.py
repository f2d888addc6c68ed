"""`cbcr import`, `sql`, `rpo`: facts in, answers out.

Belongs here: arguments and what is printed. Does not belong here: SQL of definitions.
"""

from pathlib import Path
from typing import Annotated

import typer

from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import Format, FormatOption, moment, now_utc, progress, show
from cbcr_assets.reports.rpo import rpo_compliance
from cbcr_assets.steps.importing import import_file
from cbcr_assets.steps.platform import open_platform
from cbcr_assets.warehouse import current
from cbcr_assets.warehouse.query import guarded_query, limit_memory


def import_(
    table: Annotated[str, typer.Argument(help="Raw table, such as backup_jobs.")],
    file: Annotated[Path, typer.Argument(help="Parquet, CSV or JSON lines.")],
) -> None:
    """Load history into a raw table, validated like any pull. Exit 1 when rows were rejected."""
    platform = open_platform()
    with progress("importing") as bar:
        bar.add_task(file.name, total=None)
        report = import_file(platform, table, file, now=now_utc())
    typer.echo(
        f"{report.seen} rows seen, {report.inserted} new, {report.updated} improved,"
        f" {report.rejected} rejected"
    )
    for reason in report.reasons[:20]:
        typer.echo(reason, err=True)
    raise typer.Exit(1 if report.rejected else 0)


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT statement.")],
    max_rows: Annotated[int, typer.Option(min=1, help="Rows to print at most.")] = 10_000,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """Run one read-only query on the published warehouse."""
    platform = open_platform()
    limit_memory()
    show(
        guarded_query(current(platform.config.serving).path, query, max_rows=max_rows),
        answer_format,
    )


def rpo(
    start: Annotated[str, typer.Option("--from", help="Start of the window, ISO 8601, UTC.")],
    stop: Annotated[str, typer.Option("--to", help="End of the window, ISO 8601, UTC.")],
    instance: Annotated[str | None, typer.Option(help="One instance; default: all.")] = None,
    restated: Annotated[
        bool, typer.Option(help="In hindsight: what was found corrupt never was usable.")
    ] = False,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """Say exactly how much of a window the recovery point objective was kept."""
    begin, end = moment(start), moment(stop)
    if end <= begin:
        raise wrong_use("--to must be later than --from")
    platform = open_platform()
    with platform.warehouse.read() as session:
        frame = rpo_compliance(session, begin=begin, end=end, instance=instance, restated=restated)
    if instance is not None and frame.is_empty():
        raise wrong_use(f"no instance {instance!r} in the inventory")
    show(frame, answer_format)
