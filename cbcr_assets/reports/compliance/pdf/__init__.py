"""The report on paper: a first page for everybody, tables for who wants to know.

Belongs here: the order of the pages. Does not belong here: drawing (see `paper`), numbers.
"""

from cbcr_assets.reports.compliance.files import ATTACHED, as_csv
from cbcr_assets.reports.compliance.model import ZONE, ComplianceReport
from cbcr_assets.reports.compliance.pdf.chapters import draw_chapters
from cbcr_assets.reports.compliance.pdf.cover import draw_cover
from cbcr_assets.reports.compliance.pdf.paper import Paper

__all__ = ["as_pdf"]


def as_pdf(report: ComplianceReport) -> bytes:
    """Return the report as PDF; it carries the same content as CSV, attached."""
    title = f"Compliance report, {report.period.words} ({ZONE})"
    edge = (
        f"{title}, {report.scope.words}, data version {report.issue.data_version}",
        f"content sha256 {report.content_sha256}",
    )
    paper = Paper(title=title, made_at=report.issue.generated_at, edge=edge)
    draw_cover(paper, report)
    draw_chapters(paper, report)
    return paper.finish(attached=(ATTACHED, as_csv(report)))
