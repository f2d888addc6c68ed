"""Finding a raw table by name, and building frames that have exactly its columns and types.

Belongs here: lookups and typed frames. Does not belong here: definitions, or merging.
"""

from typing import Any

import polars as pl

from cbcr_assets.records.raw_tables import RAW_TABLES
from cbcr_assets.records.tables import RawTable

_BY_NAME = {table.name: table for table in RAW_TABLES}


def raw_table(name: str) -> RawTable:
    """Return the raw table called `name`.

    Raises:
        KeyError: There is no such table; the message lists those that exist.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise KeyError(f"no raw table {name!r}; there are: {', '.join(_BY_NAME)}") from None


def empty_frame(name: str) -> pl.DataFrame:
    """Return an empty frame with the schema of the raw table `name`."""
    return pl.DataFrame(schema=raw_table(name).polars_schema)


def typed_frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Build a frame of the raw table `name` from dicts; absent columns are null.

    Args:
        name: Raw table.
        rows: One dict a row. Timestamps must be naive UTC datetimes.

    Raises:
        ValueError: A row names a column that the table does not have.
        TypeError: A value does not fit its column.
    """
    schema = raw_table(name).polars_schema
    named = set().union(*rows)
    if unknown := named - schema.keys():
        raise ValueError(f"raw.{name} has no column {', '.join(sorted(unknown))}")
    # By column: several times faster than by row, for most columns have no value at all.
    return pl.DataFrame(
        [
            pl.Series(field, [row.get(field) for row in rows], dtype=kind, strict=True)
            if field in named
            else pl.Series(field, [None], dtype=kind).new_from_index(0, len(rows))
            for field, kind in schema.items()
        ]
    )
