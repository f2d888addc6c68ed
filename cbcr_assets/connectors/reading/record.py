"""Reading one JSON record field by field, with reasons a person can act on.

Belongs here: checked access to a record's fields, and collecting rows and rejects.
Does not belong here: which fields a kind has (its connector).
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

from cbcr_assets.connectors.base import Envelope, Parsed, Reject
from cbcr_assets.connectors.reading.refusal import Refused, brief
from cbcr_assets.connectors.transports.json_text import canonical
from cbcr_assets.connectors.transports.stamps import to_utc
from cbcr_assets.connectors.transports.text import clean, first_error_line
from cbcr_assets.records import typed_frame

Row = dict[str, Any]
_Word = TypeVar("_Word", bound=StrEnum)

_INT64 = 2**63
_LONGEST_NAME = 1_000
_NEVER = datetime.fromisoformat("2200-01-01")
_LONGEST_S = 366 * 86_400.0
_CLOCK_SKEW = timedelta(minutes=5)
_ERROR_CLASSES = frozenset(
    {"lock", "unreachable", "no_space", "checksum", "target", "signal", "timeout", "other"}
)


_ERROR_PARTS = ("code", "class", "text")


@cache
def _by_value(words: type[_Word]) -> Mapping[str, _Word]:
    """A dictionary answers several times faster than the enumeration's own look-up."""
    return {word.value: word for word in words}


@dataclass(slots=True)
class Record:
    """One JSON object of an envelope.

    Attributes:
        values: Its fields; unknown ones are ignored.
        tz: Zone of stamps without an offset.
        latest: What has happened cannot be later than this.
        said_at: When the source said it.
    """

    values: Mapping[str, Any]
    tz: str
    latest: datetime
    said_at: datetime

    @classmethod
    def alone(cls, values: Mapping[str, Any]) -> "Record":
        """Wrap an object of which nobody knows when it was said."""
        return cls(values, "UTC", _NEVER, _NEVER)

    def part(self, key: str) -> "Record":
        """Return an object in it; absent it is empty."""
        values = self.values.get(key)
        if values is not None and not isinstance(values, Mapping):
            raise Refused("type", f"{key} must be an object, not {brief(values)}")
        return replace(self, values=values or {})

    def name(self, *keys: str) -> str:
        """Return a required identifier, under the first of its names that is there."""
        value = self.optional_name(*keys)
        if value is None:
            raise Refused("missing", f"{keys[0]} is missing; every such record needs it")
        return value

    def optional_name(self, *keys: str) -> str | None:
        """Return an identifier; a number is taken as its digits."""
        for key in keys:
            value = self.values.get(key)
            if value is None:
                continue
            if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT64:
                return str(value)
            if not isinstance(value, str):
                raise Refused("type", f"{key} must be text, not {brief(value)}")
            if not value.strip() or len(value) > _LONGEST_NAME or "\0" in value:
                raise Refused("value", f"{key} must be 1 to {_LONGEST_NAME} printable characters")
            return value if value.isascii() else clean(value)
        return None

    def one_of(self, key: str, words: type[_Word]) -> _Word | None:
        """Return a word of a closed set."""
        value = self.values.get(key)
        if value is None:
            return None
        known: Mapping[str, _Word] = _by_value(words)
        word = known.get(value) if isinstance(value, str) else None
        if word is None:
            raise Refused("enum", f"{key} {brief(value)} is none of: {', '.join(words)}")
        return word

    def time(self, key: str) -> datetime | None:
        """Return a timestamp, past or future."""
        value = self.values.get(key)
        if value is None:
            return None
        try:
            return to_utc(value, tz=self.tz)
        except ValueError as error:
            raise Refused("timestamp", f"{key}: {error}") from None

    def past(self, key: str) -> datetime | None:
        """Return a timestamp that cannot lie in the future of the envelope."""
        moment = self.time(key)
        if moment is not None and moment > self.latest:
            raise Refused(
                "future",
                f"{key} {moment} (UTC) is later than the envelope's finished_at plus 5 minutes;"
                " correct the clock or the offset of the host that wrote it",
            )
        return moment

    def whole(self, key: str, *, low: int = 0, high: int = _INT64 - 1) -> int | None:
        """Return a whole number within bounds."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refused("type", f"{key} must be a whole number, not {brief(value)}")
        if not low <= value <= high:
            raise Refused("range", f"{key} {brief(value)} must be between {low} and {high}")
        return value

    def seconds(self, key: str) -> float | None:
        """Return a duration: not negative, at most a year."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Refused("type", f"{key} must be seconds, not {brief(value)}")
        if not 0 <= value <= _LONGEST_S or math.isnan(value):
            raise Refused("range", f"{key} {brief(value)} must be between 0 and a year in seconds")
        return float(value)

    def flag(self, key: str) -> bool:
        """Return a boolean, 0 and 1 included (SQLite has no other); absent is false."""
        value = self.values.get(key)
        if value is None or value in (0, 1):
            return bool(value)
        raise Refused("type", f"{key} must be true or false, not {brief(value)}")

    def error(self) -> Row:
        """Return error_code, error_class and error_text out of `error` or the flat columns."""
        given = self.values.get("error")
        if given is None:
            given = {k: v for k in _ERROR_PARTS if (v := self.values.get(f"error_{k}")) is not None}
            if not given:
                return {}
        elif isinstance(given, str):
            given = {"text": given}
        if not isinstance(given, Mapping):
            raise Refused("type", f"error must be text or an object, not {brief(given)}")
        inner = replace(self, values=given)
        text, kind = given.get("text"), given.get("class")
        if text is not None and not isinstance(text, str):
            raise Refused("type", f"error.text must be text, not {brief(text)}")
        if kind is not None and not (isinstance(kind, str) and kind in _ERROR_CLASSES):
            kind = "other"  # a failure must not get lost for its unknown class
        return {
            "error_code": inner.optional_name("code"),
            "error_class": kind,
            "error_text": (first_error_line(text) or None) if text else None,
        }


@dataclass
class Harvest:
    """The rows and rejects of one envelope."""

    envelope: Envelope
    rows: dict[str, list[Row]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    seen: int = 0

    def record(self, values: Mapping[str, Any]) -> Record:
        """Wrap one JSON object of this envelope."""
        said_at = self.envelope.finished_at
        return Record(values, self.envelope.tz, said_at + _CLOCK_SKEW, said_at)

    def take(
        self, item: object, place: str, build: Callable[[Record], tuple[str, Row]]
    ) -> Row | None:
        """Build a row from one item, or reject it. `place` is its line or position."""
        self.seen += 1
        table = None
        try:
            if not isinstance(item, dict):
                raise Refused("type", f"a record is a JSON object, not {brief(item)}")
            table, row = build(self.record(item))
        except (Refused, RecursionError) as problem:
            rule = problem.rule if isinstance(problem, Refused) else "json"
            self.reject(place, rule, str(problem), _text_of(item))
            return None
        self._keep(table, row)
        return row

    def add(self, table: str, row: Row, place: int | str = 1) -> None:
        """Add a row that was made of something else than one JSON object, if it can be."""
        self.seen += 1
        try:
            _plausible(row, self.envelope.finished_at + _CLOCK_SKEW)
        except Refused as problem:
            self.reject(str(place), problem.rule, str(problem), json.dumps(row, default=str))
            return
        self._keep(table, row)

    def _keep(self, table: str, row: Row) -> None:
        said_at = self.envelope.finished_at
        row["source_id"] = self.envelope.source_id
        if table in _SEEN_TABLES:
            row |= {"first_seen_at": said_at, "last_seen_at": said_at}
        self.rows.setdefault(table, []).append(row)

    def reject(self, place: str, rule: str, reason: str, payload: str) -> None:
        """Refuse one record."""
        where = f"{self.envelope.native_id}:{place}"
        text = clean(f"{where}: {reason}")
        self.rejects.append(Reject(clean(where), rule, text, clean(payload)))

    def parsed(self, **facts: Any) -> Parsed:
        """Return everything as `Parsed`."""
        frames = {table: typed_frame(table, rows) for table, rows in self.rows.items()}
        return Parsed(frames=frames, rejects=tuple(self.rejects), seen=self.seen, **facts)


_PLANNED = frozenset({"expires_at", "target_at", "scheduled_at"})
_PHASES = ("requested_at", "started_at", "restored_at", "finished_at", "archived_from_at",
           "archived_to_at")  # fmt: skip


def _plausible(row: Row, latest: datetime) -> None:
    """Refuse a row that lies ahead or ends before it begins."""
    for name, value in row.items():
        if isinstance(value, datetime) and value > latest and name not in _PLANNED:
            raise Refused(
                "future",
                f"{name} {value} (UTC) is later than the envelope's finished_at plus 5 minutes;"
                " correct the source's timezone or the clock of the host that wrote it",
            )
    in_order(((name, row.get(name)) for name in _PHASES), "order")


_SEEN_TABLES = frozenset({"backup_jobs", "backup_sets", "restore_jobs"})


def in_order(phases: Iterable[tuple[str, datetime | None]], rule: str) -> None:
    """Refuse phases that end before they begin.

    Raises:
        Refused: A known moment is earlier than the known one before it.
    """
    known = [(name, moment) for name, moment in phases if moment is not None]
    for (before, first), (after, second) in pairwise(known):
        if second < first:
            raise Refused(
                rule,
                f"{after} {second} is before {before} {first} (UTC); correct the clocks or offsets"
                " of the hosts that wrote them",
            )


def _text_of(item: object) -> str:
    try:
        return canonical(item)
    except (RecursionError, ValueError):
        return brief(item, 2_000)
