"""The one table that a report is in CSV and Parquet: its columns, and which section has which.

Belongs here: names, types and meaning of columns (docs/reports.md is generated from them).
Does not belong here: where the values come from.

A report holds several kinds of rows; column `record` says which. One table with empty cells is
read by every tool without being told anything, and hashes line by line.
"""

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

_MOMENT = pl.Datetime("us")
_CONTROL = "[\x00-\x1f\x7f-\x9f\u2028\u2029]+"
COLUMNS: dict[str, tuple[Any, str]] = {
    "record": (pl.String, "Kind of row, see below."),
    "name": (pl.String, "Name of a circumstance, definition or figure."),
    "value": (pl.String, "Its text; of a definition its version."),
    "amount": (pl.Float64, "Its number; empty is unknown, never zero."),
    "unit": (
        pl.String,
        "Unit of `amount`: databases, share (0 to 1), s, days, runs, restores, ...",
    ),
    "instance_id": (pl.String, "The database instance."),
    "team": (pl.String, "Owner."),
    "tier": (pl.Int32, "1 is the most important."),
    "environment": (pl.String, "production, staging, ..."),
    "db_type": (pl.String, "Database product."),
    "state": (
        pl.String,
        "Instance: kept, broken, unknown, excluded. Restore: outcome. Exclusion: its kind.",
    ),
    "reason": (
        pl.String,
        "Why it is unknown or excluded; cause of a violation; page of a definition.",
    ),
    "started_at": (_MOMENT, "Begin, UTC; of a violation also before the period."),
    "ended_at": (_MOMENT, "End, UTC; empty: not ended in these data."),
    "duration_s": (pl.Float64, "Seconds of it inside of the period."),
    "objective_s": (
        pl.Float64,
        "Recovery point objective, seconds; of a restore the RTO objective.",
    ),
    "protected_s": (pl.Float64, "Seconds of the period in which the instance was to be protected."),
    "measured_s": (pl.Float64, "Of these, seconds that were measured."),
    "excluded_s": (pl.Float64, "Of these, seconds left out: maintenance, or no objective."),
    "violation_s": (pl.Float64, "Measured seconds in which the objective was violated."),
    "compliance": (pl.Float64, "1 - violation_s / measured_s; empty: nothing was measured."),
    "worst_exposure_s": (pl.Float64, "Largest age of the newest recovery point, seconds."),
    "violations": (pl.Int64, "Violated intervals that touch the period."),
    "worst_rank": (pl.Int64, "1 is the worst instance; empty: nothing was measured."),
    "scheduled": (pl.Int64, "Backups that were scheduled on whole UTC days of the period."),
    "first_try": (pl.Int64, "Of these, first attempt succeeded."),
    "eventual": (pl.Int64, "Of these, succeeded at last."),
    "missed": (pl.Int64, "Of these, never started."),
    "unseen": (pl.Int64, "Of these, no source could tell: unknown."),
    "failed": (pl.Int64, "Attempts that failed."),
    "lost": (pl.Int64, "Attempts that never ended."),
    "restore_state": (
        pl.String,
        "proven, failed, unproven (tried in the period), earlier (proven before), never.",
    ),
    "restores_proven": (pl.Int64, "Restores of the period that were verified."),
    "restores_failed": (pl.Int64, "Drills and real restores of the period that failed."),
    "restores_other": (pl.Int64, "Restores that prove nothing either way."),
    "last_proven_at": (_MOMENT, "End of the newest verified restore before the period's end, UTC."),
    "rto_objective_s": (pl.Float64, "Restore time objective, seconds."),
    "rto_worst_s": (pl.Float64, "Longest proven restore of the period, seconds."),
    "rto_missed": (pl.Int64, "Restores of the period that did not keep the RTO."),
    "source_id": (pl.String, "Source that told of the restore."),
    "restore_key": (pl.String, "Its identity there."),
    "purpose": (pl.String, "drill, real, unknown."),
    "rto_s": (pl.Float64, "Seconds from request to proven data; only of proven restores."),
    "at_least_s": (pl.Float64, "Seconds that an unproven or running restore took at least."),
    "meets_rto": (pl.Boolean, "Kept the RTO objective; empty: unknown."),
    "is_open": (pl.Boolean, "Had not ended at the end of the period."),
}
SCHEMA: dict[str, Any] = {name: kind for name, (kind, _) in COLUMNS.items()}

_NAMED = ("name", "value")
_INSTANCE = ("instance_id", "team", "tier", "environment", "db_type")
_SPAN = ("started_at", "ended_at", "duration_s")
SECTIONS: dict[str, tuple[str, ...]] = {
    "report": _NAMED,
    "subject": _NAMED,
    "definition": ("name", "value", "reason"),
    "figure": ("name", "amount", "unit"),
    "exclusion": (*_INSTANCE, "state", "reason", *_SPAN),
    "instance": (
        *_INSTANCE, "state", "reason", "objective_s", "protected_s", "measured_s", "excluded_s",
        "violation_s", "compliance", "worst_exposure_s", "violations", "worst_rank", "scheduled",
        "first_try", "eventual", "missed", "unseen", "failed", "lost", "restore_state",
        "restores_proven", "restores_failed", "restores_other", "last_proven_at",
        "rto_objective_s", "rto_worst_s", "rto_missed",
    ),
    "violation": ("instance_id", "team", "tier", "reason", *_SPAN, "objective_s", "is_open"),
    "restore": (
        "instance_id", "team", "tier", "state", *_SPAN, "objective_s", "source_id", "restore_key",
        "purpose", "rto_s", "at_least_s", "meets_rto",
    ),
}  # fmt: skip
"""Columns by kind of row, in the order of the rows."""
RECORDS: dict[str, str] = {
    "report": "The circumstances: both hashes, when it was made, from which snapshot, who signs.",
    "subject": "What was asked: period, zone, scope.",
    "definition": "Where a number is defined, and the version of that definition.",
    "figure": "A number of the fleet.",
    "exclusion": "Time that was left out or could not be measured, and why.",
    "instance": "One database, the worst first.",
    "violation": "A stretch of time in which an objective was violated.",
    "restore": "A restore that ended in the period, or was asked for in it and did not end.",
}


def typed(record: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of a section with their types, in order, and clean texts.

    Raises:
        polars.exceptions.ColumnNotFoundError: The frame lacks one.
    """
    chosen = frame.select(pl.col(name).cast(SCHEMA[name], strict=True) for name in SECTIONS[record])
    return chosen.with_columns(_clean(pl.col(pl.String)))


def to_table(sections: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return sections as one table, in the order given."""
    empty = pl.DataFrame(schema=SCHEMA)
    parts = [
        typed(record, frame).with_columns(record=pl.lit(record))
        for record, frame in sections.items()
    ]
    return pl.concat([empty, *parts], how="diagonal").select(list(SCHEMA))


def section(table: pl.DataFrame, record: str) -> pl.DataFrame:
    """Return one section of a table."""
    return table.filter(pl.col("record") == record).select(SECTIONS[record])


def one_line(text: str) -> str:
    """Return a text as one line, as it stands in every format."""
    return re.sub(_CONTROL, " ", text).strip()


def _clean(text: pl.Expr) -> pl.Expr:
    """A text is one line, so that a line of CSV is a row; an empty one is none."""
    line = text.str.replace_all(_CONTROL, " ").str.strip_chars()
    return pl.when(line != "").then(line)
