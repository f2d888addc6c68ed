"""`cbcr import`: history from Parquet, CSV or JSON lines into a raw table.

Belongs here: reading such a file as a raw table's frame, row by row where it has to be.
Does not belong here: merging (the warehouse does it like for any pull).
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from cbcr_assets.records import RawTable, raw_table, typed_frame
from cbcr_assets.steps.platform import Platform
from cbcr_assets.warehouse import WarehouseError

_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": lambda path: pl.read_csv(path, infer_schema=False),
    ".jsonl": lambda path: pl.read_ndjson(path, infer_schema_length=None),
    ".ndjson": lambda path: pl.read_ndjson(path, infer_schema_length=None),
}


@dataclass(frozen=True)
class ImportReport:
    """What an import did: inserted, updated, unchanged and rejected rows add up to seen.

    Attributes:
        seen: Rows in the file.
        inserted: Rows with a new key.
        updated: Rows that improved a stored one.
        rejected: Rows quarantined.
        reasons: Why, one line each.
    """

    seen: int
    inserted: int
    updated: int
    rejected: int
    reasons: tuple[str, ...]


def import_file(platform: Platform, table: str, path: Path, *, now: datetime) -> ImportReport:
    """Load a file into a raw table; rows that cannot be used go to the quarantine.

    Raises:
        WarehouseError: No such table or file, another format, or columns that do not exist.
    """
    definition = _definition(table)
    raw = _read(path)
    if unknown := [name for name in raw.columns if name not in definition.polars_schema]:
        known = ", ".join(definition.polars_schema)
        raise WarehouseError(
            f"{path}: raw.{table} has no column {', '.join(unknown)}; it has {known}"
        )
    frame, reasons = _typed(definition, raw)
    good = frame.filter(pl.lit(value=True) if not reasons else ~pl.col("row_").is_in(list(reasons)))
    rejected = [
        _quarantined(definition.name, path, row, reasons[index], now)
        for index, row in enumerate(raw.iter_rows(named=True))
        if index in reasons
    ]
    with platform.warehouse.write() as session:
        result = session.load(definition.name, good.drop("row_"))
        session.load("quarantine", typed_frame("quarantine", rejected))
    lines = tuple(f"{path.name}:{index + 1}: {reason}" for index, reason in sorted(reasons.items()))
    return ImportReport(raw.height, result.inserted, result.updated, len(rejected), lines)


def _definition(table: str) -> RawTable:
    try:
        return raw_table(table.removeprefix("raw."))
    except KeyError as error:
        raise WarehouseError(str(error.args[0])) from None


def _read(path: Path) -> pl.DataFrame:
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise WarehouseError(
            f"{path}: cannot read {path.suffix or 'this'}; use {', '.join(_READERS)}"
        )
    try:
        return reader(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise WarehouseError(f"{path} cannot be read: {error}") from error


def _typed(definition: RawTable, raw: pl.DataFrame) -> tuple[pl.DataFrame, dict[int, str]]:
    """Cast to the table's schema; return the frame with `row_`, and reasons by row."""
    columns, reasons = [], dict[int, str]()
    for name, kind in definition.polars_schema.items():
        if name not in raw.columns:
            columns.append(pl.Series(name, [None] * raw.height, dtype=kind))
            continue
        source = raw[name]
        cast = _cast(source, kind)
        for index in (source.is_not_null() & cast.is_null()).arg_true().to_list():
            reasons.setdefault(index, f"{name}: {source[index]!r} is not {kind}")
        columns.append(cast)
    frame = pl.DataFrame(columns).with_row_index("row_")
    for name in definition.key:
        for index in frame[name].is_null().arg_true().to_list():
            reasons.setdefault(index, f"{name} is part of the key and must not be empty")
    return frame, reasons


def _cast(source: pl.Series, kind: pl.DataType) -> pl.Series:
    if isinstance(kind, pl.Datetime):
        if source.dtype == pl.String:
            return _moments(source)
        if isinstance(source.dtype, pl.Datetime) and source.dtype.time_zone:
            source = source.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if kind == pl.Boolean and source.dtype == pl.String:
        words = {"true": True, "1": True, "false": False, "0": False}
        return source.str.to_lowercase().replace_strict(
            words, default=None, return_dtype=pl.Boolean
        )
    return source.cast(kind, strict=False)


def _moments(source: pl.Series) -> pl.Series:
    return pl.Series(source.name, [_moment(text) for text in source], dtype=pl.Datetime("us"))


def _moment(text: str | None) -> datetime | None:
    """Read ISO 8601 as naive UTC; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if moment is not None and moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment


def _quarantined(
    table: str, path: Path, row: dict[str, object], reason: str, now: datetime
) -> dict[str, object]:
    payload = json.dumps(row, default=str, sort_keys=True)
    identity = hashlib.sha256(f"{path.name}\x00{payload}\x00{reason}".encode()).hexdigest()
    return {
        "quarantine_id": identity, "source_id": "import", "table_name": table,
        "native_id": path.name, "rule": "type", "reason": reason, "payload": payload,
        "observed_at": now,
    }  # fmt: skip
