"""The monthly report in Dagster: when it is asked for, and what is said when there can be none.

That it is issued once, with hash, rows and files, is in tests/dbt/test_compliance_report.py, which
has built models.
"""

import json
import subprocess
import sys
from datetime import UTC, datetime

import dagster as dg
import pytest

from cbcr_assets.assets.report import MONTHS, compliance, report_schedule
from cbcr_assets.reports.compliance import calendar_month, last_month
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps.platform import Platform

ASSEMBLED = """
import json, sys
from cbcr_assets.definitions import build_defs

defs = build_defs()
jobs = {name: sorted(key.to_user_string() for key in
                     defs.resolve_job_def(name).asset_layer.selected_asset_keys)
        for name in ("build_and_publish", "compliance_report")}
schedules = [schedule.name for schedule in defs.schedules]
json.dump({"jobs": jobs, "schedules": schedules}, sys.stdout)
"""


def resources(platform: Platform) -> dict[str, PlatformResource]:
    return {"platform": PlatformResource(config=str(platform.config.file))}


@pytest.mark.parametrize(
    ("now", "begin", "end"),
    [
        (datetime(2026, 1, 3, 6), datetime(2025, 12, 1), datetime(2026, 1, 1)),
        (datetime(2026, 3, 1), datetime(2026, 2, 1), datetime(2026, 3, 1)),
        (datetime(2024, 3, 31, 23, 59), datetime(2024, 2, 1), datetime(2024, 3, 1)),
    ],
)
def test_the_last_month_is_a_calendar_month(now: datetime, begin: datetime, end: datetime) -> None:
    month = last_month(now)
    assert (month.begin, month.end) == (begin, end)
    assert calendar_month(begin) == month
    assert f"{begin:%Y-%m}" in MONTHS.get_partition_keys(current_time=now.replace(tzinfo=UTC))


def test_before_anything_is_published_the_schedule_skips_and_says_why(platform: Platform) -> None:
    schedule = report_schedule(platform)
    assert schedule.cron_schedule == "0 6 3 * *"
    assert schedule.execution_timezone == "UTC"
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime(2026, 3, 3, 6, tzinfo=UTC),
        resources=resources(platform),
    )
    [skipped] = [schedule(context)]
    assert isinstance(skipped, dg.SkipReason)
    assert "no report of 2026-02: nothing was published yet" in str(skipped.skip_message)


def test_a_month_that_cannot_be_reported_fails_in_words(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    done = dg.materialize(
        [compliance], partition_key="2026-02", resources=resources(platform), instance=instance,
        raise_on_error=False,
    )  # fmt: skip
    assert not done.success
    [failure] = [event for event in done.all_events if event.is_step_failure]
    assert "nothing was published yet" in str(failure.step_failure_data.user_failure_data)
    assert not (platform.home / "reports").exists()


@pytest.mark.slow
def test_a_build_makes_no_report_and_the_report_builds_nothing(platform: Platform) -> None:
    environ = {"CBCR_CONFIG": str(platform.config.file), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", ASSEMBLED], env=environ, cwd=platform.config.file.parent,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["jobs"]["compliance_report"] == ["reports/compliance"]
    assert "reports/compliance" not in found["jobs"]["build_and_publish"]
    assert "serving/snapshot" in found["jobs"]["build_and_publish"]
    assert "monthly_compliance_report" in found["schedules"]
