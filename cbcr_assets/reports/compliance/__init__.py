"""The auditor's report of a period (docs/reports.md).

Belongs here: what was kept of a promise in a period, with the evidence, as PDF, CSV and Parquet.
Does not belong here: definitions of the numbers (the models own them), or when a report is made.

    report = compliance_report(session, period=Period(begin, end), now=now, data_version=7)
    pdf = render(report, "pdf")
"""

from cbcr_assets.reports.compliance.files import ReportFormat, format_of, render
from cbcr_assets.reports.compliance.gather import compliance_report, data_until
from cbcr_assets.reports.compliance.model import (
    ComplianceReport,
    Issue,
    Period,
    ReportError,
    Scope,
    WrongQuestion,
    calendar_month,
    last_month,
)
from cbcr_assets.reports.compliance.verdict import ReportVerdict, verdict_of
from cbcr_assets.reports.compliance.verify import FileVerdict, verify_file

__all__ = [
    "ComplianceReport",
    "FileVerdict",
    "Issue",
    "Period",
    "ReportError",
    "ReportFormat",
    "ReportVerdict",
    "Scope",
    "WrongQuestion",
    "calendar_month",
    "compliance_report",
    "data_until",
    "format_of",
    "last_month",
    "render",
    "verdict_of",
    "verify_file",
]
