"""The RPO page: its figures are the marts', a day tells its violators, every state told."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow
Run = Callable[..., AppTest]
Words = Callable[[AppTest], str]
Sql = Callable[[str], list[tuple[Any, ...]]]


def metrics(app: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


def test_the_figures_of_the_whole_fleet_are_those_of_the_mart(
    run: Run, words: Words, sql: Sql
) -> None:
    app = run("rpo")
    said, shown = words(app), metrics(app)
    for days, burn, violation, measured, objective in sql(
        "select window_days, burn_rate, violation_s, measured_s, objective"
        " from marts.fct_rpo_error_budget where scope = 'fleet'"
    ):
        name = "today" if days == 1 else f"{days} days"
        assert shown[f"Burn rate, {name}"] == f"{burn:.2f} ×"
        if days == 30:
            kept = 1 - violation / measured
            assert f"kept for {kept:.2%} of the time in 30 days" in said
            assert ("▲ No" in said) is (kept < objective)
    total, unknown = sql(
        "select count(*), count(*) filter (status = 'unknown') from live.live_rpo_status"
    )[0]
    assert unknown
    assert f"{unknown} of {total} instances cannot be seen" in said
    assert f"○ Unknown: {unknown} ({unknown / total:.0%})" in said
    worst = app.dataframe[0].value
    assert worst["instance"].tolist() == [
        name
        for (name,) in sql(
            "select instance_id from marts.fct_rpo_windows"
            " where window_days = 30 and violation_s > 0 order by worst_rank limit 25"
        )
    ]


def test_a_part_has_the_figures_of_its_scope(run: Run, sql: Sql) -> None:
    tier, burn = sql(
        "select member, burn_rate from marts.fct_rpo_error_budget"
        " where scope = 'tier' and window_days = 7 order by burn_rate desc limit 1"
    )[0]
    app = run("rpo", tier=tier, days="7", by="team")
    assert metrics(app)["Burn rate, 7 days"] == f"{burn:.2f} ×"


def test_a_chosen_day_tells_who_was_in_violation(run: Run, words: Words, sql: Sql) -> None:
    day, count = sql(
        "select day, count(*) from marts.fct_rpo_compliance_daily where violation_s > 0"
        " and day > cbcr_now()::date - 30 group by day order by count(*) desc, day limit 1"
    )[0]
    app = run("rpo", day=str(day))
    assert f"In violation on {day:%d %b %Y}" in words(app)
    violators = app.dataframe[0].value
    assert len(violators) == count
    restated = run("rpo", day=str(day), clock="restated")
    known = sql(
        "select count(*) from marts.fct_rpo_compliance_daily"
        f" where restated_violation_s > 0 and day = '{day}'"
    )[0][0]
    assert len(restated.dataframe[0].value) == known
    assert "in hindsight" in words(restated)


def test_no_match_and_nonsense_in_the_address_are_states(run: Run, words: Words, sql: Sql) -> None:
    nobody = sql(
        "select team, tier from (select distinct team from marts.dim_instances)"
        " cross join (select distinct tier from marts.dim_instances)"
        " where (team, tier) not in (select (team, tier) from marts.dim_instances) limit 1"
    )
    if nobody:
        app = run("rpo", team=nobody[0][0], tier=str(nobody[0][1]))
        assert "0 instances with measured time match" in words(app)
        assert "Clear filters" in [one.proto.label for one in app.get("page_link")]
    app = run("rpo", day="2026-02-31", days="5", clock="wrong", by="nothing")
    assert "In violation on" not in words(app)
    assert len(app.get("vega_lite_chart")) >= 4
