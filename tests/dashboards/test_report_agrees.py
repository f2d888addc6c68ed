"""The report of a day says what the pages say of that day: the same query, the same figures."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import streamlit as st

from cbcr_assets.cli.demonstration import Demo
from cbcr_assets.reports.compliance import Period, Scope
from cbcr_assets.steps.reporting import make_report
from streamlit_app.queries import rpo, session
from streamlit_app.queries.scope import scope

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("team", [None, "orders"])
@pytest.mark.usefixtures("serving")
def test_a_day_of_the_trend_is_a_report_of_that_day(team: str | None, demo: Demo) -> None:
    st.cache_data.clear()
    at = session.snapshot()
    assert at is not None
    chosen = scope(team=[team] if team else [])
    trend = rpo.calendar(at, chosen, clock="as known")
    midnight = datetime.combine(trend["day"].max(), datetime.min.time())
    for begin in (midnight - timedelta(days=1), midnight - timedelta(days=9)):
        found = make_report(
            demo.platform,
            period=Period(begin, begin + timedelta(days=1)),
            scope=Scope(teams=(team,) if team else ()),
            now=midnight + timedelta(days=1),
        )
        page = trend.filter(pl.col("day") == begin.date()).row(0, named=True)
        assert found.figure("compliance") == pytest.approx(page["compliance"], abs=1e-12)
        broken = found.instances.filter(pl.col("violation_s") > 0).height
        assert broken == page["violating"]


def test_a_demo_has_something_to_report(demo: Demo, serving: Path) -> None:
    assert serving.is_dir()
    now = datetime.now() + timedelta(days=1)
    with demo.platform.warehouse.read() as session:
        until = session.query("select max(day) from marts.fct_rpo_compliance_daily").item()
    end = datetime.combine(until, datetime.min.time())
    found = make_report(demo.platform, period=Period(end - timedelta(days=20), end), now=now)
    assert found.violations.height > 0
    assert found.restores.height > 0
    assert (found.definitions["value"] != "unknown").all()
