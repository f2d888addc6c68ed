"""Write the tables of docs/reports.md: kinds of rows, columns, figures.

Usage: python docs/generate_report_columns.py [--check]

Belongs here: the tables' layout. Does not belong here: any description (the code owns them).
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from cbcr_assets.reports.compliance.columns import COLUMNS, RECORDS, SECTIONS
from cbcr_assets.reports.compliance.figures import MEANINGS

PAGE = Path(__file__).with_name("reports.md")
_BEGIN, _END = "<!-- made by docs/generate_report_columns.py -->\n", "<!-- end -->"


def page() -> str:
    """Return the whole page with its tables made anew."""
    before, rest = PAGE.read_text(encoding="utf-8").split(_BEGIN)
    _, after = rest.split(_END)
    return before + _BEGIN + "\n".join(_tables()) + _END + after


def _tables() -> Iterable[str]:
    yield "| `record` | what it is | columns |\n|---|---|---|"
    for record, meaning in RECORDS.items():
        yield f"| {record} | {meaning} | {', '.join(SECTIONS[record])} |"
    yield "\n| column | type | meaning |\n|---|---|---|"
    for name, (kind, meaning) in COLUMNS.items():
        yield f"| {name} | {_type(kind)} | {meaning} |"
    yield "\n| figure | meaning |\n|---|---|"
    for name, meaning in MEANINGS.items():
        yield f"| {name} | {meaning} |"
    yield ""


def _type(kind: object) -> str:
    text = str(kind).lower()
    return "timestamp" if text.startswith("datetime") else text.partition("(")[0]


def main() -> None:
    """Write the page, or with `--check` say whether it is current."""
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/reports.md is not current: run python docs/generate_report_columns.py")


if __name__ == "__main__":
    main()
