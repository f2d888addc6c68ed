"""Forecasts of volumes: the ladder down to an honest nothing, bad input, catalogs, what if."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from cbcr_assets.reports.capacity import WhatIf, capacity_forecasts, capacity_what_if
from cbcr_assets.steps import analytics
from cbcr_assets.warehouse import WarehouseError

pytestmark = pytest.mark.slow

NOW = datetime(2026, 6, 15, 12)
DAY = timedelta(days=1)
TODAY = datetime(2026, 6, 15)
GB = 10**9
SIZE = 1000 * GB
Row = dict[str, Any]


def sample(volume: str, ago: int, used: float, size: int | None = SIZE, source: str = "a") -> Row:
    """A sample at eight in the evening, `ago` days before today."""
    return {"source_id": source, "volume": volume, "used_bytes": int(used), "size_bytes": size,
            "sampled_at": TODAY - ago * DAY + timedelta(hours=20)}  # fmt: skip


def growing(volume: str, days: int = 400, least: int = 1, size: int | None = SIZE) -> list[Row]:
    """Half a gigabyte a day, 900 GB yesterday."""
    return [sample(volume, ago, 900 * GB - (ago - 1) * GB / 2, size) for ago in
            range(days, least - 1, -1)]  # fmt: skip


def backup(instance: str, kind: str, ago: int, size: int, keep: int) -> Row:
    """A set on volume `catalog`, begun `ago` days before today."""
    begun = TODAY - ago * DAY + timedelta(hours=1)
    gone = begun + keep * DAY
    return {
        "source_id": "a", "repo": "catalog", "label": f"{instance}-{kind}-{ago}",
        "instance_id": instance, "native_instance": instance, "backup_type": kind,
        "started_at": begun, "finished_at": begun + timedelta(hours=1), "repo_bytes": size,
        "expires_at": gone, "lifecycle": "expired" if gone <= NOW else "available",
        "first_seen_at": begun, "unusable_from": gone if gone <= NOW else None,
    }  # fmt: skip


def policy(ago: int) -> Iterator[Row]:
    """What a day brings: a full a week, kept for four, and daily increments, kept for ten days."""
    if ago % 7 == 3:
        yield backup("orders", "full", ago, 70 * GB, 28)
    else:
        yield backup("orders", "incr", ago, 3 * GB, 10)
    yield backup("crm", "dump", ago, 5 * GB, 14)


def held(ago: int) -> int:
    """Bytes of the policy that are there at the end of a day, other 10 GB beside them."""
    rows = [row for day in range(ago, ago + 40) for row in policy(day)]
    end = TODAY - (ago - 1) * DAY
    return 10 * GB + sum(row["repo_bytes"] for row in rows if row["expires_at"] >= end)


def volumes() -> list[Row]:
    rows = [
        *(sample(f"days{days}", ago, (500 - ago) * GB) for days in (1, 2, 13, 14)
          for ago in range(days, 0, -1)),
        *(sample("constant", ago, 500 * GB) for ago in range(400, 0, -1)),
        *(sample("shrinking", ago, 500 * GB + ago * GB) for ago in range(400, 0, -1)),
        *(sample("noisy", ago, (500 + 2 * (ago % 3)) * GB) for ago in range(400, 0, -1)),
        *growing("growing"),
        *(sample("full", ago, SIZE - (ago - 1) % 2) for ago in range(60, 0, -1)),
        *(row for row in growing("gaps")
          if row["sampled_at"].day % 3 and not 30 < (TODAY - row["sampled_at"]).days < 37),
        *growing("expanded", least=11, size=950 * GB),
        *(row for row in growing("expanded", days=10, size=2000 * GB)),
        *growing("stale", least=4),
        *growing("boundless", size=None),
        *growing("kib_day"),
        *growing("kib_since"),
        *growing("spike", least=2),
        sample("spike", 1, 985 * GB),
        *growing("old_name", least=10),
        *growing("new_name", days=9),
        *growing("forgotten", least=40),
        *growing("goodbye", least=33),
        # The same volume by two sources: the newest sample of each day counts.
        *growing("twice"),
        *(sample("twice", ago, 1, source="b") | {"sampled_at": TODAY - ago * DAY} for ago in
          range(60, 1, -1)),
        *(sample("catalog", ago, held(ago), 500 * GB) for ago in range(150, 0, -1)),
    ]  # fmt: skip
    for row in rows:
        ago = (TODAY + DAY - row["sampled_at"]).days
        if (row["volume"], ago) == ("kib_day", 90) or (row["volume"] == "kib_since" and ago <= 5):
            row |= {"used_bytes": row["used_bytes"] // 1024, "size_bytes": SIZE // 1024}
    return rows


def build(built: Any, *options: str, now: datetime = NOW) -> None:
    analytics.prepare(built.platform)
    rules = ("sla_storage_nearly_full", "sla_storage_full_soon", "sla_forecast_stale")
    # With all that they rest on, and nothing that rests on them, such as health.
    chosen = ["+path:models/marts/capacity", *(f"+{rule}" for rule in rules)]
    words = ["build", "--vars", f"{{cbcr_as_of: '{now}'}}", *options]
    report = analytics.dbt(built.platform, [*words, "--select", *chosen])
    assert report.ok, report.output


@pytest.fixture(scope="module")
def built(make_built: Callable[[], Any]) -> Any:
    platform = make_built()
    rows = volumes()
    wild = growing("shuffled")
    random.Random(4).shuffle(wild)
    sets = [row for ago in range(150, 0, -1) for row in policy(ago)]
    # out of order, and twice
    platform.load({"storage_samples": [*rows[::2], *wild]})
    platform.load({"storage_samples": [*rows[1::2], *rows[::3], *wild[::2]], "backup_sets": sets})
    platform.load(
        {
            "instances": [
                {"instance_id": name, "storage_volume": volume, "team": "core"}
                for name, volume in (("orders", "catalog"), ("crm", "catalog"), ("x", "nowhere"))
            ]
        }
    )
    build(platform)
    return platform


@pytest.fixture(scope="module")
def told(built: Any) -> dict[str, dict[str, Any]]:
    with built.platform.warehouse.live(as_of=NOW) as session:
        rows = session.query("select * from marts.fct_capacity_forecast").to_dicts()
    return {row["volume"]: row for row in rows}


def test_the_ladder_down_to_an_honest_nothing(told: dict[str, dict[str, Any]]) -> None:
    assert {volume: row["status"] for volume, row in told.items()} == {
        "days1": "insufficient_history", "days2": "insufficient_history",
        "days13": "insufficient_history", "days14": "filling", "constant": "not_filling",
        "shrinking": "not_filling", "noisy": "not_filling", "growing": "filling", "full": "full",
        "gaps": "filling", "expanded": "filling", "stale": "stale",
        "boundless": "unknown_capacity", "kib_day": "filling", "kib_since": "stale",
        "spike": "filling", "old_name": "stale", "new_name": "insufficient_history",
        "goodbye": "stale", "twice": "filling", "shuffled": "filling", "catalog": "not_filling",
        "nowhere": "insufficient_history",
    }  # fmt: skip
    assert {volume: row["method"] for volume, row in told.items() if row["method"]} == {
        "days14": "line", "constant": "drift", "shrinking": "drift", "noisy": "drift",
        "growing": "drift", "gaps": "drift", "expanded": "drift", "kib_day": "drift",
        "spike": "drift", "twice": "drift", "shuffled": "drift", "catalog": "structural",
    }  # fmt: skip
    for row in told.values():
        dates = [row[f"days_to_full_{name}"] for name in ("p10", "p50", "p90")]
        assert all(days is None or 0 <= days <= 366 for days in dates)
        if row["status"] not in ("full", "filling", "not_filling"):
            assert dates == [None, None, None]
        assert row["reason"]
    assert told["full"]["days_to_full_p50"] == 0


def test_a_date_is_where_the_drift_meets_the_capacity(told: dict[str, dict[str, Any]]) -> None:
    # 900 + 0.9 * 0.5 * (h - 3) = 1000 after 225.2 days; a day's peak counts at its end
    row = told["growing"]
    assert row["full_at_p50"] - TODAY == pytest.approx(225.2 * DAY, abs=0.1 * DAY)
    assert row["full_at_p10"] < row["full_at_p50"]
    assert row["full_at_p90"] is None or row["full_at_p90"] > row["full_at_p50"]
    assert row["growth_bytes_day"] == pytest.approx(0.45 * GB)


@pytest.mark.parametrize("other", ["gaps", "kib_day", "shuffled", "twice", "spike"])
def test_bad_input_does_not_move_the_date(told: dict[str, dict[str, Any]], other: str) -> None:
    # A last day that stands out tilts the mean of its week a little, and no more.
    most = 40 * DAY if other == "spike" else 3 * DAY
    assert abs(told[other]["full_at_p50"] - told["growing"]["full_at_p50"]) <= most


def test_a_wrong_unit_is_left_out_and_said(told: dict[str, dict[str, Any]]) -> None:
    assert told["kib_day"]["suspect_days"] == 1
    assert told["kib_since"]["suspect_days"] == 5
    assert "another unit" in told["kib_since"]["reason"]
    assert told["kib_since"]["used_bytes"] > 800 * GB


def test_more_room_moves_the_date_and_not_the_trend(told: dict[str, dict[str, Any]]) -> None:
    row = told["expanded"]
    assert (row["size_bytes"], row["size_before_bytes"]) == (2000 * GB, 950 * GB)
    assert row["resized_on"] == (TODAY - 10 * DAY).date()
    assert row["growth_bytes_day"] == pytest.approx(0.45 * GB)
    assert row["days_to_full_p50"] is None
    assert "resized on 2026-06-05 from 950.0 GB" in row["reason"]


def test_a_policy_that_goes_on_is_foretold_to_the_byte(built: Any) -> None:
    path = built.query(
        "select horizon_day, mean_bytes from marts.fct_capacity_forecast_daily"
        " where volume = 'catalog' order by 1"
    )
    assert len(path) == 365
    for day, mean in path:
        assert mean == pytest.approx(held(1 - day), abs=1000), day


def test_rules_see_unknown_and_say_goodbye(built: Any) -> None:
    rows = built.query(
        "select rule, subject_id, status from live.sla_evaluations where rule in"
        " ('storage_nearly_full', 'storage_full_soon', 'forecast_stale')",
        as_of=NOW,
    )
    found = {(rule, volume): status for rule, volume, status in rows}
    assert found["storage_nearly_full", "full"] == "breached"
    assert found["storage_full_soon", "full"] == "breached"
    assert found["storage_nearly_full", "growing"] == "approaching"
    for volume in ("boundless", "nowhere", "stale", "kib_since"):
        assert found["storage_full_soon", volume] == "unknown"
        assert found["storage_nearly_full", volume] == "unknown"
    assert found["forecast_stale", "stale"] == "breached"
    assert found["forecast_stale", "nowhere"] == "unknown"
    assert ("forecast_stale", "forgotten") not in found
    assert {found[rule, "goodbye"] for rule, _ in found} == {"ok"}


def test_nothing_asked_is_the_forecast_itself(built: Any) -> None:
    with built.platform.warehouse.live(as_of=NOW) as session:
        now = {row["volume"]: row for row in capacity_forecasts(session).to_dicts()}
        then = {row["volume"]: row for row in capacity_what_if(session, WhatIf()).to_dicts()}
    assert now.keys() == then.keys()
    for volume, row in now.items():
        assert then[volume]["status"] == row["status"], volume
        assert then[volume]["full_at_p10"] == row["full_at_p10"], volume
        assert then[volume]["full_at_p50"] == row["full_at_p50"], volume


def test_what_if(built: Any) -> None:
    def ask(**words: Any) -> dict[str, Any]:
        with built.platform.warehouse.live(as_of=NOW) as session:
            (row,) = capacity_what_if(session, WhatIf(**words)).to_dicts()
        return dict(row)

    # Twice as much growth is half the time, and more room is more of it.
    half = ask(volume="growing", growth_share=1.0)
    assert half["full_at_p50"] - TODAY == pytest.approx(112 * DAY, abs=3 * DAY)
    wide = ask(volume="growing", expand_bytes=20 * GB)
    assert wide["full_at_p50"] - TODAY == pytest.approx((225.2 + 20 / 0.45) * DAY, abs=0.1 * DAY)
    less = ask(volume="growing", expand_bytes=-200 * GB)
    assert less["status"] == "full"
    # Kept for 28 days more: four fulls, 24 increments and 28 dumps more.
    longer = ask(volume="catalog", retention_days=28)
    more = 4 * 70 + 24 * 3 + 28 * 5
    assert longer["used_in_a_year_bytes"] == pytest.approx(held(-364) + more * GB, abs=6 * GB)
    shorter = ask(volume="catalog", retention_days=-7)
    assert shorter["used_in_a_year_bytes"] < held(-364) - 100 * GB
    # Ten more like crm: 14 dumps of 5 GB each
    onboarded = ask(onboard=10, like="crm")
    assert onboarded["volume"] == "catalog"
    assert onboarded["used_in_a_year_bytes"] == pytest.approx(held(-364) + 700 * GB, abs=GB)
    assert onboarded["full_at_p50"] is not None
    with pytest.raises(WarehouseError, match="nobody knows how 'x' is backed up"):
        ask(onboard=1, like="x")


def test_roll_ups_name_the_first_that_is_full(built: Any) -> None:
    (fleet,) = built.query(
        "select volumes, full_volumes, unknown_volumes, first_full_volume"
        " from marts.fct_capacity_rollup where scope = 'fleet'"
    )
    assert fleet == (23, 1, 10, "full")
    (repository,) = built.query(
        "select instances, sets, held_bytes, volume_status from marts.fct_capacity_repositories"
    )
    rows = [row for ago in range(1, 60) for row in policy(ago)]
    there = [row["repo_bytes"] for row in rows if row["expires_at"] >= TODAY + DAY]
    assert repository[:3] == (2, len(there), sum(there))
    assert repository[3] == "not_filling"


def test_back_tests_are_made_once_and_equal_a_full_refresh(built: Any) -> None:
    query = "select * from marts.fct_capacity_backtest order by all"
    before = built.query(query)
    assert len({row[:2] for row in before}) > 50
    marks = built.query("select count(*) from intermediate.int_capacity_backtests")
    build(built)
    assert built.query("select count(*) from intermediate.int_capacity_backtests") == marks
    assert built.query(query) == before
    build(built, "--full-refresh")
    assert built.query(query) == before
