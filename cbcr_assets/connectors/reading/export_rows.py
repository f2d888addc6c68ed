"""Rows of a database client's export: CSV or tab-separated, its header names decide.

Belongs here: rows by lower-case column name, their checked fields, and the frames they make.
Does not belong here: which columns a tool has.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cbcr_assets.connectors.base import CatalogScope, Envelope, Parsed
from cbcr_assets.connectors.reading.refusal import Refusals, Refused, brief
from cbcr_assets.connectors.transports.stamps import readings
from cbcr_assets.connectors.transports.text import storable
from cbcr_assets.records import typed_frame

_INT64 = 2**63
_CLOCK_SKEW = timedelta(minutes=5)
_EPOCH = datetime.fromisoformat("1970-01-01")
_ABSENT = frozenset({"", "NULL", "\\N", "0000-00-00 00:00:00"})


class _Tabs(csv.excel_tab):
    """What database clients print: nothing is quoted."""

    quoting = csv.QUOTE_NONE


Built = list[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class ExportRow:
    """One row. Every method raises `Refused` if the value cannot be used.

    Attributes:
        values: Its fields by the names of the header.
        tz: Zone of stamps without an offset.
        latest: What has happened cannot be later than this.
    """

    values: Mapping[str, str]
    tz: str
    latest: datetime

    def text(self, key: str) -> str | None:
        """Return text; empty and NULL are absent."""
        value = self.values.get(key, "").strip()
        return None if value in _ABSENT else storable(value)

    def name(self, key: str) -> str:
        """Return text that must be there."""
        value = self.text(key)
        if value is None:
            raise Refused("missing", f"{key} is missing")
        return value

    def whole(self, key: str) -> int | None:
        """Return a whole number, not negative."""
        value = self.text(key)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit()) or len(value) > 19 or int(value) >= _INT64:
            raise Refused("type", f"{key} must be a whole number, not {brief(value)}")
        return int(value)

    def time(self, key: str) -> datetime | None:
        """Return a moment as naive UTC, past or future."""
        return next(iter(self._readings(key)), None)

    def past(self, key: str) -> tuple[datetime, ...]:
        """Return what a stamp of the past may mean: none, one, or two in a repeated hour."""
        found = self._readings(key)
        if found and found[0] > self.latest:
            raise Refused(
                "future",
                f"{key} {found[0]} (UTC) is later than the envelope's finished_at plus 5 minutes;"
                " correct the source's timezone or the clock of the host that wrote it",
            )
        return tuple(moment for moment in found if moment <= self.latest)

    def span(
        self, begin: str, end: str, *, ended_epoch: int | None = None
    ) -> tuple[datetime | None, datetime | None]:
        """Return begin and end, in order.

        In the hour that clocks repeat the epoch decides, else the end is the first one that is not
        before the begin. A begin stays at its first reading: no backup looks newer than it is.

        Args:
            begin: Name of the field.
            end: Name of the field.
            ended_epoch: The end in epoch seconds, where it is known too.
        """
        begun, ends = self.past(begin)[:1], self.past(end)
        exact = [e for e in ends if ended_epoch is not None and e - _EPOCH == _s(ended_epoch)]
        fitting = exact or [e for e in ends if not begun or e >= begun[0]]
        if ends and not fitting:
            raise Refused(
                "order",
                f"{end} {ends[0]} is before {begin} {begun[0]} (UTC); correct the clocks or the"
                " source's timezone",
            )
        ended = fitting[0] if fitting else None
        return (begun[0] if begun else None), ended

    def _readings(self, key: str) -> tuple[datetime, ...]:
        value = self.text(key)
        try:
            return () if value is None else readings(value, tz=self.tz)
        except ValueError as error:
            raise Refused("timestamp", f"{key}: {error}") from None


def _s(seconds: int) -> timedelta:
    return timedelta(seconds=min(seconds, 10**10))


def export_rows(payload: str) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the header in lower case, and the rows.

    Raises:
        ValueError: It is no table.
    """
    first = payload.split("\n", 1)[0]
    tabs = "\t" in first
    text = io.StringIO(payload)
    reader = csv.reader(text, csv.excel) if not tabs else csv.reader(text, _Tabs)
    try:
        header, *rows = [row for row in reader if row]
    except csv.Error as error:
        raise ValueError(str(error)) from error
    return tuple(name.strip().lower() for name in header), rows


def harvest(
    envelope: Envelope,
    rows: Iterable[tuple[int, Mapping[str, str] | None, str]],
    build: Callable[[ExportRow], Built],
    *,
    scopes: Callable[[Built], tuple[CatalogScope, ...]] = lambda _: (),
) -> Parsed:
    """Build rows of raw tables; what is refused becomes a reject, and then nothing is complete."""
    refusals = Refusals(envelope)
    made: Built = []
    for place, values, shown in rows:
        try:
            if values is None:
                raise Refused("columns", "the row has not as many fields as the header")
            made += build(ExportRow(values, envelope.tz, envelope.finished_at + _CLOCK_SKEW))
        except Refused as error:
            refusals.add(place, error.rule, str(error), shown)
    seen_at = {"first_seen_at": envelope.finished_at, "last_seen_at": envelope.finished_at}
    tables: dict[str, list[dict[str, Any]]] = {}
    for table, row in made:
        tables.setdefault(table, []).append({"source_id": envelope.source_id, **seen_at, **row})
    return Parsed(
        frames={name: typed_frame(name, found) for name, found in tables.items()},
        rejects=tuple(refusals.rejects),
        seen=len(made) + len(refusals.rejects),
        scopes=() if refusals.rejects else scopes(made),
    )
