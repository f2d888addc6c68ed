"""The Restores page: coverage and estimates equal the marts, peers never count as proven."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from streamlit_app.status import plain

pytestmark = pytest.mark.slow
Run = Callable[..., AppTest]
Words = Callable[[AppTest], str]
Sql = Callable[[str], list[tuple[Any, ...]]]


def test_proofs_and_never_are_those_of_the_marts(run: Run, words: Words, sql: Sql) -> None:
    app = run("restores")
    said = words(app)
    total, never, overdue = sql(
        "select instances, never_proven, overdue from marts.fct_drill_coverage"
        " where dimension = 'fleet'"
    )[0]
    proven = sql("select count(*) from marts.fct_rto_estimates where proven")[0][0]
    assert f"Proven for {proven} of {total} instances" in said
    assert f"{never} were never restored with proof" in said
    assert f"{overdue} instances are overdue" in said
    assert len(app.dataframe[0].value) == never
    assert "● Proven" not in said


def test_estimates_tell_their_basis_and_peers_prove_nothing(
    run: Run, words: Words, sql: Sql
) -> None:
    app = run("restores")
    shown = app.dataframe[-1].value.set_index("instance")
    for name, basis, proven, p_meets in sql(
        "select instance_id, basis, proven, p_meets_rto from marts.fct_rto_estimates"
    ):
        row = shown.loc[name]
        assert (row["proven"] == "● yes") is bool(proven)
        if basis in ("peer", "unknown"):
            assert row["proven"] != "● yes"
            assert row["rests on"].startswith("○")
        chance = "unknown" if p_meets is None else f"{p_meets:.0%}"
        assert row["chance to keep"] == chance
    peers = sql("select count(*) from marts.fct_rto_estimates where basis = 'peer'")[0][0]
    assert f"{peers} estimates rest on other instances only" in words(app)
    assert shown.iloc[0]["chance to keep"] == "unknown"


def test_the_newest_failed_restore_is_told_and_the_backtest_is_the_marts(
    run: Run, words: Words, sql: Sql
) -> None:
    app = run("restores")
    failed = sql("select instance_id from marts.fct_restore_drills where outcome = 'failed'")
    for (name,) in failed:
        assert f"**{plain(name)}** failed" in words(app)
    within = sql(
        "select avg(within_p95::integer) from marts.fct_rto_backtest as back"
        " inner join marts.fct_drill_coverage_instances using (instance_id)"
        " where p50_s is not null and actual_s is not null"
    )[0][0]
    assert f"Took at most the p95: {within:.0%}" in words(app)
    trends = dict(
        sql("select trend, count(*) from marts.fct_rto_trend where level = 'group' group by 1")
    )
    few = trends.get("too_few", 0)
    assert few
    assert f"{few} of {sum(trends.values())} groups have too few restores" in words(app)


def test_a_part_without_instances_is_a_state(run: Run, words: Words, sql: Sql) -> None:
    nobody = sql(
        "select team, tier from (select distinct team from marts.dim_instances)"
        " cross join (select distinct tier from marts.dim_instances)"
        " where (team, tier) not in (select (team, tier) from marts.dim_instances) limit 1"
    )
    if nobody:
        said = words(run("restores", team=nobody[0][0], tier=str(nobody[0][1])))
        assert "0 protected instances match" in said
    one = sql(
        "select team, tier, db_type from marts.dim_instances group by all having count(*) = 1"
    )
    team, tier, db_type = one[0]
    app = run("restores", team=team, tier=str(tier), db_type=db_type, rows="tier")
    assert "of 1 instances" in words(app)
