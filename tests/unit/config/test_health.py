"""The health model: what CBCR brings, what a user's file changes, what is told of a wrong one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cbcr_assets.config import ConfigError, load_config, load_health
from cbcr_assets.config.health import DEFAULT_FILE, KINDS, Signal


@pytest.fixture
def problems(write):
    def problems_of(text):
        with pytest.raises(ConfigError) as caught:
            load_health(write("health.yaml", text))
        return [str(problem) for problem in caught.value.problems]

    return problems_of


def test_each_kind_has_a_vital_signal_and_each_signal_an_action():
    model = load_health()
    assert tuple(model.signals) == KINDS
    for kind, signals in model.signals.items():
        assert any(signal.vital for signal in signals.values()), kind
        assert all(len(signal.action) > 20 for signal in signals.values())


def test_a_vital_signal_alone_can_make_a_component_critical():
    for signals in load_health().signals.values():
        assert all(signal.most > 60 for signal in signals.values() if signal.vital)


def test_a_file_says_only_what_differs(write):
    own = load_health(
        write("health.yaml", "instance:\n  signals:\n    exposure: {warn: 0.8}\nqueue: {tier: 2}\n")
    )
    known = load_health()
    assert own.signals["instance"]["exposure"].warn == 0.8
    assert own.signals["instance"]["exposure"].crit == known.signals["instance"]["exposure"].crit
    assert own.tiers == {**known.tiers, "queue": 2}
    assert own.signals["source"] == known.signals["source"]
    assert own.version != known.version


@pytest.mark.parametrize("text", ["", "instance:\n", "instance: {signals: }\n", "queue: {}\n"])
def test_an_empty_file_changes_nothing(write, text):
    assert load_health(write("health.yaml", text)).version == load_health().version


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("instance:\n  signals:\n    exposure: {warn: 3}\n",
         "health.yaml:3: instance.signals.exposure: ok, warn, crit and dead must rise, or fall,"
         " from each to the next, not 0.75, 3, 1, 2"),
        ("instance:\n  signals:\n    drill_agee: {ok: 1}\n",
         "health.yaml:3: instance.signals.drill_agee: nothing measures this signal; those of"
         " instance are: exposure, restorable, failures_in_a_row, success_7d, p_meets_rto,"
         " drill_age, size_jump; did you mean 'drill_age'?"),
        ("\nqueu: {tier: 1}\n", "health.yaml:2: queu: unknown key; did you mean 'queue'?"),
        ("source: {tier: 4}\n", "health.yaml:1: source.tier: the number 4 is not one of 1, 2, 3"),
        ("tier_weights:\n  1: 0\n",
         "health.yaml:2: tier_weights.1: must be more than 0.0, not 0"),
        ("cbcr:\n  signals:\n    pull_age: {most: 101}\n",
         "health.yaml:3: cbcr.signals.pull_age.most: must be at most 100.0, not 101"),
        ("cbcr:\n  signals:\n    pull_age: {vitl: true}\n",
         "health.yaml:3: cbcr.signals.pull_age.vitl: unknown key; did you mean 'vital'?"),
        ("cbcr: [1]\n", "health.yaml:1: cbcr: expected a mapping of keys to values, not a list"),
        ("[1]\n", "health.yaml:1: expected a mapping of keys to values, not a list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(problems, text, told):
    assert problems(text) == [told]


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4))
def test_a_ladder_rises_or_falls(steps):
    fields = dict(zip(("ok", "warn", "crit", "dead"), steps, strict=True))
    is_ladder = len(set(steps)) == 4 and steps in (sorted(steps), sorted(steps, reverse=True))
    try:
        Signal(unit="s", action="do", **fields)
    except ValidationError:
        assert not is_ladder
    else:
        assert is_ladder


def test_what_reaches_the_models_is_all_of_it():
    model = load_health()
    told = json.loads(model.as_json())
    assert told["version"] == model.version
    assert told["tier_weights"] == {"1": 4.0, "2": 2.0, "3": 1.0}
    assert len(told["signals"]) == sum(len(signals) for signals in model.signals.values())
    assert all(signal["kind_tier"] in (1, 2, 3) for signal in told["signals"])


def test_cbcr_yaml_names_the_file(write):
    text = "sources: {a: {tool: cbcr, feeds: [{drop: in}]}}\n"
    assert load_config(write("cbcr.yaml", text), environ={}).health is None
    named = load_config(write("cbcr.yaml", text + "health: own/health.yaml\n"), environ={})
    assert named.health == named.file.parent / "own" / "health.yaml"


def test_the_model_is_beside_the_code():
    assert DEFAULT_FILE.is_file()
