"""The pages after the first one: every row of the report.

Belongs here: which columns a chapter shows, and what its note says.
Does not belong here: breaking pages (see `tables`), rounding (see `words`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from cbcr_assets.reports.compliance.model import ComplianceReport
from cbcr_assets.reports.compliance.pdf.paper import Paper
from cbcr_assets.reports.compliance.pdf.tables import Column, Table
from cbcr_assets.reports.compliance.words import count, duration, moment, percent, plain

_NONE = "none in this period"
_EXCLUSIONS = (
    Column("Kind", 8), Column("Database", 20), Column("Team", 10), Column("Tier", 4, right=True),
    Column("From (UTC)", 13), Column("To (UTC)", 13), Column("Time", 8, right=True),
    Column("Reason", 34),
)  # fmt: skip
_INSTANCES = (
    Column("State", 8, marked=True), Column("Database", 20), Column("Team", 9),
    Column("Tier", 3.6, right=True), Column("Objective", 7.6, right=True),
    Column("Compliance", 8.4, right=True), Column("Violated", 8, right=True),
    Column("Worst exposure", 8, right=True), Column("Left out", 8, right=True),
    Column("Backups done of due", 8.4, right=True), Column("Missed", 5.4, right=True),
    Column("Unseen", 5.6, right=True), Column("Restore", 9.6, marked=True),
)  # fmt: skip
_VIOLATIONS = (
    Column("Database", 22), Column("Team", 10), Column("Tier", 4, right=True),
    Column("Violated from (UTC)", 14), Column("Until (UTC)", 14),
    Column("In the period", 10, right=True), Column("Objective", 9, right=True),
    Column("Cause", 17),
)  # fmt: skip
_RESTORES = (
    Column("Outcome", 10, marked=True), Column("Database", 20), Column("Team", 9),
    Column("Tier", 4, right=True), Column("Purpose", 7), Column("Requested (UTC)", 13),
    Column("Ended (UTC)", 13), Column("RTO", 9, right=True),
    Column("Objective", 8, right=True), Column("Kept", 7, marked=True), Column("Restore", 22),
)  # fmt: skip
_DEFINITIONS = (Column("What", 14), Column("Where it is defined", 30), Column("Version", 46))
_NOTES = {
    "exclusions": (
        "Left out of the measured time, or not measured, and why. Grace is measured and counts as"
        " kept. Windows may overlap; what was left out in all is told for each database."
    ),
    "instances": (
        "Compliance is the share of the measured time in which the newest recovery point was not"
        " older than the objective, rounded down. Unknown and excluded databases are listed, too."
        " Backups are those of whole UTC days; unseen ones no source could tell of."
    ),
    "violations": "Every stretch of time in which more would have been lost than was promised.",
    "restores": (
        "From the request to verified data. A restore that nobody verified proves nothing and has"
        " no RTO; the time that it took at least is told with ≥."
    ),
    "definitions": (
        "A version is a SHA-256 over the models that compute a number and all that they rest on,"
        " as they were at the last build. Verify this file with `cbcr report --verify FILE`, or"
        " the attached compliance.csv with `grep -v '^report,' compliance.csv | sha256sum`."
    ),
}


def draw_chapters(paper: Paper, report: ComplianceReport) -> None:
    """Draw all chapters."""
    _draw(paper, "Exclusions", "exclusions", _EXCLUSIONS, report.exclusions, _exclusion)
    _draw(paper, "Databases, the worst first", "instances", _INSTANCES, report.instances, _instance)
    _draw(paper, "Violations", "violations", _VIOLATIONS, report.violations, _violation)
    _draw(paper, "Restores", "restores", _RESTORES, report.restores, _restore)
    _draw(
        paper, "Definitions and evidence", "definitions", _DEFINITIONS, report.definitions,
        lambda row: (row["name"], plain(row["reason"]), plain(row["value"])),
    )  # fmt: skip


def _draw(
    paper: Paper,
    title: str,
    note: str,
    columns: Sequence[Column],
    frame: pl.DataFrame,
    words: Any,
) -> None:
    counted = f"{title} ({count(frame.height)})" if note != "definitions" else title
    rows: Iterator[Sequence[str]] = (words(row) for row in frame.iter_rows(named=True))
    if frame.is_empty():
        Table((Column("", 1),)).chapter(paper, counted, _NOTES[note], [(_NONE,)])
    else:
        Table(columns).chapter(paper, counted, _NOTES[note], rows)


def _exclusion(row: dict[str, Any]) -> Sequence[str]:
    return (
        row["state"], row["instance_id"], plain(row["team"]), plain(row["tier"]),
        moment(row["started_at"]), moment(row["ended_at"]), duration(row["duration_s"]),
        plain(row["reason"]),
    )  # fmt: skip


def _instance(row: dict[str, Any]) -> Sequence[str]:
    done = "unknown"
    if row["scheduled"] is not None:
        done = f"{count(row['eventual'])} of {count(row['scheduled'])}"
    is_measured = row["compliance"] is not None
    return (
        row["state"], row["instance_id"], plain(row["team"]), plain(row["tier"]),
        duration(row["objective_s"], nothing="none"),
        percent(row["compliance"], fixed=True) if is_measured else row["state"],
        duration(row["violation_s"]) if is_measured else "",
        duration(row["worst_exposure_s"], nothing="no point") if is_measured else "",
        duration(row["excluded_s"]), done, count(row["missed"]), count(row["unseen"]),
        row["restore_state"],
    )  # fmt: skip


def _violation(row: dict[str, Any]) -> Sequence[str]:
    return (
        row["instance_id"], plain(row["team"]), plain(row["tier"]), moment(row["started_at"]),
        moment(row["ended_at"], nothing="after the period"), duration(row["duration_s"]),
        duration(row["objective_s"]), plain(row["reason"]).replace("_", " "),
    )  # fmt: skip


def _restore(row: dict[str, Any]) -> Sequence[str]:
    took = duration(row["rto_s"], nothing="")
    if not took and row["at_least_s"] is not None:
        took = "≥ " + duration(row["at_least_s"])
    kept = {True: "yes", False: "no", None: "unknown"}[row["meets_rto"]]
    return (
        row["state"], row["instance_id"], plain(row["team"]), plain(row["tier"]),
        plain(row["purpose"]), moment(row["started_at"]), moment(row["ended_at"]), took or "none",
        duration(row["objective_s"], nothing="none"), kept,
        f"{row['restore_key']} ({row['source_id']})",
    )  # fmt: skip
