"""The Health page: scores are the models', reasons add up, nothing hides what is dead."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow
Run = Callable[..., AppTest]
Words = Callable[[AppTest], str]
Sql = Callable[[str], list[tuple[Any, ...]]]


def test_the_headline_and_the_counts_are_those_of_the_live_view(
    run: Run, words: Words, sql: Sql
) -> None:
    app = run("health")
    said = words(app)
    headline, bad, mean = sql(
        "select headline, tier1_bad, mean_score from live.live_fleet_health where scope = 'fleet'"
    )[0]
    assert bad > 0
    assert headline < mean
    assert f"**{headline:.0f} of 100**: **{bad}** components of tier 1" in said
    for kind, score in sql(
        "select member, headline from live.live_fleet_health where scope = 'kind'"
    ):
        assert f">{score:.0f}</div>" in said, kind
    table = app.dataframe[0].value
    states = dict(sql("select component_id || kind, state from live.live_component_health"))
    for row in table.to_dict("records"):
        assert row["state"].endswith(states[row["component"] + row["kind"]])
    unknown = [row for row in table.to_dict("records") if "unknown" in row["state"]]
    assert unknown
    assert all(row["state"].startswith("○") for row in unknown)


def test_reasons_add_up_to_the_score_and_say_what_to_do(run: Run, words: Words, sql: Sql) -> None:
    kind, name, score = sql(
        "select kind, component_id, score::double from live.live_component_health"
        " where score between 1 and 60 and kind = 'storage_volume' order by score limit 1"
    )[0]
    app = run("health", component=f"{kind}:{name}")
    assert f"Why {score:.0f}?" in words(app)
    table = next(f.value for f in app.dataframe if "costs" in f.value.columns)
    lost = sum(float(cost) for cost in table["costs"] if cost != "not known")
    assert lost == pytest.approx(100 - score, abs=0.2)
    assert all(table["what to do"])
    assert "There is no component" in words(run("health", component="queue:none"))
    blind = sql("select kind || ':' || component_id from live.live_component_health"
                " where score is null limit 1")[0][0]  # fmt: skip
    assert "unknown?" in words(run("health", component=blind))


def test_filters_narrow_and_nothing_is_a_state(run: Run, words: Words, sql: Sql) -> None:
    table = run("health", kind="queue", state="critical").dataframe[0].value
    assert len(table) == sql("select count(*) from live.live_component_health"
                             " where kind = 'queue' and state = 'critical'")[0][0]  # fmt: skip
    assert "0 components match." in words(run("health", q="nothing-like-this"))


def test_what_moved_together_never_says_caused(
    run: Run, words: Words, sql: Sql, changed: Callable[..., None]
) -> None:
    changed(
        "delete from marts.fct_performance_correlations",
        "insert into marts.fct_performance_correlations by name select 'network' as kind,"
        " 'link-1' as component, 'utilisation' as metric, 'backup_duration' as outcome, 2 as lag_h,"
        " 58 as n, 0.44 as rho, 0.003 as q_value, 120 as tests, true as is_finding,"
        " 'backup duration and utilisation of link-1 moved together, lag 2 h, n=58' as finding",
        "delete from marts.fct_performance_series",
        "insert into marts.fct_performance_series by name select 'network' as kind,"
        " 'link-1' as component, 'utilisation' as metric, 'backup_duration' as outcome,"
        " date '2026-01-01' + i::integer as day, i as metric_value, 2 * i as outcome_value"
        " from range(20) as t(i)",
    )
    app = run("health")
    said = words(app)
    table = next(f.value for f in app.dataframe if "ρ" in f.value.columns)
    row = table.to_dict("records")[0]
    assert (row["lag"], row["n, days"], row["ρ"], row["q"]) == ("2 h", 58, 0.44, "0.003")
    assert "moved together, lag 2 h, n=58" in said
    assert "says nothing of a cause" in said
    assert "caused" not in said
    charts = [element.proto.spec for element in app.get("vega_lite_chart")]
    assert any("outcome_value" in spec for spec in charts)
    changed("delete from marts.fct_performance_correlations",
            "delete from marts.fct_backup_anomalies", "delete from marts.fct_worker_hourly",
            "delete from marts.fct_queue_hourly")  # fmt: skip
    said = words(run("health"))
    assert "Nothing could be tested" in said
    assert "No odd backup in 30 days." in said
    assert "No source tells of worker pools." in said
    assert "No source tells of queues." in said


def test_history_is_drawn_once_there_is_one(
    run: Run, words: Words, changed: Callable[..., None]
) -> None:
    changed(
        "insert into marts.fct_fleet_health select * replace (evaluated_at - interval 1 day as"
        " evaluated_at, headline - 5 as headline) from marts.fct_fleet_health",
    )
    app = run("health")
    specs = [element.proto.spec for element in app.get("vega_lite_chart")]
    assert any("hides a dead one" in spec for spec in specs)
    changed("delete from marts.fct_fleet_health")
    assert "history begins at the next build" in words(run("health"))
