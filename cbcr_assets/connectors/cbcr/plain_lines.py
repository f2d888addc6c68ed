"""The fast way through a job log: plain lines of backups, a column at a time.

Belongs here: telling which lines are so plain that nothing about them can be doubted, and their
rows. Does not belong here: the meaning of a line (`job_log`), which every other line is read by.

A line is taken only when each of its fields has its usual form, no rule of `job_log` could refuse
it, and it has nothing to do with a line that is not plain. What is left is read exactly, so that
both ways together give what the exact way gives alone.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.transports.json_text import strict_json
from cbcr_assets.records import BackupState, BackupType, raw_table

LONGEST_LINE = 4 * 1024 * 1024
"""Longer lines are refused, not read; in characters."""

_TEXT = r"[!#-\[\]-~][ !#-\[\]-~]{0,199}"  # printable ASCII without quotes and backslashes
_STAMP = (
    r"(?:19[89]\d|2[01]\d\d)-(?:0\d|1[0-2])-[0-3]\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
    r"(?:\.\d{3}|\.\d{6})?Z"
)
_WHOLE = r"(?:0|[1-9]\d{0,17})"
_TEXTS = ("run_id", "instance", "tool", "repo", "label", "worker")
_STAMPS = ("started_at", "finished_at", "scheduled_at")
_WHOLES = ("source_bytes", "transferred_bytes", "bytes")
_EVENTS = ("queued", "begin", "end", "backup")
_ENDS = ("end", "backup")
_STATES = ("succeeded", "succeeded_with_warnings", "failed", "cancelled", "lost")
_WORDS = {
    "event": _EVENTS,
    "kind": ("backup",),
    "type": tuple(BackupType),
    "state": _STATES,
}
_NUMBERS = ("rc", *_WHOLES)
_FIELDS: dict[str, Any] = {
    **dict.fromkeys((*_WORDS, *_TEXTS, *_STAMPS), pl.String),
    **dict.fromkeys(_NUMBERS, pl.Int64),
}
_FIELD = "|".join((
    *(f'"{key}": ?"(?:{"|".join(words)})"' for key, words in _WORDS.items()),
    f'"(?:{"|".join(_TEXTS)})": ?"{_TEXT}"',
    f'"(?:{"|".join(_STAMPS)})": ?"{_STAMP}"',
    f'"(?:{"|".join(_WHOLES)})": ?{_WHOLE}',
    r'"rc": ?(?:0|-?[1-9]\d{0,8})',
))  # fmt: skip
_LINE = rf"^\{{(?:{_FIELD})(?:, ?(?:{_FIELD}))*\}}$"


def plain_attempts(lines: Sequence[str], envelope: Envelope, latest: datetime) -> pl.DataFrame:
    """Return the rows of `backup_jobs` of plain lines, with `place_`: where each line is.

    Args:
        lines: Lines of one piece, without their ends; each is one event.
        envelope: Where they come from.
        latest: What has happened cannot be later, naive UTC.

    Returns:
        Rows in the order of their lines; every line without one must be read exactly.
    """
    text = pl.DataFrame({"line": pl.Series(lines, dtype=pl.String)}).with_row_index("place_")
    matches = text.filter(pl.col("line").str.contains(_LINE))
    events = _sound(_decoded(matches), latest)
    return _rows(_agreed(_alone(events, lines)), envelope)


def _decoded(matches: pl.DataFrame) -> pl.DataFrame:
    """One column a field; lines that name a field twice are left out."""
    said = matches["line"].str.json_decode(pl.Struct(_FIELDS)).struct.unnest()
    quotes = matches["line"].str.count_matches('"', literal=True)
    texts = pl.sum_horizontal(
        pl.col(name).is_not_null().cast(pl.UInt32) for name in _FIELDS if name not in _NUMBERS
    )
    numbers = pl.sum_horizontal(pl.col(name).is_not_null().cast(pl.UInt32) for name in _NUMBERS)
    once = said.with_columns(matches["place_"], quotes_=quotes).filter(
        pl.col("quotes_") == 4 * texts + 2 * numbers
    )
    return once.with_columns(
        pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False)
        .alias(f"{name}_read_")
        for name in _STAMPS
    )  # fmt: skip


def _sound(events: pl.DataFrame, latest: datetime) -> pl.DataFrame:
    """Keep the events that no rule could refuse."""
    told = {name: pl.col(name).is_not_null() for name in _FIELDS}
    read = {name: pl.col(f"{name}_read_") for name in _STAMPS}
    event, ends = pl.col("event"), pl.col("event").is_in(_ENDS)
    good = (
        told["event"] & told["run_id"] & told["instance"]
        & pl.all_horizontal((told[name] == read[name].is_not_null()) for name in _STAMPS)
        & (told["started_at"] | event.is_in(("queued", "end")))
        & (told["finished_at"] == ends)
        & (told["type"] | (event == "end"))
        & pl.all_horizontal(
            read[name].is_null() | (read[name] <= latest) for name in ("started_at", "finished_at")
        )
        & (read["started_at"].is_null() | read["finished_at"].is_null()
           | (read["started_at"] <= read["finished_at"]))
        & (ends | ~told["state"])
        & (~ends | told["state"] | told["rc"])
        & ~((pl.col("state") == BackupState.SUCCEEDED).fill_null(value=False)
            & (pl.col("rc").fill_null(0) != 0))
    )  # fmt: skip
    return events.filter(good).drop(*_STAMPS).rename({f"{name}_read_": name for name in _STAMPS})


def _alone(events: pl.DataFrame, lines: Sequence[str]) -> pl.DataFrame:
    """Leave out the events whose run has a line that is read exactly."""
    taken = set(events["place_"].to_list())
    named = _named(line for place, line in enumerate(lines) if place not in taken)
    return events.filter(~pl.col("run_id").is_in(named)) if named else events


def _named(lines: Iterable[str]) -> list[str]:
    """Return what could be the run of one of these lines."""
    found: set[str] = set()
    for line in lines:
        try:
            item = strict_json(line) if len(line) <= LONGEST_LINE else None
        except ValueError:
            continue
        if isinstance(item, dict):
            names = (item.get("run_id"), item.get("attempt"))
            found.update(str(name) for name in names if isinstance(name, (str, int)))
    return sorted(name for name in found if name.isascii())


def _agreed(events: pl.DataFrame) -> pl.DataFrame:
    """Keep runs with one line, and those with a begin and then an end that agrees with it.

    Such an end learns its start from the begin.
    """
    alone = pl.col("run_id").is_unique()
    several = events.filter(~alone)
    if several.is_empty():
        return events
    order = several.group_by("run_id", maintain_order=True).agg(
        pl.len().alias("lines_"),
        pl.col("event").first().alias("first_"),
        pl.col("event").last().is_in(_ENDS).alias("ended_"),
        pl.col("instance").n_unique().alias("instances_"),
        pl.col("started_at").first().alias("begun_at_"),
        pl.col("finished_at").last().alias("end_at_"),
    )
    pairs = order.filter(
        (pl.col("lines_") == 2) & (pl.col("first_") == "begin") & pl.col("ended_")
        & (pl.col("instances_") == 1) & (pl.col("begun_at_") <= pl.col("end_at_"))
    )  # fmt: skip
    paired = several.join(pairs.select("run_id", "begun_at_"), on="run_id", maintain_order="left")
    told = paired.with_columns(pl.coalesce("started_at", "begun_at_").alias("started_at"))
    return pl.concat([events.filter(alone), told.drop("begun_at_")]).sort("place_")


def _rows(events: pl.DataFrame, envelope: Envelope) -> pl.DataFrame:
    """Return the rows as `job_log` makes them, with all columns of the raw table."""
    is_end = pl.col("event") == "end"
    took_us = (pl.col("finished_at") - pl.col("started_at")).dt.total_microseconds()
    # By a column, for a division by one number is made a multiplication, which rounds otherwise.
    duration = took_us / (took_us * 0 + 1_000_000)
    ended = pl.coalesce(
        "state",
        pl.when(pl.col("rc") != 0)
        .then(pl.lit(BackupState.FAILED.value))
        .otherwise(pl.lit(BackupState.SUCCEEDED.value)),
    )
    state = (
        pl.when(pl.col("event") == "queued").then(pl.lit(BackupState.QUEUED.value))
        .when(pl.col("event") == "begin").then(pl.lit(BackupState.RUNNING.value))
        .otherwise(ended)
    )  # fmt: skip
    said_at = pl.lit(envelope.finished_at, dtype=pl.Datetime("us"))

    def unless_end(value: str | None) -> pl.Expr:
        return pl.when(~is_end).then(pl.lit(value, dtype=pl.String))

    columns: dict[str, pl.Expr] = {
        "source_id": pl.lit(envelope.source_id),
        "attempt_key": pl.col("run_id"),
        "native_instance": pl.col("instance"),
        "tool": pl.coalesce("tool", unless_end("cbcr")),
        "repo": pl.col("repo"),
        "backup_type": pl.col("type"),
        "state": state,
        "scheduled_at": pl.col("scheduled_at"),
        "started_at": pl.col("started_at"),
        "finished_at": pl.col("finished_at"),
        "duration_s": duration,
        "exit_code": pl.col("rc"),
        "backup_label": pl.col("label"),
        "source_bytes": pl.col("source_bytes"),
        "transferred_bytes": pl.col("transferred_bytes"),
        "worker": pl.coalesce("worker", unless_end(envelope.host or None)),
        "evidence": pl.lit("wrapper"),
        "first_seen_at": said_at,
        "last_seen_at": said_at,
    }
    schema = raw_table("backup_jobs").polars_schema
    return events.select(
        pl.col("place_"),
        *(columns.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in schema.items()),
    )
