"""Making reports from the newest snapshot, and issuing the one of a month.

Belongs here: which snapshot, which files, when an issued report is left as it is.
Does not belong here: what a report says (see `cbcr_assets.reports.compliance`), or the schedule.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from cbcr_assets.reports.compliance import (
    ComplianceReport,
    Period,
    ReportError,
    ReportFormat,
    Scope,
    calendar_month,
    compliance_report,
    data_until,
    format_of,
    render,
    verify_file,
)
from cbcr_assets.steps.platform import Platform
from cbcr_assets.warehouse import DuckSession, WarehouseError, connect, current

_HASH_DIGITS = 12


@dataclass(frozen=True)
class Issued:
    """A report that lies in the folder of reports.

    Attributes:
        report: The report that the files hold.
        files: Its files, one a format.
        is_new: Some were written now; False: the same content was issued before.
    """

    report: ComplianceReport
    files: tuple[Path, ...]
    is_new: bool


def make_report(
    platform: Platform,
    *,
    period: Period,
    scope: Scope | None = None,
    now: datetime,
    signed_off_by: tuple[str, ...] = (),
) -> ComplianceReport:
    """Return the report of a period from the newest snapshot.

    Args:
        platform: Whose snapshot is read.
        period: Which time.
        scope: Which instances; None: all.
        now: The present, naive UTC.
        signed_off_by: Who signs.

    Raises:
        WarehouseMissing: Nothing was published yet.
        ReportError: There is no such report; the message says why.
    """
    snapshot = current(platform.config.serving)
    con = connect(snapshot.path)
    try:
        return compliance_report(
            DuckSession(con),
            period=period,
            scope=scope,
            now=now,
            data_version=snapshot.version,
            signed_off_by=signed_off_by,
        )
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise ReportError(
            f"snapshot {snapshot.version} was built by another version of CBCR: run `cbcr build`"
            f" and `cbcr publish` ({error})"
        ) from error
    finally:
        con.close()


def write_report(report: ComplianceReport, path: Path, fmt: ReportFormat) -> None:
    """Write a report to a file, all of it or nothing.

    Raises:
        ReportError: The file cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    content = render(report, fmt)
    try:
        with partial.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        partial.replace(path)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)


def issue_report(platform: Platform, *, period: Period, now: datetime) -> Issued:
    """Issue the report of a period in every format, for everybody.

    The content hash is part of the names: the same period and data leave the files as they are,
    other data put new files beside them. What was signed is never replaced.

    Raises:
        WarehouseError: There is no such report, it cannot be written, or a file of it was changed
            since it was issued.
    """
    signers = platform.config.reports_signed_off_by
    report = make_report(platform, period=period, now=now, signed_off_by=signers)
    folder = platform.config.reports
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"{folder} cannot be made: {error.strerror or error}") from None
    name = f"compliance-{_days(period)}-{report.content_sha256[:_HASH_DIGITS]}"
    files = tuple(folder / f"{name}.{fmt}" for fmt in ReportFormat)
    issued = [_issued(path, report) for path in files if path.exists()]
    # A format that is missing is made from the others: all files of a name are one document.
    original = issued[0] if issued else report
    missing = [path for path in files if not path.exists()]
    for path in missing:
        write_report(original, path, format_of(path))
    return Issued(original, files, is_new=bool(missing))


def why_no_report(platform: Platform, *, period: Period) -> str | None:
    """Say why there cannot be a report of a period yet; None: nothing is in the way."""
    try:
        with platform.warehouse.read() as session:
            if period.end > data_until(session):
                return f"the published data do not reach {period.end:%Y-%m-%d} yet"
            first = session.query("select min(protect_from) from marts.dim_instances").item()
    except WarehouseError as error:
        return str(error)
    if first is None or first >= period.end:
        return "nothing was protected in that time"
    return None


def _days(period: Period) -> str:
    if period == calendar_month(period.begin):
        return f"{period.begin:%Y-%m}"
    return f"{period.begin:%Y%m%dT%H%M%S}-{period.end:%Y%m%dT%H%M%S}"


def _issued(path: Path, report: ComplianceReport) -> ComplianceReport:
    """Return the report of a file that was issued before, with the same content.

    Raises:
        ReportError: It was changed since then.
    """
    found = verify_file(path)
    if found.report is None or found.problems or found.content_sha256 != report.content_sha256:
        why = "; ".join(found.problems) or "it holds another report"
        raise ReportError(f"{path} is not as it was issued: {why}. Move it away and issue it again")
    return found.report
