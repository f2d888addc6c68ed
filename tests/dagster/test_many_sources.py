"""A thousand sources: few sensors, each source in exactly one, and what is dropped is offered."""

import json
from typing import Any

import dagster as dg
import pytest

from cbcr_assets.steps.platform import Platform
from sensors.definitions import build_defs
from sensors.sources import MOST_SENSORS, source_sensors

COUNT = 1_000


@pytest.fixture
def many(platform: Platform) -> Platform:
    """The platform, with a thousand drop sources instead of one."""
    sources = "".join(
        f"  s{number:04d}:\n    tool: cbcr\n    feeds: [{{drop: inbox}}]\n"
        for number in range(COUNT)
    )
    platform.config.file.write_text(
        f"sources:\n{sources}inventory: inventory.yaml\nalerting: alerting.yaml\n"
    )
    return platform


def requests(definitions: dg.Definitions, instance: dg.DagsterInstance) -> dict[str, list[Any]]:
    """Evaluate every source sensor once; return the sources of the runs each asks for."""
    found = {}
    for sensor in definitions.get_repository_def().sensor_defs:
        if not sensor.name.startswith("source_"):
            continue
        context = dg.build_sensor_context(
            instance=instance, definitions=definitions,
            resources={"platform": definitions.resources["platform"]},
        )  # fmt: skip
        found[sensor.name] = [
            request.run_config["ops"]["pull_and_evaluate"]["config"]["sources"]
            for request in sensor.evaluate_tick(context).run_requests or []
        ]
    return found


@pytest.mark.slow
def test_a_thousand_sources_have_few_sensors_and_lose_nothing(
    many: Platform, instance: dg.DagsterInstance
) -> None:
    definitions = build_defs()
    idle = requests(definitions, instance)
    assert len(idle) <= MOST_SENSORS
    assert not any(idle.values())
    inbox = many.config.file.parent / "inbox"
    everybody = {f"s{number:04d}" for number in range(COUNT)}
    for source_id in everybody:
        (inbox / source_id / "catalog").mkdir(parents=True)
        (inbox / source_id / "catalog" / "1.json").write_text(json.dumps({"source_id": source_id}))
    asked = requests(definitions, instance)
    assert all(len(runs) == 1 for runs in asked.values())
    named = [source_id for runs in asked.values() for run in runs for source_id in run]
    assert len(named) == COUNT
    assert set(named) == everybody


def test_a_source_stays_in_its_group_when_others_come_and_go(many: Platform) -> None:
    from cbcr_assets.steps.platform import open_platform

    sources = list(open_platform().config.sources.values())
    names = {sensor.name for sensor in source_sensors(sources)}
    assert {sensor.name for sensor in source_sensors(sources[::-1])} == names
    assert [s.name for s in source_sensors(sources[:3])] == [
        "source_s0000", "source_s0001", "source_s0002",
    ]  # fmt: skip


def test_an_unchanged_configuration_is_not_read_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cbcr_assets.steps.platform import open_running

    first = open_running().config
    monkeypatch.setattr("cbcr_assets.steps.platform.load_config", lambda *_, **__: 1 / 0)
    assert open_running().config is first
    monkeypatch.undo()
    monkeypatch.setenv("CBCR_CONFIG", str(platform.config.file))
    text = platform.config.file.read_text()
    platform.config.file.write_text(text.replace("every: 5s", "every: 7s"))
    assert open_running().config.sources["agents"].every_s == 7
