"""What docs/reports.md says of a report is what a report is."""

import re
import runpy
from pathlib import Path

from cbcr_assets.reports.compliance import ComplianceReport
from cbcr_assets.reports.compliance.columns import COLUMNS, RECORDS, SECTIONS
from cbcr_assets.reports.compliance.figures import MEANINGS

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "reports.md").read_text(encoding="utf-8")


def test_the_tables_are_made_from_the_code() -> None:
    made = runpy.run_path(str(DOCS / "generate_report_columns.py"))["page"]()
    assert made == PAGE, "run: python docs/generate_report_columns.py"


def test_every_figure_and_column_is_explained(report: ComplianceReport) -> None:
    assert report.figures["name"].to_list() == list(MEANINGS)
    assert set(SECTIONS) == set(RECORDS)
    assert {name for names in SECTIONS.values() for name in names} == set(COLUMNS) - {"record"}


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        file, _, anchor = target.partition("#")
        text = (DOCS / file).read_text(encoding="utf-8") if file else PAGE
        heads = {
            re.sub(r"[^\w -]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
            for line in text.splitlines()
            if line.startswith("#")
        }
        assert not anchor or anchor in heads, target


def test_the_commands_of_the_page_are_those_that_are_tested() -> None:
    tests = (Path(__file__).parent / "test_compliance_files.py").read_text(encoding="utf-8")
    for command in re.findall(r"^grep .*?sha256sum", PAGE, re.MULTILINE):
        assert command.replace("october.csv", "{}") in tests
