"""`cbcr health`: how healthy each component is, why, and what to do.

Belongs here: arguments and what is printed. Does not belong here: SQL of definitions.
"""

import json
from typing import Annotated, Any

import polars as pl
import typer

from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import AsOfOption, Format, FormatOption, moment, show
from cbcr_assets.config.health import KINDS
from cbcr_assets.reports.health import component_health, headline
from cbcr_assets.steps.platform import open_platform

_BAD = ("poor", "critical", "unknown")
_SHOWN = ("kind", "component_id", "tier", "state", "score", "reason", "action")


def health(
    component: Annotated[
        str | None, typer.Option(help=f"One kind: {', '.join(KINDS)}. Default: all.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Healthy components, too.")] = False,
    as_of: AsOfOption = None,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """Say how healthy each component is, worst first. Exit 1 when one is poor, critical or unknown.

    JSON and CSV tell every component with all reasons; 100 less their deductions is the score.
    """
    if component is not None and component not in KINDS:
        raise wrong_use(f"no kind of component {component!r}; there are: {', '.join(KINDS)}")
    with open_platform().warehouse.read(as_of=moment(as_of) if as_of else None) as session:
        found = component_health(session, kind=component)
        summary = headline(session, kind=component)
    if answer_format is Format.TABLE:
        chosen = found if every else found.filter(pl.col("state") != "healthy")
        show(chosen.select(_SHOWN), answer_format)
        typer.echo(_sentence(summary), err=True)
    elif answer_format is Format.JSON:
        typer.echo(json.dumps(_document(summary, found)))
    else:
        show(found, answer_format)
    is_bad = found.is_empty() or found["state"].is_in(_BAD).any()
    raise typer.Exit(1 if is_bad else 0)


def _document(summary: pl.DataFrame, found: pl.DataFrame) -> dict[str, Any]:
    components = [
        {**row, "reasons": json.loads(row["reasons"])} for row in found.iter_rows(named=True)
    ]
    return {"summary": next(summary.iter_rows(named=True), None), "components": components}


def _sentence(summary: pl.DataFrame) -> str:
    if summary.is_empty():
        return "no such component is known, so nothing is known of its health"
    row = summary.row(0, named=True)
    states = ("critical", "unknown", "poor", "degraded", "healthy")
    counts = ", ".join(f"{row[state]} {state}" for state in states if row[state])
    return f"headline {row['headline']:.0f} of 100 for {row['components']} components: {counts}"
