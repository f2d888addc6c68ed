"""What is true of the health of components: planted machines are seen, doubt is small."""

from collections import Counter

import pytest

from cbcr_assets.config import load_health
from cbcr_assets.simulator import Fleet, FleetSpec, simulate
from cbcr_assets.simulator.health_formula import headline, judge, ladder

RULE = "component_unhealthy"


def verdicts(fleet: Fleet) -> dict[tuple[str, str], str]:
    return {(i.rule, i.subject_id): i.status for i in fleet.truth.incidents}


def test_the_machines_that_are_planted_wrong_are_part_of_the_truth(fleet: Fleet) -> None:
    told = verdicts(fleet)
    assert told["worker_down", "backup02:nightly"] == "breached"
    assert told["queue_backlog", "backup02:nightly"] == "breached"
    assert told["network_saturated", "nas1:bond0"] == "breached"
    assert told[RULE, "worker_pool/backup02:nightly"] == "breached"
    assert told[RULE, "source/edge"] == "breached"
    assert told[RULE, "storage_volume/edge-disk"] == "unknown"


def test_whoever_is_behind_the_dead_source_is_unknown(fleet: Fleet) -> None:
    told = verdicts(fleet)
    blind = [d for d in fleet.databases if d.source == "edge"]
    assert blind
    assert all(told[RULE, database.instance_id] == "unknown" for database in blind)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hardly_any_verdict_is_in_doubt(seed: int, now) -> None:
    fleet = simulate(FleetSpec(instances=60, days=30, seed=seed), now=now)
    doubtful = [name for rule, name in fleet.truth.unsure if rule == RULE]
    counts = Counter(i.status for i in fleet.truth.incidents if i.rule == RULE)
    assert len(doubtful) <= 4, doubtful
    assert counts["breached"] >= 6
    assert counts["unknown"] >= 4


def test_a_ladder_by_hand() -> None:
    exposure = load_health().signals["instance"]["exposure"]
    steps = {0.5: 0, 0.75: 0, 0.825: 10, 0.9: 20, 0.95: 35, 1.0: 50, 1.5: 75, 2.0: 100, 9.0: 100}
    for value, wanted in steps.items():
        assert ladder(exposure, value) == pytest.approx(wanted)
    restorable = load_health().signals["instance"]["restorable"]
    assert [ladder(restorable, value) for value in (2, 1, 0.5, 0)] == [0, 0, 50, 100]


def test_the_worked_example_of_the_definitions() -> None:
    signals = load_health().signals["instance"]
    values = {"exposure": 0.96, "restorable": 1, "failures_in_a_row": 2, "success_7d": 0.925,
              "p_meets_rto": None, "drill_age": 0.5}  # fmt: skip
    health = judge(signals, values)
    assert {k: round(v, 2) for k, v in health.deductions.items()} == {
        "exposure": 38, "failures_in_a_row": 8.75, "success_7d": 2.5,
    }  # fmt: skip
    assert health.coverage == pytest.approx(10 / 12)
    assert (health.score, health.state) == (pytest.approx(50.75), "poor")
    fine = judge(signals, dict(values, exposure=0.5, failures_in_a_row=0, success_7d=1))
    assert fine.deductions == {"coverage": pytest.approx(6.67)}
    assert (fine.score, fine.state) == (pytest.approx(93.33), "healthy")


def test_the_headline_of_the_definitions() -> None:
    weights = load_health().tier_weights
    assert headline([(1, 0.0)] + [(2, 100.0)] * 999, weights) == 25
    assert headline([(1, None)] + [(2, 100.0)] * 999, weights) == 59
    assert headline([(1, 80.0), (2, 60.0), (3, 100.0)], weights) == pytest.approx(77.142857)
