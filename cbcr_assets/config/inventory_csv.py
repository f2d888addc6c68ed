"""The inventory as CSV: one row an instance, the same names as in YAML.

Belongs here: from rows to the `Document` that the YAML would have been, with the line of each row.
Does not belong here: what the values may be (see inventory).

Empty cells are absent keys. `aliases` is `source=name;source=name`, `exclusions` is
`start/stop=reason;start/stop=reason`, `tier` a number from 1 to 9.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cbcr_assets.config.document import (
    ConfigError,
    Document,
    KeyPath,
    Problem,
    closest,
    fail,
    read_text,
)

_HIDDEN = ("instances", 0)


def load_csv(path: Path, *, columns: frozenset[str], required: frozenset[str]) -> Document:
    """Read a CSV file as the document that its YAML would have been.

    Args:
        path: The file: comma separated, UTF-8, names of columns in the first row.
        columns: Columns that may be there.
        required: Columns that must be there.

    Raises:
        ConfigError: Unreadable, wrong columns, or rows of another length.
    """
    rows = list(_rows(path))
    if not rows:
        raise fail(path, 0, "it is empty; the first row has the names of the columns")
    line, header = rows[0][0], [name.strip() for name in rows[0][1]]
    problems = list(_header_problems(path, line, header, columns, required))
    lines: dict[KeyPath, int] = {(): line}
    instances: list[dict[str, Any]] = []
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            message = f"this row has {len(cells)} cells, the header has {len(header)}"
            problems.append(Problem(path.name, line, "", message))
            continue
        lines["instances", len(instances)] = line
        pairs = zip(header, (cell.strip() for cell in cells), strict=True)
        instances.append({name: _value(name, cell) for name, cell in pairs if cell})
    if problems:
        raise ConfigError(problems)
    return Document(path, {"instances": instances}, lines, hidden=len(_HIDDEN))


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank with the line on which each begins."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    begin = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begin, cells
            begin = reader.line_num + 1
    except csv.Error as error:
        raise fail(path, begin, f"this is not CSV: {error}") from None


def _header_problems(
    path: Path, line: int, header: list[str], columns: frozenset[str], required: frozenset[str]
) -> Iterator[Problem]:
    if len(header) == 1 and ";" in header[0]:
        yield Problem(path.name, line, "", "the columns are separated by ';', write ','")
        return
    for index, name in enumerate(header):
        if name not in columns:
            known = sorted(columns)
            yield Problem(path.name, line, name, "unknown column", closest(name, known))
        elif name in header[:index]:
            yield Problem(path.name, line, name, "this column is there twice")
    for name in sorted(required - set(header)):
        yield Problem(path.name, line, name, "this column is required")


def _value(name: str, cell: str) -> Any:
    if name == "aliases":
        pairs = (_pair(part) for part in cell.split(";") if part.strip())
        return [{"source": source, "name": native} for source, native in pairs]
    if name == "exclusions":
        return [_window(part) for part in cell.split(";") if part.strip()]
    return int(cell) if name == "tier" and cell.isascii() and cell.isdigit() else cell


def _pair(part: str) -> tuple[str, str]:
    left, _, right = part.partition("=")
    return left.strip(), right.strip()


def _window(part: str) -> dict[str, str]:
    window, reason = _pair(part)
    start, _, stop = window.partition("/")
    return {"start": start.strip(), "stop": stop.strip(), "reason": reason}
