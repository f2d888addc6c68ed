"""The data contract as a step of the analytics lane, the same for the asset and the command line.

Belongs here: which suites are run on the platform's warehouse, one fault at a time.
Does not belong here: the suites and their evaluation (see `cbcr_assets.quality`).
"""

from collections.abc import Iterator
from datetime import datetime

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
