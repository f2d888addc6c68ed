"""A build holds the warehouse for its models alone; what its tests refuse is not published."""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cbcr_assets.steps import analytics
from cbcr_assets.warehouse.turn import holder

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 1, 1)


@pytest.fixture(scope="module", autouse=True)
def which_dbt() -> None:
    """The process itself is what is tested here."""


ODD = {
    "source_id": "a", "attempt_key": "1", "native_instance": "o", "state": "no such state",
    "started_at": START, "first_seen_at": START, "last_seen_at": START,
}  # fmt: skip


def test_others_write_while_the_models_are_tested(make_built: Callable[[], Any]) -> None:
    platform = make_built().platform
    reports: list[analytics.BuildReport] = []
    building = threading.Thread(target=lambda: reports.append(analytics.build(platform)))
    building.start()
    staged = platform.config.serving / "staged" / platform.config.warehouse.name
    while building.is_alive() and not staged.is_file():
        time.sleep(0.02)
    with platform.warehouse.write() as session:
        session.execute("insert into state.settings values ('said during the tests', 'x')")
    assert building.is_alive(), "not after the tests but beside them"
    assert not holder(platform.config.warehouse)
    building.join()
    assert reports[0].ok, reports[0].output
    analytics.publish_built(platform, now=START)
    with platform.warehouse.read() as session:
        settings = "select count(*) from state.settings where name = 'said during the tests'"
        assert session.rows(settings) == [(0,)]
        assert session.rows("select count(*) from marts.dim_instances") == [(0,)]


def test_what_a_test_refuses_is_not_published(make_built: Callable[[], Any]) -> None:
    built = make_built()
    built.load({"backup_jobs": [ODD]})
    report = analytics.build(built.platform)
    assert not report.ok
    assert "accepted_values_fct_backup_attempts_state" in report.output
    assert built.platform.warehouse.publish_tested() is None


def test_a_replay_is_tested_at_its_moment(make_built: Callable[[], Any]) -> None:
    built = make_built()
    at = datetime(2020, 2, 2)
    built.platform.home.mkdir(parents=True, exist_ok=True)
    analytics.prepare(built.platform)
    report = analytics.dbt(
        built.platform,
        ["build", "--select", "+dim_instances", "--exclude", "test_name:relationships",
         "--vars", f"{{cbcr_as_of: '{at}'}}"],
    )  # fmt: skip
    assert report.ok, report.output
    ran = (built.platform.dbt_target / "run").rglob("*dim_instances*.sql")
    compiled = [path for path in ran if path.parent.suffix == ".yml"]
    assert compiled
    assert all(f"timestamp '{at}'" in path.read_text() for path in compiled)
