"""`cbcr capacity …`: when volumes are full, and what would change it.

Belongs here: arguments and what is printed. Does not belong here: the computation (see `reports`).
"""

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import Format, FormatOption, show
from cbcr_assets.reports.capacity import (
    WhatIf,
    capacity_forecasts,
    capacity_what_if,
    has_catalog,
    parse_bytes,
    parse_days,
    parse_share,
)
from cbcr_assets.steps.platform import open_platform

app = typer.Typer(help="When do we run out of room?", no_args_is_help=True)

T = TypeVar("T")
VolumeOption = Annotated[str | None, typer.Option(help="One volume; default: all.")]
_URGENT_DAYS = 14.0


@app.command("list")
def list_(volume: VolumeOption = None, answer_format: FormatOption = Format.TABLE) -> None:
    """Show each volume, the first that is full first. Exit 1 when one may be full in 14 days."""
    with open_platform().warehouse.read() as session:
        frame = capacity_forecasts(session, volume=volume)
    if volume is not None and frame.is_empty():
        raise wrong_use(f"no volume {volume!r}; `cbcr capacity list` shows all")
    show(frame, answer_format)
    days = [days for days in frame["days_to_full_p10"].to_list() if days is not None]
    raise typer.Exit(1 if days and min(days) <= _URGENT_DAYS else 0)


@app.command("what-if")
def what_if(
    volume: VolumeOption = None,
    retention: Annotated[str, typer.Option(help="Keep longer or shorter: +14d, -1w.")] = "0d",
    growth: Annotated[str, typer.Option(help="More or less growth than now: +20%, -50%.")] = "0%",
    onboard: Annotated[int, typer.Option(min=0, max=100_000, help="Databases that come.")] = 0,
    like: Annotated[str | None, typer.Option(help="The instance that they are like.")] = None,
    expand: Annotated[str, typer.Option(help="Room that is added: 10TB, -500GB.")] = "0B",
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """Show when volumes would be full if something changed today."""
    if bool(onboard) != (like is not None):
        raise wrong_use("--onboard and --like belong together: so many databases like that one")
    asked = WhatIf(
        volume=volume,
        retention_days=_read(parse_days, "--retention", retention),
        growth_share=_read(parse_share, "--growth", growth),
        onboard=onboard,
        like=like,
        expand_bytes=_read(parse_bytes, "--expand", expand),
    )
    with open_platform().warehouse.read() as session:
        frame = capacity_what_if(session, asked)
        is_planned = not asked.retention_days or has_catalog(session, volume)
    if frame.is_empty():
        raise wrong_use(f"no volume {volume!r}; `cbcr capacity list` shows all")
    if not is_planned:
        typer.echo("no catalog tells what is kept there: --retention changes nothing", err=True)
    show(frame, answer_format)


def _read(parse: Callable[[str], T], option: str, text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise wrong_use(f"{option}: {error}") from None
