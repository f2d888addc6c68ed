"""The SQL of component health against plain Python, and what its roll-up may never hide.

The compiled models run in a DuckDB of their own, on components that hypothesis makes up.
"""

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cbcr_assets.config import load_health
from cbcr_assets.simulator.health_formula import headline, judge

pytestmark = pytest.mark.slow

MODEL = load_health()
KINDS = {
    "instance": "instances", "worker_pool": "pools", "queue": "queues", "storage_volume": "volumes",
    "network_link": "links", "repository": "repositories", "source": "sources",
}  # fmt: skip
_SIGNAL = (
    "struct(signal varchar, value double, measured_at timestamp, is_current boolean,"
    " is_required boolean, overdue_at timestamp)[]"
)
_SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def formula(copy_built: Callable[[], Any]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The compiled models over tables of measured components."""
    built = copy_built()
    compiled = built.platform.dbt_target / "compiled" / "cbcr" / "models"
    con = duckdb.connect()
    con.execute("create schema intermediate; create schema live; create schema state")
    con.execute("create macro cbcr_now() as timestamp '2026-06-15 12:00:00'")
    con.execute("create table state.settings (name varchar, value varchar)")
    con.execute("insert into state.settings values ('health_model', ?)", [MODEL.as_json()])
    for table in KINDS.values():
        con.execute(
            f"create table intermediate.int_health_{table} (kind varchar, component_id varchar,"
            f" team varchar, tier integer, environment varchar, signals {_SIGNAL})"
        )
    for schema, folder, name in (
        ("intermediate", "intermediate", "int_health_model"),
        ("intermediate", "intermediate", "int_health_signals"),
        ("live", "live", "live_component_health"),
        ("live", "live", "live_fleet_health"),
    ):
        text = (compiled / folder / f"{name}.sql").read_text()
        con.execute(f"create view {schema}.{name} as {text}")
    yield con
    con.close()


def measured(kind: str, name: str, tier: int | None, values: dict[str, Any]) -> tuple[Any, ...]:
    """Return the row of a component; a value of 'stale' was good once."""
    signals = [
        {
            "signal": signal,
            "value": MODEL.signals[kind][signal].ok if value == "stale" else value,
            "measured_at": None, "is_current": value != "stale", "is_required": True,
            "overdue_at": None,
        }
        for signal, value in values.items()
    ]  # fmt: skip
    return kind, name, "team", tier, "production", signals


def fill(con: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> None:
    for kind, table in KINDS.items():
        con.execute(f"delete from intermediate.int_health_{table}")
        mine = [row for row in rows if row[0] == kind]
        if mine:
            con.executemany(
                f"insert into intermediate.int_health_{table} values (?, ?, ?, ?, ?, ?::{_SIGNAL})",
                mine,
            )


def _value(kind: str, signal: str) -> st.SearchStrategy[Any]:
    rung = MODEL.signals[kind][signal]
    steps = sorted((rung.ok, rung.warn, rung.crit, rung.dead))
    width = steps[-1] - steps[0]
    return st.one_of(
        st.floats(steps[0] - width / 4, steps[-1] + width / 4),
        st.sampled_from(steps),
        st.sampled_from([None, "stale", float("nan"), float("inf")]),
    )


def _component(kind: str) -> st.SearchStrategy[tuple[str, int, dict[str, Any]]]:
    values = st.fixed_dictionaries({name: _value(kind, name) for name in MODEL.signals[kind]})
    return st.tuples(st.just(kind), st.integers(1, 3), values)


ANY_COMPONENT = st.sampled_from(sorted(KINDS)).flatmap(_component)


# Just before the step at which it is dead, where the ladder's 100 is only rounding.
_NEARLY_DEAD = {"heartbeat_age": None, "workers_present": 7e-36, "utilisation": 1.0}


@_SETTINGS
@given(components=st.lists(ANY_COMPONENT, min_size=1, max_size=25))
@example(components=[("worker_pool", 1, _NEARLY_DEAD)])
def test_score_state_and_reasons_are_those_of_plain_python(
    formula: duckdb.DuckDBPyConnection, components: list[tuple[str, int, dict[str, Any]]]
) -> None:
    fill(formula, [measured(k, f"c{i}", t, v) for i, (k, t, v) in enumerate(components)])
    found = {
        name: row
        for name, *row in formula.execute(
            "select component_id, score::double, state, coverage, reasons,"
            " 100 - list_sum(list_transform(reasons, r -> r.deduction)) = score"
            " from live.live_component_health"
        ).fetchall()
    }
    for i, (kind, _, values) in enumerate(components):
        score, state, coverage, reasons, adds_up = found[f"c{i}"]
        known = {
            name: value if isinstance(value, float) and abs(value) < float("inf") else None
            for name, value in values.items()
        }
        wanted = judge(MODEL.signals[kind], known)
        told = {r["signal"]: float(r["deduction"]) for r in reasons if r["deduction"]}
        assert coverage == pytest.approx(wanted.coverage)
        # Halves of a hundredth may be rounded up or down.
        assert score == (None if wanted.score is None else pytest.approx(wanted.score, abs=0.06))
        if wanted.score is None or all(abs(wanted.score - edge) > 0.06 for edge in (40, 70, 90)):
            assert state == wanted.state
        for name in told.keys() | wanted.deductions.keys():
            assert told.get(name, 0) == pytest.approx(wanted.deductions.get(name, 0), abs=0.06)
        assert all(r["action"] for r in reasons)
        if score is not None:
            assert adds_up or not reasons
            assert 0 <= score <= 100
            assert reasons or score == 100
        missing = {name for name, value in known.items() if value is None}
        assert missing <= {r["signal"] for r in reasons if r["status"] in ("missing", "stale")}


@_SETTINGS
@given(
    components=st.lists(
        st.tuples(st.integers(1, 3), st.one_of(st.none(), st.floats(0, 3))), min_size=1, max_size=60
    )
)
def test_the_headline_is_that_of_plain_python(
    formula: duckdb.DuckDBPyConnection, components: list[tuple[int, float | None]]
) -> None:
    fill(formula, [instance(i, tier, exposure) for i, (tier, exposure) in enumerate(components)])
    scores = formula.execute(
        "select tier, score::double from live.live_component_health"
    ).fetchall()
    row = formula.execute(
        "select headline, components, healthy + degraded + poor + critical + unknown, len(worst),"
        " worst[1].score::double, unknown, tier1_bad"
        " from live.live_fleet_health where scope = 'fleet'"
    ).fetchall()[0]
    assert row[0] == pytest.approx(headline(scores, MODEL.tier_weights), abs=0.011)
    assert row[1] == row[2] == len(components)
    assert row[3] == min(5, len(components))
    least = min(40.0 if score is None else score for _, score in scores)
    assert (40.0 if row[4] is None else row[4]) == pytest.approx(least)
    assert row[5] == sum(score is None for _, score in scores)
    assert row[6] == sum(tier == 1 and (s is None or s < 40) for tier, s in scores)


def instance(number: int, tier: int, exposure: float | None) -> tuple[Any, ...]:
    values = {
        "exposure": exposure, "restorable": 1.0, "failures_in_a_row": 0.0, "success_7d": 1.0,
        "p_meets_rto": 1.0, "drill_age": 0.5,
    }  # fmt: skip
    return measured("instance", f"i{number}", tier, values)


@pytest.mark.parametrize("count", [1_000, 50_000])
@pytest.mark.parametrize(("exposure", "most"), [(5.0, 25.0), (None, 59.0)])
def test_no_number_of_healthy_ones_hides_one_of_tier_1_that_is_dead_or_unknown(
    formula: duckdb.DuckDBPyConnection, count: int, exposure: float | None, most: float
) -> None:
    fill(formula, [instance(0, 1, exposure), instance(1, 2, 0.1)])
    formula.execute(
        "insert into intermediate.int_health_instances"
        " select kind, 'copy' || n, team, 2, environment, signals"
        " from intermediate.int_health_instances, range(?) as t(n) where component_id = 'i1'",
        [count - 2],
    )
    top, mean, components, worst, tier1_bad = formula.execute(
        "select headline, mean_score, components, worst[1].component_id, tier1_bad"
        " from live.live_fleet_health where scope = 'fleet'"
    ).fetchall()[0]
    assert components == count
    assert mean > 99.7
    assert top == most
    assert (worst, tier1_bad) == ("i0", 1)


def test_unknown_is_never_healthy_and_what_is_dead_is_not_unknown(
    formula: duckdb.DuckDBPyConnection,
) -> None:
    blind = dict.fromkeys(MODEL.signals["instance"])
    dead = {"exposure": None, "restorable": 0.0}
    stale = {"exposure": "stale", "restorable": 1.0}
    few = {"used_share": 0.5, "days_to_full": None}
    fill(
        formula,
        [
            measured("instance", "blind", 1, blind),
            measured("instance", "dead", 1, dead),
            measured("instance", "stale", 1, stale),
            measured("storage_volume", "few", None, few),
        ],
    )
    found = {
        name: (state, score, reason)
        for name, state, score, reason in formula.execute(
            "select component_id, state, score::double, main_reason from live.live_component_health"
        ).fetchall()
    }
    assert found["blind"] == ("unknown", None, "exposure is not known")
    assert found["stale"] == ("unknown", None, "exposure is not known any more")
    assert found["dead"][:2] == ("critical", 0.0)
    # Three fifths of its weight are known: at most 60 + 40 * 0.6.
    assert found["few"] == ("degraded", 84.0, "days to full is not known")
