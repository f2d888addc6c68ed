"""What moves together: nothing where nothing does, the planted metric where one does."""

from dataclasses import replace

import pytest

from benchmarks.foresight import correlations
from benchmarks.foresight.compiled import compiled, connect
from benchmarks.foresight.correlations import NOW, Shape, found, many

pytestmark = pytest.mark.slow

NULL = Shape(metrics=12)
PLANTED = replace(NULL, effect=0.2)


@pytest.fixture(scope="module")
def sql():
    return compiled(correlations.MODEL)


@pytest.mark.parametrize(
    "shape",
    [NULL, replace(NULL, memory=0.98), replace(NULL, sized=False), replace(NULL, weekly=0.6)],
    ids=["plain", "drifting", "without sizes", "strong week"],
)
def test_a_fleet_in_which_nothing_moves_together_has_no_finding(sql, shape):
    wrong = [one.false for one in many(sql, shape, 8, seed=50)]
    assert sum(count > 0 for count in wrong) <= 1


def test_an_effect_of_a_fifth_is_found_within_sixty_days(sql):
    results = many(sql, PLANTED, 6, seed=70)
    assert sum(one.planted for one in results) >= 0.9 * sum(one.of for one in results)
    assert sum(one.false for one in results) <= 2


@pytest.fixture
def planted(sql):
    """One fleet with a planted effect, and what the model says of it."""
    con = connect(NOW.isoformat(sep=" "))
    correlations.fleet(con, PLANTED, 7)
    yield con
    con.close()


def test_a_finding_says_what_was_tested_and_never_what_caused_it(planted, sql):
    rows = planted.execute(
        f"select metric, lag_h, n, rho, tests, finding, slope from ({sql})"
        " where is_finding order by component, metric"
    ).fetchall()
    assert rows
    for metric, lag, n, rho, tests, finding, slope in rows:
        assert (metric, n) == ("m00", 59)
        assert (rho > 0.3, tests) == (True, 5 * 12 * 3)
        assert slope == pytest.approx(0.2, abs=0.08)
        assert finding.startswith("backup duration and m00 of ")
        assert " moved together" + (f", lag {lag} h" if lag else "") + ", n=59, ρ=0." in finding
        assert "cause" not in finding


def test_few_days_and_metrics_that_never_move_say_nothing(planted, sql):
    table = "intermediate.int_component_metrics"
    planted.execute(f"update {table} set x = 1 where metric = 'm00'")
    told = {name for (name,) in planted.execute(f"select metric from ({sql})").fetchall()}
    assert told == {f"m{i:02}" for i in range(1, 12)}
    planted.execute("delete from intermediate.int_performance_runs where day > date '2026-05-01'")
    assert found(planted, sql, PLANTED).planted == 0
    assert planted.execute(f"select count(*) from ({sql})").fetchone() == (0,)
