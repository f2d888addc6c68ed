"""The demo of the dashboards tells the truth: what was planted is found, and nothing else."""

import duckdb
import pytest

from cbcr_assets.cli.demonstration import Demo, compare_with_truth

pytestmark = pytest.mark.slow


def test_everything_planted_is_found_and_nothing_is_invented(demo: Demo) -> None:
    comparison = compare_with_truth(demo)
    assert comparison.missed == ()
    assert comparison.invented == ()
    assert {one.rule for one in comparison.found} >= {
        "rto_breached", "rto_at_risk", "drill_overdue"
    }  # fmt: skip


def test_every_basis_of_an_estimate_is_shown(demo: Demo) -> None:
    file = next(demo.platform.config.serving.glob("*.duckdb"))
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute(
            "select basis, bool_or(proven) from marts.fct_rto_estimates group by basis"
        ).fetchall()
    assert dict(found) == {"measured": True, "own": False, "peer": False, "unknown": False}
