"""dbt's own unit tests, which stand beside the models."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from cbcr_assets.steps import analytics

pytestmark = pytest.mark.slow


def test_dbt_unit_tests_pass(copy_built: Callable[[], Any]) -> None:
    built = copy_built()
    report = analytics.dbt(built.platform, ["test", "--select", "test_type:unit"])
    assert report.ok, report.output
    counts = re.search(r"PASS=(\d+) WARN=0 ERROR=0 SKIP=0", report.output)
    assert counts, report.output
    assert int(counts[1]) > 10
