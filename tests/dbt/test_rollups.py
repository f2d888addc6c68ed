"""Rollups of samples: incremental equals made at once, and nothing that is known is lost."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from cbcr_assets.quality import release
from cbcr_assets.steps import analytics
from cbcr_assets.steps.retention import retain

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
THINGS = {"storage": "volume", "network": "link", "queue": "queue", "worker": "pool"}
MARTS = [f"fct_{name}_{unit}" for name in THINGS for unit in ("hourly", "daily")]
Row = dict[str, Any]


def one(name: str, thing: str, at: datetime, dice: random.Random) -> Row:
    """A sample, with gaps in what it says."""
    key = {"source_id": "a", THINGS[name]: thing, "sampled_at": at}
    size, rate = dice.randrange(10**9, 10**13), dice.uniform(0, 9e8)
    values: dict[str, Row] = {
        "storage": {"size_bytes": size, "used_bytes": size // 3, "avail_bytes": size // 2},
        "network": {"rx_bytes_s": rate, "tx_bytes_s": rate / 3, "error_rate": dice.random(),
                    "capacity_bytes_s": dice.choice([None, 1e9])},
        "queue": {"depth": dice.randrange(50), "oldest_wait_s": rate, "done_per_s": dice.random()},
        "worker": {"busy": dice.randrange(8), "total": dice.choice([0, 8, None]),
                   "last_heartbeat_at": at},
    }  # fmt: skip
    return key | {k: v for k, v in values[name].items() if dice.random() > 0.1}


def samples(seed: int, *, hours: int) -> dict[str, list[Row]]:
    """Samples of two things a table, about every twenty minutes."""
    dice = random.Random(seed)
    found: dict[str, list[Row]] = {}
    for name in THINGS:
        rows = found.setdefault(f"{name}_samples", [])
        for thing in ("x", "y"):
            at = START + timedelta(seconds=dice.randrange(600))
            while at < START + HOUR * hours:
                rows.append(one(name, thing, at, dice))
                at += timedelta(seconds=dice.choice([60, 1200, 1800, 9000]))
    return found


def pieces(rows: dict[str, list[Row]], seed: int, *, count: int) -> Iterator[dict[str, list[Row]]]:
    """The rows in a wild order, some of them twice."""
    dice = random.Random(seed)
    for number in range(count):
        yield {
            table: [r for i, r in enumerate(all_) if i % count == number or dice.random() < 0.05]
            for table, all_ in rows.items()
        }


@pytest.fixture
def run(make_built: Callable[[], Any]) -> Callable[..., Any]:
    """Build the rollups of a platform, a new one if none is given, after loading rows."""

    def build(rows: dict[str, list[Row]], built: Any = None, *options: str) -> Any:
        built = built or make_built()
        built.load(rows)
        # Only what there are samples of, for the sake of time.
        known = {f"{name}_samples" for name in THINGS} & rows.keys()
        built.rolled = known | getattr(built, "rolled", set())
        analytics.prepare(built.platform)
        names = [table.removesuffix("_samples") for table in sorted(built.rolled)]
        chosen = [f"stg_{name}_samples" for name in names]
        chosen += [mart for mart in MARTS if mart.split("_")[1] in names]
        arguments = ["build", *options, "--select", *chosen]
        report = analytics.dbt(built.platform, arguments)
        assert report.ok, report.output
        return built

    return build


def told(built: Any, *, but_seq: bool = True) -> dict[str, list[tuple[Any, ...]]]:
    leave = " exclude (ingest_seq)" if but_seq else ""
    return {mart: built.query(f"select *{leave} from marts.{mart} order by all") for mart in MARTS}


def fill(at: datetime, used: int, volume: str = "v") -> Row:
    return {"source_id": "a", "volume": volume, "sampled_at": at, "used_bytes": used,
            "size_bytes": 1000, "avail_bytes": 1000 - used}  # fmt: skip


def hours(built: Any) -> list[tuple[Any, ...]]:
    return built.query("select hour, used_bytes, samples from marts.fct_storage_hourly order by 1")


def test_built_in_pieces_equals_built_at_once_row_for_row(run: Callable[..., Any]) -> None:
    rows = samples(1, hours=60)
    at_once = run(rows)
    by_piece = None
    for piece in pieces(rows, 2, count=4):
        by_piece = run(piece, by_piece)
    expected = told(at_once)
    assert min(len(found) for found in expected.values()) >= 6
    assert told(by_piece) == expected
    # A full refresh of the same table agrees with both, to the last digit and mark.
    before = told(by_piece, but_seq=False)
    run({}, by_piece, "--full-refresh")
    assert told(by_piece, but_seq=False) == before


def test_a_build_without_news_reads_and_changes_nothing(run: Callable[..., Any]) -> None:
    built = run(samples(3, hours=6))
    before = told(built, but_seq=False)
    run({}, built)
    assert told(built, but_seq=False) == before


def test_what_is_said_of_a_bucket(run: Callable[..., Any]) -> None:
    minutes = [timedelta(minutes=n) for n in (0, 10, 20, 50)]
    built = run({
        "storage_samples": [
            fill(START, 900), fill(START + 10 * HOUR, 100),
            {"source_id": "a", "volume": "v", "sampled_at": START + 11 * HOUR},
        ],
        "network_samples": [
            {"source_id": "a", "link": "l", "sampled_at": START + minute, "rx_bytes_s": rx,
             "tx_bytes_s": 10.0, "capacity_bytes_s": 200.0}
            for minute, rx in zip(minutes, (0.0, 50.0, 100.0, 150.0), strict=True)
        ],
        "queue_samples": [
            {"source_id": "a", "queue": "q", "sampled_at": START + minute, "depth": depth,
             "oldest_wait_s": depth * 60.0}
            for minute, depth in zip(minutes, (4, 0, 7, 1), strict=True)
        ],
        "worker_samples": [
            {"source_id": "a", "pool": "p", "sampled_at": START + minute, "busy": 2,
             "total": total, "last_heartbeat_at": START + minute}
            for minute, total in zip(minutes, (0, 4, 8, None), strict=True)
        ],
    })  # fmt: skip
    # What the last sample does not say does not hide what the one before said.
    assert built.query(
        "select used_bytes, min_used_bytes, max_used_bytes, size_bytes, avail_bytes,"
        " min_avail_bytes, samples, first_sampled_at, last_sampled_at from marts.fct_storage_daily"
    ) == [(100, 100, 900, 1000, 900, 100, 3, START, START + 11 * HOUR)]
    assert built.query(
        "select mean_rx_bytes_s, round(p95_rx_bytes_s, 6), max_rx_bytes_s, mean_utilisation,"
        " max_utilisation, capacity_bytes_s, mean_error_rate, coverage"
        " from marts.fct_network_hourly"
    ) == [(75.0, 142.5, 150.0, 0.3875, 0.75, 200.0, None, 0.75)]
    assert built.query("select coverage from marts.fct_network_daily") == [(3 / 96,)]
    assert built.query(
        "select depth, mean_depth, max_depth, max_wait_s, mean_done_per_s"
        " from marts.fct_queue_hourly"
    ) == [(1, 3.0, 7, 420.0, None)]
    # No workers at all is neither idle nor busy; an unknown number gives no share.
    assert built.query(
        "select mean_busy_ratio, max_busy_ratio, total, min_total, last_heartbeat_at"
        " from marts.fct_worker_hourly"
    ) == [(0.375, 0.5, 8, 0, START + minutes[-1])]


def test_a_row_outlives_its_samples(run: Callable[..., Any]) -> None:
    built = run({"storage_samples": [fill(START, 1), fill(START + HOUR / 2, 2),
                                     fill(START + DAY, 3)]})  # fmt: skip
    made = hours(built)
    removed = retain(built.platform, now=START + 91 * DAY).filter(table="raw.storage_samples")
    assert removed["rows"].item() == 2

    # Late for an hour whose samples are gone: it stays as it is. For one never seen: it is told.
    late = [fill(START + HOUR / 4, 7), fill(START + HOUR * 3 / 4, 8), fill(START + 5 * HOUR, 9)]
    run({"storage_samples": late}, built)
    expected = sorted([*made, (START + 5 * HOUR, 9, 1)])
    assert hours(built) == expected
    assert built.query("select samples from marts.fct_storage_daily order by day") == [(2,), (1,)]

    run({"storage_samples": [fill(START + 5 * HOUR + HOUR / 2, 10)]}, built)
    expected[1] = (START + 5 * HOUR, 10, 2)
    assert hours(built) == expected
    run({}, built, "--full-refresh")
    assert hours(built) == expected

    with built.platform.warehouse.write() as session:
        session.execute("delete from raw.storage_samples")
    run({}, built, "--full-refresh")
    assert hours(built) == expected

    # What is imported again in part proves nothing; once all is there again, so is what came late.
    run({"storage_samples": [fill(START, 1), *late]}, built)
    assert hours(built) == expected
    run({"storage_samples": [fill(START + HOUR / 2, 2)]}, built)
    expected[0] = (START, 8, 4)
    assert hours(built) == expected


def test_a_full_refresh_carries_rows_of_an_older_shape(run: Callable[..., Any]) -> None:
    built = run({"storage_samples": [fill(START, 1), fill(START + DAY, 3)]})
    made = hours(built)
    with built.platform.warehouse.write() as session:
        session.execute(f"delete from raw.storage_samples where sampled_at < '{START + DAY}'")
        session.execute("alter table marts.fct_storage_hourly drop column mean_used_bytes")
        session.execute("alter table marts.fct_storage_hourly add column was integer default 1")
    run({}, built, "--full-refresh")
    assert hours(built) == made
    assert built.query(
        "select mean_used_bytes from marts.fct_storage_hourly order by hour"
    ) == [(None,), (3.0,)]  # fmt: skip


def test_a_refused_sample_leaves_its_hour_and_comes_back(run: Callable[..., Any]) -> None:
    wrong = START + HOUR / 2
    built = run({"storage_samples": [fill(START, 1), fill(wrong, 999), fill(wrong + HOUR, 5)]})
    made = hours(built)

    def refuse(number: int, at: datetime) -> Row:
        return {"quarantine_id": f"{number}", "table_name": "storage_samples", "rule": "r",
                "native_id": f'["a", "v", "{at}"]', "observed_at": START}  # fmt: skip

    run({"quarantine": [refuse(1, wrong), refuse(2, wrong + HOUR)]}, built)
    # One hour is made of what is left; nothing is left of the other.
    assert hours(built) == [(START, 1, 1)]
    assert built.query("select used_bytes, samples from marts.fct_storage_daily") == [(1, 1)]

    with built.platform.warehouse.write() as session:
        assert release(session, "1", now=START)
        assert release(session, "2", now=START)
    run({}, built)
    assert hours(built) == made

    # Refused and released between two builds: the hour goes on.
    later = fill(START + HOUR * 3 / 4, 6)
    built.load({"quarantine": [refuse(3, wrong)]})
    with built.platform.warehouse.write() as session:
        assert release(session, "3", now=START)
    run({"storage_samples": [later]}, built)
    made[0] = (START, 6, 3)
    assert hours(built) == made

    # What is refused after its samples are gone cannot be taken out any more: the row stays.
    with built.platform.warehouse.write() as session:
        session.execute("delete from raw.storage_samples")
    run({"quarantine": [refuse(4, wrong)]}, built)
    assert hours(built) == made
