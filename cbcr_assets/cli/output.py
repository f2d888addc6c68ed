"""Output formats of reading commands: table for people, JSON and CSV for programs.

Belongs here: printing frames, parsing moments. Does not belong here: what is printed.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table


class Format(StrEnum):
    """How a reading command answers."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


FormatOption = Annotated[Format, typer.Option("--format", help="table, json or csv.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="Replay this moment: ISO 8601, UTC if no offset.")
]


def now_utc() -> datetime:
    """Return the present, naive UTC: the one place of the command line that looks at a clock."""
    return datetime.now(UTC).replace(tzinfo=None)


def moment(text: str) -> datetime:
    """Read an ISO 8601 moment as naive UTC; without an offset it is taken as UTC.

    Raises:
        typer.BadParameter: It is none; the message shows the form.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a moment; write 2026-11-23 or 2026-11-23T04:00:00Z"
        ) from None
    return parsed.astimezone(UTC).replace(tzinfo=None) if parsed.tzinfo else parsed


def show(frame: pl.DataFrame, answer_format: Format) -> None:
    """Print a frame on stdout; timestamps are UTC and say so."""
    if answer_format is Format.TABLE:
        _table(frame)
        return
    stamped = frame.with_columns(
        pl.col(pl.Datetime).dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ"),
    )
    text = stamped.write_json() if answer_format is Format.JSON else stamped.write_csv()
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show the progress of long work on stderr; silent where nobody looks."""
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        bar.console.print(title)
        yield bar


def _table(frame: pl.DataFrame) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, kind in frame.schema.items():
        table.add_column(name, justify="right" if kind.is_numeric() else "left", overflow="fold")
    for row in frame.iter_rows():
        table.add_row(*(_cell(value) for value in row))
    console = Console()
    console.print(table)
    console.print(f"{frame.height} rows", style="dim", highlight=False)


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%SZ")
        case float():
            return f"{value:,.3f}".rstrip("0").rstrip(".")
        case _:
            return str(value)
