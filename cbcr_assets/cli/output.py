"""Output formats of reading commands: table for people, JSON and CSV for programs.

Belongs here: printing frames, parsing moments. Does not belong here: what is printed.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    import polars as pl


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
    import polars as pl

    if answer_format is Format.TABLE:
        heads = {name: kind.is_numeric() for name, kind in frame.schema.items()}
        _table(heads, frame.iter_rows(), frame.height)
        return
    stamped = frame.with_columns(
        pl.col(pl.Datetime).dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ"),
    )
    text = stamped.write_json() if answer_format is Format.JSON else stamped.write_csv()
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def show_rows(rows: Sequence[Mapping[str, str | int]], answer_format: Format) -> None:
    """Print rows of texts and numbers like `show`, without a data frame; there is one at least."""
    match answer_format:
        case Format.TABLE:
            heads = {name: isinstance(value, int) for name, value in rows[0].items()}
            _table(heads, (row.values() for row in rows), len(rows))
        case Format.JSON:
            json.dump(rows, sys.stdout, ensure_ascii=False, separators=(",", ":"))
            sys.stdout.write("\n")
        case Format.CSV:
            writer = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show the progress of long work on stderr; silent where nobody looks."""
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        bar.console.print(title)
        yield bar


def _table(heads: Mapping[str, bool], rows: Iterable[Iterable[object]], count: int) -> None:
    """Print a table. `heads` says of each column whether it holds numbers."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, is_number in heads.items():
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console = Console()
    console.print(table)
    console.print(f"{count} rows", style="dim", highlight=False)


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
