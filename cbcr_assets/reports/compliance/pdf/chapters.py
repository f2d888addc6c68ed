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
    Column("Kind", 70), Column("Database", 124), Column("Team", 66),
    Column("Tier", 28, right=True), Column("From (UTC)", 88), Column("To (UTC)", 88),
    Column("Time", 62, right=True), Column("Reason", 236),
)  # fmt: skip
_INSTANCES = (
    Column("State", 62, marked=True), Column("Database", 124), Column("Team", 64),
    Column("Tier", 28, right=True), Column("Objective", 52, right=True),
    Column("Compliance", 62, right=True), Column("Violated", 58, right=True),
    Column("Worst exposure", 58, right=True), Column("Left out", 50, right=True),
    Column("Backups done of due", 62, right=True), Column("Missed", 38, right=True),
    Column("Unseen", 42, right=True), Column("Restore", 62, marked=True),
)  # fmt: skip
_VIOLATIONS = (
    Column("Database", 170), Column("Team", 90), Column("Tier", 28, right=True),
    Column("Violated from (UTC)", 98), Column("Until (UTC)", 96),
    Column("In the period", 80, right=True), Column("Objective", 70, right=True),
    Column("Cause", 130),
)  # fmt: skip
_RESTORES = (
    Column("Outcome", 74, marked=True), Column("Database", 106), Column("Team", 60),
    Column("Tier", 28, right=True), Column("Purpose", 46), Column("Requested (UTC)", 88),
    Column("Ended (UTC)", 88), Column("RTO", 62, right=True),
    Column("Objective", 50, right=True), Column("Kept", 54, marked=True),
    Column("Restore (source)", 106),
)  # fmt: skip
_DEFINITIONS = (Column("What", 114), Column("Where it is defined", 248), Column("Version", 400))
CHAPTERS = (_EXCLUSIONS, _INSTANCES, _VIOLATIONS, _RESTORES, _DEFINITIONS)
"""The columns of all chapters; their shares are points, for the page is that wide."""
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
    # What was counted of an unknown one is in the CSV; here it would read as a verdict.
    is_judged = row["state"] in ("kept", "broken")
    return (
        row["state"], row["instance_id"], plain(row["team"]), plain(row["tier"]),
        duration(row["objective_s"], nothing="none"),
        percent(row["compliance"], fixed=True) if is_judged else row["state"],
        duration(row["violation_s"]) if is_judged else "",
        duration(row["worst_exposure_s"], nothing="no point") if is_judged else "",
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
