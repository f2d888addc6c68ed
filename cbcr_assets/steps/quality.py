"""The data contract as a step of the analytics lane, the same for the asset and the command line.

Belongs here: which suites are run on the platform's warehouse, one fault at a time.
Does not belong here: the suites and their evaluation (see `cbcr_assets.quality`).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

import polars as pl

from cbcr_assets.quality import SuiteReport, Verdict, check_tables, load_suites
from cbcr_assets.steps.platform import Platform


def check_contract(platform: Platform, *, now: datetime) -> Iterator[SuiteReport]:
    """Check the new rows of every raw table; a suite that cannot be evaluated stops no other.

    Args:
        platform: Whose warehouse is checked.
        now: Present, naive UTC.
    """
    for suite in load_suites():
        try:
            yield from check_tables(platform.warehouse, [suite], now=now)
        except Exception as error:  # noqa: BLE001 - the models must be built whatever happens here
            blind = (Verdict(e, passed=False, error=repr(error)) for e in suite.expectations)
            yield SuiteReport(suite.table, 0, tuple(blind))


def failures(reports: Iterable[SuiteReport]) -> pl.DataFrame:
    """Return one row for each expectation that does not hold.

    Args:
        reports: What the suites found.
    """
    rows = [
        (
            report.table,
            verdict.expectation.id,
            verdict.expectation.severity,
            max(len(verdict.rows), verdict.still_refused),
            verdict.error or verdict.expectation.reason,
        )
        for report in reports
        for verdict in report.verdicts
        if not verdict.passed
    ]
    schema = {
        "table": pl.String,
        "expectation": pl.String,
        "severity": pl.String,
        "rows": pl.Int64,
        "reason": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
