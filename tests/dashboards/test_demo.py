"""The demo of the dashboards tells the truth: what was planted is found, and nothing else."""

import duckdb
import polars as pl
import pytest

from cbcr_assets.cli.demonstration import Demo, compare_with_truth
from cbcr_assets.reports.signals import correlations

pytestmark = pytest.mark.slow


def test_everything_planted_is_found_and_nothing_is_invented(demo: Demo) -> None:
    comparison = compare_with_truth(demo)
    assert comparison.missed == ()
    assert comparison.invented == ()
    assert {one.rule for one in comparison.found} >= {
        "rto_breached", "rto_at_risk", "drill_overdue", "size_anomaly", "empty_backup",
        "duration_anomaly", "storage_full_soon", "component_unhealthy",
    }  # fmt: skip


def test_every_basis_of_an_estimate_is_shown(demo: Demo) -> None:
    file = next(demo.platform.config.serving.glob("*.duckdb"))
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute(
            "select basis, bool_or(proven) from marts.fct_rto_estimates group by basis"
        ).fetchall()
    assert dict(found) == {"measured": True, "own": False, "peer": False, "unknown": False}


def test_the_crowded_link_and_the_backups_over_it_moved_together(demo: Demo) -> None:
    with demo.platform.warehouse.read() as session:
        found = correlations(session)
    told = found.filter((pl.col("component") == "backup01:eth0") & (pl.col("metric") == "received"))
    assert "backup_duration" in told["outcome"].to_list()
    assert all("moved" in finding and "cause" not in finding for finding in found["finding"])
    # Nothing else was planted; one pair in twenty may be chance.
    chance = found.filter(pl.col("component") != "backup01:eth0").height
    assert chance <= 0.05 * found["tests"].max()
