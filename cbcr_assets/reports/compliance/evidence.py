"""The canonical text of a report, and hashes over it.

Belongs here: from a table to CSV lines and back, exactly; SHA-256.
Does not belong here: files and their metadata (see `files`).

The canonical text is the CSV file itself, one line a row, ended by a line feed. So the content
hash of a CSV needs no CBCR: `grep -v '^report,' FILE | sha256sum`.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from cbcr_assets.reports.compliance.columns import SCHEMA

# What a spreadsheet takes as the start of a formula, and the mark itself, so that it can be undone.
_FORMULA = tuple("=+-@\t\r＝＋－＠'")
_MARK = "'"


def sha256(lines: Iterable[str]) -> str:
    """Return the hash over lines that end with a line feed, as hexadecimal digits."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode())
    return digest.hexdigest()


def stamp(moment: datetime) -> str:
    """Return a naive UTC moment as text; microseconds only where there are some."""
    return f"{moment.isoformat(timespec='auto')}Z"


def moment(text: str) -> datetime:
    """Read what `stamp` wrote.

    Raises:
        ValueError: It is none.
    """
    if not text.endswith("Z"):
        raise ValueError(f"{text!r} is no moment in UTC")
    return datetime.fromisoformat(text[:-1])


def csv_lines(table: pl.DataFrame) -> list[str]:
    """Return a table as CSV lines, the names of the columns first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table.columns)
    to_text = [_ways(kind)[0] for kind in table.dtypes]
    for row in table.iter_rows():
        writer.writerow(
            "" if value is None else write(value) for write, value in zip(to_text, row, strict=True)
        )
    return [f"{line}\n" for line in buffer.getvalue().split("\n")[:-1]]


def read_csv(text: str) -> pl.DataFrame:
    """Return the table that a CSV holds.

    Raises:
        ValueError: It is no report: other columns, or a cell that is not of its type.
    """
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = next(rows, [])
        if names != list(SCHEMA):
            raise ValueError("its columns are not those of a compliance report")
        readers = [_ways(kind)[1] for kind in SCHEMA.values()]
        cells = [[_read(read, cell) for read, cell in _zip(readers, row)] for row in rows]
    except csv.Error as error:
        raise ValueError(f"it is not CSV: {error}") from None
    return pl.DataFrame(cells, schema=SCHEMA, orient="row")


def _zip(readers: Sequence[Any], row: Sequence[str]) -> Iterable[tuple[Any, str]]:
    if len(row) != len(readers):
        raise ValueError(f"a row has {len(row)} cells instead of {len(readers)}")
    return zip(readers, row, strict=True)


def _read(read: Callable[[str], Any], cell: str) -> Any:
    return None if cell == "" else read(cell)


def _disarmed(text: str) -> str:
    return _MARK + text if text.startswith(_FORMULA) else text


def _armed(text: str) -> str:
    return text.removeprefix(_MARK)


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def _ways(kind: Any) -> tuple[Callable[[Any], str], Callable[[str], Any]]:
    """Return how a type is written and read; each value is read as it was written."""
    if kind == pl.String:
        return _disarmed, _armed
    if kind == pl.Boolean:
        return (lambda value: "true" if value else "false"), _truth
    if kind == pl.Float64:
        return repr, float
    if kind == pl.Datetime:
        return stamp, moment
    return str, int
