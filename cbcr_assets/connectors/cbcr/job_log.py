"""The job log: JSON lines that a job wrapper writes around every backup and restore command.

Belongs here: kind job_log, one event a line, to rows of backup_jobs and restore_jobs.
Does not belong here: backup sets (kind catalog): a label in a log is no proof that a set exists.
"""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

import polars as pl

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.cbcr.plain_lines import LONGEST_LINE, plain_attempts
from cbcr_assets.connectors.reading.record import Harvest, Record, Row, in_order
from cbcr_assets.connectors.reading.refusal import Refused
from cbcr_assets.connectors.transports.json_text import strict_json
from cbcr_assets.records import (
    TERMINAL_STATES,
    BackupState,
    BackupType,
    RestorePurpose,
)

_FEWEST = 200
_INT32 = 2**31


class Event(StrEnum):
    """What a line tells: the first or the last part of an attempt, or all of it."""

    QUEUED = "queued"
    BEGIN = "begin"
    END = "end"
    BACKUP = "backup"
    RESTORE = "restore"


class Kind(StrEnum):
    """What was attempted."""

    BACKUP = "backup"
    RESTORE = "restore"


_ENDS = frozenset({Event.END, Event.BACKUP, Event.RESTORE})
_OPEN_STATES = {Event.QUEUED: BackupState.QUEUED, Event.BEGIN: BackupState.RUNNING}
_GOOD = frozenset({BackupState.SUCCEEDED})


def parse_job_log(envelope: Envelope, carry: str, *, fewest: int = _FEWEST) -> Parsed:
    """Read one piece of a job log; an incomplete last line is carried to the next piece.

    A line that is a whole JSON object is used at once even without its line end.

    Args:
        envelope: The piece.
        carry: What the last piece left over.
        fewest: Fewer lines are read one by one, which is faster then; the answer is the same.
    """
    harvest = Harvest(envelope)
    begun: dict[tuple[Kind, str], Row] = {}
    text = carry + envelope.payload
    lines = text.split("\n")
    rest = lines.pop()
    if rest.strip() and (not envelope.stream or _is_object(rest) or len(rest) > LONGEST_LINE):
        lines.append(rest)
        rest = ""
    plain = None
    if len(lines) >= fewest and _encodable(text):
        plain = plain_attempts(lines, envelope, harvest.record({}).latest)
    taken = set() if plain is None else set(plain["place_"].to_list())
    places = []
    for place, line in enumerate(lines):
        row = None if place in taken else _take(harvest, line, place + 1, begun)
        if row is not None and "attempt_key" in row:
            places.append(place)
    parsed = harvest.parsed(carry=rest)
    return parsed if plain is None else _with_plain(parsed, places, plain)


def _encodable(text: str) -> bool:
    """Lone surrogates are read exactly: columns cannot hold them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _with_plain(parsed: Parsed, places: list[int], plain: pl.DataFrame) -> Parsed:
    """Put the plain attempts between the others, in the order of their lines."""
    if plain.is_empty():
        return parsed
    frames = dict(parsed.frames)
    if "backup_jobs" in frames:
        exact = frames["backup_jobs"].insert_column(
            0, pl.Series("place_", places, dtype=plain.schema["place_"])
        )
        plain = pl.concat([plain, exact]).sort("place_")
    frames["backup_jobs"] = plain.drop("place_")
    return replace(parsed, frames=frames, seen=parsed.seen + plain.height - len(places))


def _take(
    harvest: Harvest, line: str, number: int, begun: dict[tuple[Kind, str], Row]
) -> Row | None:
    line = line.strip()
    if not line:
        return None
    try:
        if len(line) > LONGEST_LINE:
            raise ValueError(f"longer than {LONGEST_LINE} characters")
        item = strict_json(line)
    except ValueError as error:
        harvest.seen += 1
        reason = f"the line is no whole JSON value ({error}); write one object a line, in one write"
        harvest.reject(str(number), "json", reason, line)
        return None
    return harvest.take(item, str(number), lambda record: _row(record, harvest.envelope, begun))


def _is_object(text: str) -> bool:
    if not text.rstrip().endswith("}"):
        return False
    try:
        return isinstance(strict_json(text), dict)
    except ValueError:
        return False


def _row(record: Record, envelope: Envelope, begun: dict[tuple[Kind, str], Row]) -> tuple[str, Row]:
    event = record.one_of("event", Event)
    if event is None:
        raise Refused("missing", f"event is missing; write one of: {', '.join(Event)}")
    kind = _kind(record, event)
    times = _times(record, event)
    row: Row = {
        "native_instance": record.name("instance"),
        "started_at": times["started_at"],
        "state": _state(record, event),
    } | record.error()
    key = record.name("run_id", "attempt")
    _agree(row, times, begun.get((kind, key)))
    if kind is Kind.RESTORE:
        row |= _restore(record, times) | {"restore_key": key}
    else:
        row |= _backup(record, event, times, envelope) | {"attempt_key": key}
    if event is Event.BEGIN:
        begun[kind, key] = row
    return ("restore_jobs" if kind is Kind.RESTORE else "backup_jobs"), row


def _kind(record: Record, event: Event) -> Kind:
    told = record.one_of("kind", Kind)
    if event not in (Event.BACKUP, Event.RESTORE):
        return told or Kind.BACKUP
    kind = Kind(event.value)
    if told not in (None, kind):
        raise Refused("enum", f"event {event} contradicts kind {told}; leave kind out")
    return kind


def _times(record: Record, event: Event) -> dict[str, datetime | None]:
    times = {name: record.past(name) for name in ("requested_at", "started_at", "finished_at")}
    required = {
        Event.QUEUED: (),
        Event.BEGIN: ("started_at",),
        Event.END: ("finished_at",),
    }.get(event, ("started_at", "finished_at"))
    for name in required:
        if times[name] is None:
            raise Refused("missing", f"{name} is missing; a record of event {event} needs it")
    if event in _OPEN_STATES and times["finished_at"] is not None:
        raise Refused("order", f"event {event} has a finished_at; write event end for that")
    in_order(times.items(), "order")
    return times


def _state(record: Record, event: Event) -> BackupState:
    told, rc = record.one_of("state", BackupState), _rc(record)
    if event in _OPEN_STATES:
        if told is not None and told is not _OPEN_STATES[event]:
            raise Refused("state", f"event {event} cannot have the state {told}; leave state out")
        return _OPEN_STATES[event]
    if told is None:
        if rc is None:
            raise Refused("missing", f"state or rc is missing; event {event} must say how it ended")
        return BackupState.FAILED if rc else BackupState.SUCCEEDED
    if told not in TERMINAL_STATES:
        raise Refused("state", f"event {event} cannot have the state {told}: that is not an end")
    if told in _GOOD and rc:
        raise Refused(
            "state",
            f"state {told} contradicts exit code {rc}; write succeeded_with_warnings or failed",
        )
    return told


def _rc(record: Record) -> int | None:
    """Return the exit code; of a pipe's list the last that is not zero, as with pipefail."""
    given = record.values.get("rc")
    if not isinstance(given, list):
        return record.whole("rc", low=-_INT32, high=_INT32 - 1)
    stages = [_stage(record, value) for value in given]
    if not stages:
        raise Refused("type", "rc is an empty list; write the exit code of every pipe stage")
    return next((rc for rc in reversed(stages) if rc), 0)


def _stage(record: Record, value: object) -> int:
    inner = Record({"rc": value}, record.tz, record.latest, record.said_at)
    rc = inner.whole("rc", low=-_INT32, high=_INT32 - 1)
    if rc is None:
        raise Refused("type", "rc has a null; write the exit code of every pipe stage")
    return rc


def _agree(row: Row, times: dict[str, datetime | None], begin: Row | None) -> None:
    """Compare with the begin record of the same piece, and learn the start from it."""
    if begin is None:
        return
    if begin["native_instance"] != row["native_instance"]:
        raise Refused(
            "identity",
            f"the begin record of this run_id names instance {begin['native_instance']!r}; a"
            " run_id must be unique",
        )
    if times["started_at"] is None:
        times["started_at"] = row["started_at"] = begin["started_at"]
        in_order(times.items(), "order")


def _backup(
    record: Record, event: Event, times: dict[str, datetime | None], envelope: Envelope
) -> Row:
    backup_type = record.one_of("type", BackupType)
    if backup_type is None and event is not Event.END:
        raise Refused("missing", f"type is missing; write one of: {', '.join(BackupType)}")
    duration = record.seconds("duration_s")
    started, finished = times["started_at"], times["finished_at"]
    if duration is None and started is not None and finished is not None:
        duration = (finished - started).total_seconds()
    # An end record must not overwrite what the begin record said, so it has no defaults.
    tool, worker = (None, None) if event is Event.END else ("cbcr", envelope.host or None)
    return {
        "tool": record.optional_name("tool") or tool,
        "repo": record.optional_name("repo"),
        "backup_type": backup_type,
        "scheduled_at": record.time("scheduled_at"),
        "finished_at": finished,
        "duration_s": duration,
        "exit_code": _rc(record),
        "backup_label": record.optional_name("label"),
        "source_bytes": record.whole("source_bytes"),
        "transferred_bytes": record.whole("transferred_bytes"),
        "worker": record.optional_name("worker") or worker,
        "evidence": "wrapper",
    }


def _restore(record: Record, times: dict[str, datetime | None]) -> Row:
    """A restore as its tool sees it: phases and verification come with the drill record."""
    return {
        "purpose": record.one_of("purpose", RestorePurpose),
        "source_label": record.optional_name("label", "source_label"),
        "target_at": record.time("target_at"),
        "requested_at": times["requested_at"],
        "restored_at": times["finished_at"],
        "bytes": record.whole("bytes"),
    }
