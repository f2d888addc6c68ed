"""Overview and Instances: every tile is a mart's number and leads to its page, states are told."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from streamlit_app.charts.fleet import cells

pytestmark = pytest.mark.slow
Run = Callable[..., AppTest]
Words = Callable[[AppTest], str]
Sql = Callable[[str], list[tuple[Any, ...]]]


def metrics(app: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


def links(app: AppTest) -> dict[str, str]:
    return {one.proto.label: one.proto.query_string for one in app.get("page_link")}


def test_every_figure_is_that_of_its_mart(run: Run, sql: Sql) -> None:
    app = run()
    shown = metrics(app)
    left, whole = sql(
        "select budget_left_s, budget_s from marts.fct_rpo_error_budget"
        " where scope = 'fleet' and window_days = 30"
    )[0]
    assert shown["Error budget left"] == f"{left / whole:.0%}"
    kept, total = sql(
        "select count(*) filter (meets_rto), count(*) from marts.fct_restore_drills"
        " where outcome in ('proven', 'untimed', 'failed') and instance_id in"
        " (select instance_id from marts.dim_instances where is_active)"
        " and requested_at > cbcr_now() - interval 90 day"
    )[0]
    assert shown["Drills passed"] == f"{kept / total:.0%}"
    first = sql(
        "select days_to_full_p10, days_to_full_p50 from marts.fct_capacity_forecast"
        " where days_to_full_p10 is not null order by 1 limit 1"
    )[0]
    assert shown["Shortest to full"].startswith(f"{first[0]:.0f}–")
    headline = sql("select headline from live.live_fleet_health where scope = 'fleet'")[0][0]
    assert shown["Fleet health"] == f"{headline:.0f} of 100"


def test_a_rule_narrows_what_is_wrong_and_rows_lead_to_their_subject(run: Run, sql: Sql) -> None:
    rule, count = sql(
        "select rule, count(*) from live.sla_evaluations where status <> 'ok'"
        " and subject_kind = 'instance' group by 1 order by 2 desc, 1 limit 1"
    )[0]
    app = run(only=rule)
    wrong = app.dataframe[0].value
    assert set(wrong["rule"]) == {rule}
    assert len(wrong) >= count
    row = wrong[~wrong["subject"].str.contains("/")].index[0]
    app.session_state["wrong"] = {"selection": {"rows": [int(row)], "columns": [], "cells": []}}
    app.run()
    name = wrong["subject"].iloc[row]
    assert f"id={name}" in links(app)[f"Open {name} →"]


def test_a_cell_of_the_matrix_and_a_day_lead_on_with_what_was_chosen(run: Run, sql: Sql) -> None:
    tier, db_type = sql(
        "select tier, db_type from live.live_rpo_status where status = 'breached' order by all"
    )[0]
    day = sql("select max(day) from marts.fct_rpo_compliance_daily")[0][0]
    app = run(cell=f"{tier}|{db_type}", day=str(day))
    asked = links(app)[f"Open tier {tier} · {db_type} →"]
    assert f"tier={tier}" in asked
    assert f"db_type={db_type}" in asked
    assert any(f"day={day}" in query for query in links(app).values())
    listed = run("instances", tier=str(tier), db_type=db_type).dataframe[0].value
    assert (
        len(listed)
        == sql(
            "select count(*) from live.live_rpo_status"
            f" where tier = {tier} and db_type = '{db_type}'"
        )[0][0]
    )


def test_a_cell_shows_its_worst_status_and_unknown_is_worse_than_at_risk() -> None:
    counted = pl.DataFrame(
        {
            "tier": [1, 1, 1, 2, 2, None],
            "db_type": ["a", "a", "a", "a", "a", None],
            "status": ["ok", "approaching", "unknown", "ok", "breached", "ok"],
            "instances": [5, 2, 1, 9, 1, 1],
        }
    )
    shown = {row["cell"]: row["told"] for row in cells(counted).iter_rows(named=True)}
    assert shown == {"1|a": "○ 1 of 8", "2|a": "▲ 1 of 10", "|": "● 1 of 1"}


def test_the_list_is_ordered_and_offered_whole(run: Run, words: Words, sql: Sql) -> None:
    names = [name for (name,) in sql("select instance_id from live.live_rpo_status order by 1")]
    app = run("instances", order="name")
    assert app.dataframe[0].value["instance"].tolist() == names[:50]
    assert f"{len(names)} instances, name" in words(app)
    assert "There is no page 77" in words(run("instances", p="77"))
    assert "instances.csv" in [one.proto.label for one in app.get("download_button")]
