"""Write docs/data-contract.md from the suites. Run it after a suite was changed."""

from pathlib import Path
from typing import Any

from cbcr_assets.quality import load_suites
from cbcr_assets.quality.suite import columns_of
from cbcr_assets.records import raw_table

PAGE = Path(__file__).with_name("data-contract.md")
HEAD = """# The data contract

What each row of a raw table must satisfy. Made from `cbcr_assets/quality/suites/*.yaml` by
`python docs/generate_data_contract.py`; change the suites, not this page.

- **error**: the row goes to `raw.quarantine` and the models leave it out. An attempt that is left
  out never counts as a success: its scheduled run shows as missed.
- **warning**: the row stays in; the check tells that something is odd.
- Only rows that are new or changed since the last run are looked at, and those in quarantine once
  more when the inventory changed. The job `build_and_publish` and `cbcr build` do it before dbt;
  `cbcr check-data` does only that.
- A row that a source sends again, repaired, counts again by itself at the next check. This works
  for tables whose rows are merged. In tables of samples (and `log_archive`) the first row of a key
  stays for ever: release it, or leave it in quarantine.
- `cbcr quarantine list`, `show ID`, `release ID`: a released row counts from the next build on, as
  long as its content stays the same.
- A missing instance is not judged here: that is the rule `alias_unmapped`.
- What is decided by an expectation is not tested again in dbt, and no SLA rule repeats it.
"""


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for suite in load_suites():
        rows = "\n".join(
            f"| {e.id} | {e.severity} | {_rule(e)} | {e.reason} |" for e in suite.expectations
        )
        parts.append(
            f"\n## {suite.table}\n\n{raw_table(suite.table).meaning}\n\n"
            f"| expectation | severity | rule | why |\n|---|---|---|---|\n{rows}\n"
        )
    return "".join(parts)


def _rule(expectation: Any) -> str:
    columns = ", ".join(f"`{name}`" for name in columns_of(expectation))
    match expectation.expect:
        case "order":
            return f"`{expectation.earlier}` ≤ `{expectation.later}`"
        case "one_of":
            return f"{columns} is one of {', '.join(expectation.values)}"
        case "range" | "volume":
            ends = (("≥", expectation.least), ("≤", expectation.most))
            limits = " and ".join(f"{sign} {end:g}" for sign, end in ends if end is not None)
            rows = (
                "rows of 24 h ÷ rows of the 24 h before, by "
                if expectation.expect == "volume"
                else ""
            )
            return f"{rows}{columns} {limits}"
        case "plausible_time":
            return f"{columns} from 2000 to {expectation.ahead_s:g} s after now"
        case "in_inventory":
            return f"{columns} is in the inventory"
        case "unique":
            return f"{columns} together unique"
        case _:
            return f"{columns} has a value"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
