"""Is a file of a report what it says it is? What `cbcr report --verify` answers.

Belongs here: hashes recomputed from what a file holds, and pages compared with the content.
Does not belong here: formats (see `files`).

A hash is no signature: who changes a report can compute its hash anew. It proves something once it
is compared with what was noted elsewhere: in Dagster, in the minutes, or by making the report
again.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from cbcr_assets.reports.compliance import evidence
from cbcr_assets.reports.compliance.columns import section
from cbcr_assets.reports.compliance.files import ReportFormat, format_of, read_table, render
from cbcr_assets.reports.compliance.gather import made_with
from cbcr_assets.reports.compliance.model import (
    FORMAT,
    ComplianceReport,
    Issue,
    Period,
    ReportError,
    Scope,
)


@dataclass(frozen=True)
class FileVerdict:
    """What is true of a file.

    Attributes:
        problems: What is wrong with it.
        doubts: What could not be compared, although nothing is known to be wrong.
        content_sha256: Hash of the content that it holds, recomputed.
        report: The report that it holds; None: it cannot be read as one.
    """

    problems: tuple[str, ...]
    doubts: tuple[str, ...]
    content_sha256: str | None
    report: ComplianceReport | None

    @property
    def ok(self) -> bool:
        """It is what it says, all of it."""
        return not self.problems and not self.doubts


def verify_file(path: Path) -> FileVerdict:
    """Recompute the hashes of a file, and compare the pages of a PDF with its content.

    Raises:
        ReportError: The file cannot be read at all.
        WrongQuestion: Its name ends in no format of a report.
    """
    fmt = format_of(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReportError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        table = read_table(fmt, content)
        report = report_of(table)
    except ValueError as error:
        return FileVerdict((f"{path.name} is no compliance report: {error}",), (), None, None)
    problems, doubts = _bytes(fmt, content, report)
    return FileVerdict((*_hashes(table, report), *problems), doubts, report.content_sha256, report)


def report_of(table: pl.DataFrame) -> ComplianceReport:
    """Return the report that a table holds.

    Raises:
        ValueError: It lacks what a report has, or is of another format.
    """
    told: dict[str, list[str]] = {}
    for name, value in table.filter(
        pl.col("record").is_in(["report", "subject"])
    ).select("name", "value").iter_rows():  # fmt: skip
        told.setdefault(name, []).append(value or "")
    try:
        if told["format"] != [FORMAT]:
            raise ValueError(f"it is {told['format'][0]!r}, this CBCR reads {FORMAT!r}")
        return ComplianceReport(
            period=Period(_moment(told, "period_from"), _moment(told, "period_to")),
            scope=Scope(
                tuple(told.get("scope_team", ())), tuple(map(int, told.get("scope_tier", ())))
            ),
            issue=Issue(
                _moment(told, "generated_at"),
                int(told["data_version"][0]),
                _moment(told, "data_until"),
                tuple(told.get("signed_off_by", ())),
                told["made_with"][0],
            ),
            definitions=section(table, "definition"),
            figures=section(table, "figure"),
            exclusions=section(table, "exclusion"),
            instances=section(table, "instance"),
            violations=section(table, "violation"),
            restores=section(table, "restore"),
        )
    except KeyError as missing:
        raise ValueError(f"it does not tell its {missing.args[0]}") from None
    except ReportError as error:
        raise ValueError(str(error)) from None


def _moment(told: dict[str, list[str]], name: str) -> datetime:
    return evidence.moment(told[name][0])


def _hashes(table: pl.DataFrame, report: ComplianceReport) -> list[str]:
    """Compare the printed hashes with those of the rows."""
    printed = dict(section(table, "report").iter_rows())
    found = {
        "content_sha256": report.content_sha256,
        "document_sha256": report.document_sha256,
    }
    changed = [
        f"the {name} that it tells is {printed.get(name)}, that of its rows is {value}"
        for name, value in found.items()
        if printed.get(name) != value
    ]
    if not changed and not table.equals(report.table):
        changed.append("it holds rows that are not part of a report, or in another order")
    return changed


def _bytes(
    fmt: ReportFormat, content: bytes, report: ComplianceReport
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Compare a file with what its content gives: every page of a PDF, every byte of a CSV.

    Returns:
        Problems and doubts.
    """
    if fmt is ReportFormat.PARQUET:
        return (), ()
    expected = render(report, fmt)
    if content == expected:
        return (), ()
    if fmt is ReportFormat.CSV:
        return ("its bytes are not those that CBCR writes for these rows",), ()
    if content.startswith(expected):
        added = len(content) - len(expected)
        told = f"{added} bytes were added behind the report, as a digital signature does"
        return (), (f"{told}; the {len(expected)} bytes before them are untouched",)
    if report.issue.made_with != made_with():
        told = f"its pages were made by {report.issue.made_with}, this is {made_with()}"
        return (), (
            f"{told}: they cannot be compared with the content that it carries; take the attached"
            " CSV for what it says",
        )
    return ("its pages are not those that its content gives",), ()
