"""How long tables are kept: defaults that give way, and ages that contradict each other."""

import pytest

from cbcr_assets.config import load_config

SOURCES = "sources: {a: {tool: cbcr, feeds: [{drop: in}]}}\n"
DAY_S = 86400.0


@pytest.fixture
def ages(write):
    def ages_of(text):
        return load_config(write("cbcr.yaml", SOURCES + text), environ={}).retention_s

    return ages_of


def test_what_is_finer_goes_first(ages):
    kept = ages("")
    assert kept["samples"] < kept["rollups_hourly"] < kept["rollups_daily"] == kept["alerts"]
    assert kept["alerts"] < kept["alert_history"] == 3660 * DAY_S
    assert kept["violations"] is None
    assert kept["observations"] == 90 * DAY_S


@pytest.mark.parametrize("text", ["retention:\n", "retention: {}\n"])
def test_an_empty_section_is_no_section(ages, text):
    assert ages(text) == ages("")


def test_a_default_gives_way_to_what_is_written(ages):
    kept = ages("retention: {samples: 3000d}\n")
    assert kept["rollups_hourly"] == kept["rollups_daily"] == 3000 * DAY_S
    assert ages("retention: {alerts: 4000d}\n")["alert_history"] == 4000 * DAY_S
    assert ages("retention: {alerts: }\n")["alert_history"] is None
    kept = ages("retention: {samples: }\n")
    assert kept["samples"] is kept["rollups_hourly"] is kept["rollups_daily"] is None


def test_a_week_of_everything_is_allowed(ages):
    kept = ages("retention: {samples: 1w, rollups_hourly: 1w, rollups_daily: 1w, violations: 1w}\n")
    assert kept["rollups_daily"] == kept["violations"] == 7 * DAY_S


@pytest.mark.parametrize(
    ("section", "line", "key", "meant"),
    [
        ("  rollups_hourly: 30d\n", 3, "rollups_hourly", "samples (90d)"),
        ("  samples: 2w\n  rollups_hourly: 13d\n", 4, "rollups_hourly", "samples (2w)"),
        ("  rollups_daily: 300d\n", 3, "rollups_daily", "rollups_hourly (400d)"),
        ("  samples: 500d\n  rollups_daily: 450d\n", 4, "rollups_daily", "rollups_hourly (500d)"),
        ("  alert_history: 1829d\n", 3, "alert_history", "alerts (1830d)"),
        ("  samples:\n  rollups_hourly: 99d\n", 4, "rollups_hourly", "samples (for ever)"),
    ],
)
def test_nothing_is_kept_shorter_than_what_it_is_made_from(
    config_problems, section, line, key, meant
):
    (problem,) = config_problems(SOURCES + "retention:\n" + section)
    assert "did you mean" not in problem
    assert problem.startswith(f"cbcr.yaml:{line}: retention.{key}: ")
    assert f"is shorter than {meant}" in problem
    longer = meant.split("(")[1].rstrip(")")
    assert ("nothing behind it" if longer == "for ever" else f"write {longer} or longer") in problem


def test_a_wrong_duration_is_told_once(config_problems):
    (problem,) = config_problems(SOURCES + "retention:\n  samples: long\n  rollups_hourly: 1d\n")
    assert "cbcr.yaml:3: retention.samples" in problem
    assert "not a duration" in problem
    (problem,) = config_problems(SOURCES + "retention:\n  rollups_dayly: 1d\n")
    assert "rollups_daily" in problem
