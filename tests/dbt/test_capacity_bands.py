"""Bands of forecasts: that they hold what they promise, and where an append-only store's begin."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

import pytest

from cbcr_assets.steps import analytics

pytestmark = pytest.mark.slow

NOW = datetime(2026, 6, 15, 12)
DAY = timedelta(days=1)
TODAY = datetime(2026, 6, 15)
GB = 10**9
Row = dict[str, Any]


def sample(volume: str, ago: int, used: float) -> Row:
    """A sample at eight in the evening, `ago` days before today."""
    return {"source_id": "a", "volume": volume, "used_bytes": int(used), "size_bytes": 1000 * GB,
            "sampled_at": TODAY - ago * DAY + timedelta(hours=20)}  # fmt: skip


def full(ago: int, size: int, keep: int) -> Row:
    """A full on volume `catalog`, begun `ago` days before today."""
    begun = TODAY - ago * DAY + timedelta(hours=1)
    gone = begun + keep * DAY
    return {
        "source_id": "a", "repo": "catalog", "label": f"full-{ago}", "backup_type": "full",
        "instance_id": "orders", "native_instance": "orders", "repo_bytes": size,
        "started_at": begun, "finished_at": begun + timedelta(hours=1), "first_seen_at": begun,
        "expires_at": gone, "lifecycle": "expired" if gone <= NOW else "available",
        "unusable_from": gone if gone <= NOW else None,
    }  # fmt: skip


def build(built: Any) -> None:
    analytics.prepare(built.platform)
    words = ["run", "--vars", f"{{cbcr_as_of: '{NOW}'}}", "--select"]
    report = analytics.dbt(
        built.platform, [*words, "+fct_capacity_forecast", "+fct_capacity_backtest"]
    )
    assert report.ok, report.output


@pytest.fixture(scope="module")
def foretold(make_built: Callable[[], Any]) -> tuple[Any, dict[str, list[float]]]:
    """Sixty volumes that wander, sixty that only grow, by bursts; one that fell: and what came."""
    chance, truth, rows = random.Random(5), {}, []
    for number in range(60):
        wandering, bursts = 300.0, 300.0
        pace = chance.uniform(0, 0.8)
        paths: dict[str, list[float]] = {f"v{number:02d}": [], f"store{number:02d}": []}
        for _ in range(490):
            wandering += pace * chance.expovariate(1) + chance.gauss(0, 0.4)
            bursts += pace * chance.expovariate(0.1) if chance.random() < 0.1 else 0
            for name, level in zip(paths, (wandering, bursts), strict=True):
                paths[name].append(int(level * GB))
        for name, path in paths.items():
            truth[name] = path[400:]
            rows += [sample(name, 400 - day, used) for day, used in enumerate(path[:400])]
    rows += [sample("fell", ago, (500 - ago - 200 * (ago < 5)) * GB) for ago in range(400, 0, -1)]
    built = make_built()
    built.load({"storage_samples": rows})
    build(built)
    return built, truth


@pytest.mark.parametrize("kind", ["v", "store"])
def test_bands_hold_what_they_promise(
    foretold: tuple[Any, dict[str, list[float]]], kind: str
) -> None:
    built, truth = foretold
    inside: dict[str, list[bool]] = {"80": [], "95": [], "early": []}
    for volume, day, *edges, high in built.query(
        "select volume, horizon_day, lo80_bytes, hi80_bytes, lo95_bytes, hi95_bytes, p90_bytes"
        " from marts.fct_capacity_forecast_daily where horizon_day <= 90 and"
        f" regexp_full_match(volume, '{kind}\\d+')"
    ):
        inside["80"].append(edges[0] <= truth[volume][day - 1] <= edges[1])
        inside["95"].append(edges[2] <= truth[volume][day - 1] <= edges[3])
        inside["early"].append(truth[volume][day - 1] <= high)
    assert len(inside["80"]) == 60 * 90
    assert 0.72 <= fmean(inside["80"]) <= 0.88
    assert 0.9 <= fmean(inside["95"]) <= 1
    assert 0.82 <= fmean(inside["early"]) <= 0.98


def test_what_never_fell_has_a_band_that_opens_upwards_only(
    foretold: tuple[Any, dict[str, list[float]]],
) -> None:
    built, truth = foretold
    rows = built.query(
        "select volume, horizon_day, lo95_bytes, lo80_bytes, mean_bytes, hi80_bytes, p90_bytes,"
        " hi95_bytes, p10_bytes, used_bytes from marts.fct_capacity_forecast_daily"
        " inner join marts.fct_capacity_forecast using (volume) where volume like 'store%'"
    )
    on_the_edge = 0
    for volume, day, *edges, low, used in rows:
        assert edges[0] == edges[1] == used, (volume, day)
        assert edges == sorted(edges)
        assert used <= low <= edges[2]
        on_the_edge += day <= 90 and truth[volume][day - 1] == used
    # What is written nothing to lies on the edge: that is within, and not rare.
    assert on_the_edge > 100


def test_what_once_fell_may_fall_again(foretold: tuple[Any, dict[str, list[float]]]) -> None:
    built, _ = foretold
    assert built.query(
        "select bool_and(lo80_bytes < mean_bytes and lo95_bytes < lo80_bytes)"
        " from marts.fct_capacity_forecast_daily where volume = 'fell' and horizon_day > 1"
    ) == [(True,)]
    kinds = built.query(
        "select kind, min(origin), max(origin) from intermediate.int_capacity_errors"
        " where volume = 'fell' group by kind"
    )
    assert [kind for kind, *_ in kinds] == ["rising"], "it had not fallen on any day of a back-test"
    # It was not foreseen: those that ended after the fall are outside.
    ended_after = built.query(
        "select within_80 or within_95 from marts.fct_capacity_backtest where volume = 'fell'"
        " and forecast_on + horizon_day >= date '2026-06-11'"
    )
    assert ended_after
    assert not any(within for (within,) in ended_after)


def test_the_end_of_the_newest_full_is_not_taken_at_its_word(
    make_built: Callable[[], Any],
) -> None:
    """A catalog says the end of a full by the increments that are there; more will come."""
    rows, used = [], dict.fromkeys(range(120, -40, -1), 0)
    for begun in range(147, -40, -7):
        until = begun - 6 - 21
        rows.append(full(begun, 70 * GB, begun - until))
        for ago in used:
            used[ago] += 70 * GB * (until < ago <= begun)
    known = [row for row in rows if row["started_at"] < TODAY]
    newest = known[-1]
    newest["expires_at"] = newest["started_at"] + 21 * DAY
    built = make_built()
    built.load(
        {
            "storage_samples": [sample("catalog", ago, used[ago]) for ago in range(120, 0, -1)],
            "backup_sets": known,
            "instances": [{"instance_id": "orders", "storage_volume": "catalog"}],
        }
    )
    build(built)
    path = built.query(
        "select horizon_day, mean_bytes from marts.fct_capacity_forecast_daily"
        " where method = 'structural' and horizon_day < 39 order by 1"
    )
    assert [round(mean / GB) for _, mean in path] == [used[1 - day] // GB for day, _ in path]
    assert len(path) == 38
