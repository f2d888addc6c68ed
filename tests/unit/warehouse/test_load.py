"""Loading is idempotent, order does not matter, and a terminal state never goes back."""

from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cbcr_assets.records import RAW_TABLES, empty_frame, typed_frame
from cbcr_assets.warehouse import FileWarehouse, WarehouseError

T0 = datetime(2026, 1, 1)


def hours(count: float) -> datetime:
    return T0 + timedelta(hours=count)


def job(state: str, *, seen: float, key: str = "a1", **columns: object) -> pl.DataFrame:
    row = {
        "source_id": "s", "attempt_key": key, "state": state,
        "first_seen_at": hours(seen), "last_seen_at": hours(seen), **columns,
    }  # fmt: skip
    return typed_frame("backup_jobs", [row])


def backup_set(*, seen: float, **columns: object) -> pl.DataFrame:
    row = {
        "source_id": "s", "repo": "repo1", "label": "L",
        "first_seen_at": hours(seen), "last_seen_at": hours(seen), **columns,
    }  # fmt: skip
    return typed_frame("backup_sets", [row])


@pytest.fixture
def warehouse(tmp_path: Path) -> FileWarehouse:
    return FileWarehouse(tmp_path / "cbcr.duckdb", tmp_path / "serving", wait_s=0.5)


def test_the_same_batch_twice_changes_nothing(warehouse: FileWarehouse) -> None:
    with warehouse.write() as session:
        first = session.load("backup_jobs", job("succeeded", seen=1))
        before = session.query("from raw.backup_jobs")
        again = session.load("backup_jobs", job("succeeded", seen=1))
        assert session.query("from raw.backup_jobs").equals(before)
    assert (first.inserted, first.updated) == (1, 0)
    assert (again.inserted, again.updated) == (0, 0)


def test_a_later_sighting_alone_is_no_news_but_is_remembered(warehouse: FileWarehouse) -> None:
    with warehouse.write() as session:
        session.load("backup_jobs", job("succeeded", seen=1))
        result = session.load("backup_jobs", job("succeeded", seen=5))
        seen, sequence = session.rows("select last_seen_at, ingest_seq from raw.backup_jobs")[0]
    assert result.changed == 0
    assert seen == hours(5)
    assert sequence == 1


OBSERVED = [
    job("running", seen=1, started_at=hours(0), worker="w1"),
    job("succeeded", seen=2, finished_at=hours(2), backup_label="L"),
    job("running", seen=3, source_bytes=7),
]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_order_of_observations_gives_the_same_row(
    warehouse: FileWarehouse, order: tuple[int, ...]
) -> None:
    with warehouse.write() as session:
        for index in order:
            session.load("backup_jobs", OBSERVED[index])
        row = session.query("from raw.backup_jobs").drop("ingest_seq").to_dicts()[0]
    expected = {
        "state": "succeeded", "started_at": hours(0), "finished_at": hours(2), "worker": "w1",
        "backup_label": "L", "source_bytes": 7, "first_seen_at": hours(1), "last_seen_at": hours(3),
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_lost_gives_way_to_an_end_that_arrives_late(warehouse: FileWarehouse) -> None:
    with warehouse.write() as session:
        session.load("backup_jobs", job("lost", seen=9))
        session.load("backup_jobs", job("failed", seen=2, error_code="056"))
        assert session.rows("select state, error_code from raw.backup_jobs") == [("failed", "056")]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batch=st.lists(
        st.tuples(
            st.sampled_from(["queued", "running", "succeeded", "failed", "lost"]),
            st.integers(0, 9),
            st.sampled_from(["a1", "a2"]),
        ),
        min_size=1,
        max_size=8,
    )
)
@pytest.mark.slow
def test_a_terminal_state_never_goes_back(
    tmp_path_factory: pytest.TempPathFactory, batch: list[tuple[str, int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("w")
    terminal = {"succeeded", "failed"}
    reached: dict[str, bool] = {}
    with FileWarehouse(folder / "w.duckdb", folder / "s").write() as session:
        for state, seen, key in batch:
            session.load("backup_jobs", job(state, seen=seen, key=key))
            reached[key] = reached.get(key, False) or state in terminal
            states = dict(session.rows("select attempt_key, state from raw.backup_jobs"))
            assert all((states[name] in terminal) == is_done for name, is_done in reached.items())


def test_equal_keys_inside_one_batch_are_folded(warehouse: FileWarehouse) -> None:
    with warehouse.write() as session:
        result = session.load("backup_jobs", pl.concat(OBSERVED))
        assert session.rows("select count(*), min(state) from raw.backup_jobs") == [
            (1, "succeeded")
        ]
    assert (result.seen, result.inserted, result.updated) == (3, 1, 0)


def test_what_was_found_corrupt_stays_corrupt(warehouse: FileWarehouse) -> None:
    with warehouse.write() as session:
        session.load("backup_sets", backup_set(seen=1, integrity="ok", lifecycle="available"))
        session.load("backup_sets", backup_set(seen=2, integrity="corrupt"))
        session.load("backup_sets", backup_set(seen=3, integrity="ok", lifecycle="available"))
        assert session.rows("select integrity from raw.backup_sets") == [("corrupt",)]


def test_append_only_tables_keep_the_first_of_equal_keys(warehouse: FileWarehouse) -> None:
    sample = {"source_id": "s", "volume": "v", "sampled_at": T0}
    with warehouse.write() as session:
        frame = typed_frame("storage_samples", [{**sample, "used_bytes": n} for n in (1, 2)])
        assert session.load("storage_samples", frame).inserted == 1
        assert session.load("storage_samples", frame).inserted == 0
        assert session.rows("select used_bytes from raw.storage_samples") == [(1,)]


def test_maintenance_windows_survive_the_round_trip(warehouse: FileWarehouse) -> None:
    window = {"start": hours(1), "stop": hours(2), "reason": "move"}
    with warehouse.write() as session:
        rows = [{"instance_id": "i", "exclusions": [window]}]
        session.load("instances", typed_frame("instances", rows))
        assert session.query("from raw.instances")["exclusions"].to_list() == [[window]]


@pytest.mark.parametrize("table", [table.name for table in RAW_TABLES])
def test_every_table_takes_its_own_empty_frame_and_refuses_another(
    warehouse: FileWarehouse, table: str
) -> None:
    with warehouse.write() as session:
        assert session.load(table, empty_frame(table)).seen == 0
        with pytest.raises(WarehouseError, match=f"raw.{table}"):
            session.load(table, pl.DataFrame({"wrong": [1]}))


def test_ingest_sequences_grow_with_every_load_that_changes_something(
    warehouse: FileWarehouse,
) -> None:
    with warehouse.write() as session:
        session.load("backup_jobs", job("running", seen=1))
        session.load("backup_jobs", job("running", seen=1, key="a2"))
        session.load("backup_jobs", job("failed", seen=2))
        rows = dict(session.rows("select attempt_key, ingest_seq from raw.backup_jobs"))
    assert rows["a1"] > rows["a2"]


def test_what_a_replaced_attempt_said_is_remembered(warehouse: FileWarehouse) -> None:
    with warehouse.write() as session:
        session.load("backup_jobs", job("running", seen=1, instance_id="i", started_at=hours(1)))
        session.load("backup_jobs", job("running", seen=2))  # a sighting replaces nothing
        session.load("backup_jobs", job("succeeded", seen=3, started_at=hours(2)))
        session.load("backup_jobs", job("succeeded", seen=3, key="a2"))
        (old, new) = session.rows("select ingest_seq from raw.backup_jobs order by attempt_key")
        told = session.rows(
            "select source_id, attempt_key, instance_id, started_at, state, replaced_seq,"
            " ingest_seq from state.replaced_backup_jobs"
        )
    assert old < new
    assert told == [("s", "a1", "i", hours(1), "running", 1, old[0])]
