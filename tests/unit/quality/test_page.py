"""docs/data-contract.md says what the suites say."""

import runpy
from pathlib import Path

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_the_page_is_what_the_suites_say() -> None:
    made = runpy.run_path(str(DOCS / "generate_data_contract.py"))["page"]()
    written = (DOCS / "data-contract.md").read_text(encoding="utf-8")
    assert written == made, "run: python docs/generate_data_contract.py"
