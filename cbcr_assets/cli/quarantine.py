"""`cbcr quarantine …`: see what was refused and why, and let a row count again.

Belongs here: arguments and what is printed. Does not belong here: what a release means.
"""

from typing import Annotated

import polars as pl
import typer

from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import Format, FormatOption, now_utc, show
from cbcr_assets.quality import find_quarantined, list_quarantine
from cbcr_assets.quality import release as release_entry
from cbcr_assets.steps.platform import open_platform
from cbcr_assets.steps.quality import check_contract, failures
from cbcr_assets.warehouse import Session

app = typer.Typer(help="Rows that were refused: see, and release.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="Id, or its first characters.")]
_SHORTEST = 4
_ABBREVIATED = 12


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Released ones, too.")] = False,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """List what is in quarantine, newest first. Exit 1 when there is anything open."""
    with open_platform().warehouse.write() as session:
        frame = list_quarantine(session, released=every)
    still_open = frame["released_at"].null_count()
    if answer_format is Format.TABLE:
        frame = frame.with_columns(pl.col("quarantine_id").str.slice(0, _ABBREVIATED))
    show(frame, answer_format)
    raise typer.Exit(1 if still_open else 0)


@app.command("show")
def show_(identity: Id, answer_format: FormatOption = Format.TABLE) -> None:
    """Show one entry with what was refused, whole."""
    with open_platform().warehouse.write() as session:
        frame = _only(session, identity)
    if answer_format is Format.TABLE:
        row = [("-" if v is None else str(v)) for v in frame.row(0)]
        frame = pl.DataFrame({"field": frame.columns, "value": row})
    show(frame, answer_format)


@app.command()
def release(identity: Id, answer_format: FormatOption = Format.TABLE) -> None:
    """Let a row count again as it is, from the next build on. Exit 1 when it does already."""
    with open_platform().warehouse.write() as session:
        found = _only(session, identity)["quarantine_id"].item()
        released = release_entry(session, found, now=now_utc())
        frame = _only(session, found).drop("payload")
    show(frame, answer_format)
    if not released:
        typer.echo(f"{identity} was released before", err=True)
    raise typer.Exit(0 if released else 1)


def _only(session: Session, identity: str) -> pl.DataFrame:
    if len(identity) < _SHORTEST:
        raise wrong_use(f"{identity!r} is too short; give {_SHORTEST} characters or more of the id")
    found = find_quarantined(session, identity)
    if found.is_empty():
        raise wrong_use(f"nothing in quarantine has the id {identity}; see `cbcr quarantine list`")
    if found.height > 1:
        raise wrong_use(f"{found.height} entries begin with {identity}; give more of the id")
    return found


def check_data(answer_format: FormatOption = Format.TABLE) -> None:
    """Check the new rows of every raw table against its contract. Exit 1 when something fails."""
    found = failures(check_contract(open_platform(), now=now_utc()))
    show(found, answer_format)
    raise typer.Exit(0 if found.is_empty() else 1)
