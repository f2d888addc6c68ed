"""A load gives what a plain fold of the same observations gives, however it is cut and repeated."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from cbcr_assets.records import Merge, raw_table, typed_frame
from cbcr_assets.warehouse import FileWarehouse, file

T0 = datetime(2026, 1, 1)
LEVELS = {"queued": 0, "running": 1, "lost": 2}
INTEGRITY = ("unchecked", "ok", "suspect", "corrupt")
Row = dict[str, Any]
calm = settings(
    deadline=None, max_examples=25, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


def knows(table: str, row: Row) -> tuple[int, datetime]:
    """How much an observation knows: its state, then when it was made."""
    if table not in ("backup_jobs", "backup_sets"):
        return 0, T0
    seen = row.get("last_seen_at") or datetime(1970, 1, 1)
    return (LEVELS.get(row["state"], 3) if table == "backup_jobs" else 0), seen


def folded(table: str, rows: list[Row]) -> Row:
    """Fold observations of one key; the later of equals knows better."""
    ranked = sorted(rows, key=lambda row: knows(table, row))  # stable: ties keep their order
    result: Row = {}
    for column in raw_table(table).columns:
        told = [row[column.name] for row in ranked]
        given = [value for value in told if value is not None]
        match column.merge:
            case Merge.REPLACE:
                result[column.name] = told[-1]
            case Merge.LEAST:
                result[column.name] = min(given, default=None)
            case Merge.GREATEST:
                result[column.name] = max(given, default=None)
            case Merge.WORST:
                result[column.name] = max(given, key=INTEGRITY.index, default=None)
            case _:
                result[column.name] = given[-1] if given else None
    return result


def expected(table: str, batches: list[list[Row]]) -> dict[Any, Row]:
    definition, held = raw_table(table), {}
    for batch in batches:
        for key in {tuple(row[k] for k in definition.key) for row in batch}:
            mine = [row for row in batch if tuple(row[k] for k in definition.key) == key]
            stored = [held[key]] if key in held else []
            held[key] = folded(table, stored + mine) if definition.merged else (stored + mine)[0]
    return held


TIMES = st.sampled_from([None, *(T0 + timedelta(hours=h) for h in (-87_600, 0, 1, 2, 3))])
KEYS = st.sampled_from(["a", "b", "c", "d", "ä", ""])
FIELDS: dict[str, dict[str, Any]] = {
    "backup_jobs": {
        "source_id": st.sampled_from(["s", "t"]), "attempt_key": KEYS,
        "state": st.sampled_from(["queued", "running", "lost", "succeeded", "failed"]),
        "started_at": TIMES, "source_bytes": st.sampled_from([None, 1, 2]),
        "worker": st.sampled_from([None, "w", "v"]), "first_seen_at": TIMES, "last_seen_at": TIMES,
    },
    "backup_sets": {
        "source_id": st.just("s"), "repo": st.sampled_from(["r", "q"]), "label": KEYS,
        "integrity": st.sampled_from([None, *INTEGRITY]), "unusable_from": TIMES,
        "lifecycle": st.sampled_from([None, "available", "expired"]), "last_seen_at": TIMES,
    },
    "instances": {
        "instance_id": KEYS, "team": st.sampled_from([None, "x", "y"]), "protect_from": TIMES,
        "exclusions": st.sampled_from([None, [], [{"start": T0, "stop": T0, "reason": "r"}]]),
    },
    "storage_samples": {
        "source_id": st.just("s"), "volume": KEYS, "sampled_at": st.just(T0),
        "used_bytes": st.sampled_from([None, 1, 2]),
    },
}  # fmt: skip


def whole(table: str, row: Row) -> Row:
    return dict.fromkeys(raw_table(table).polars_schema) | row


def rows_of(table: str) -> st.SearchStrategy[list[list[Row]]]:
    row = st.fixed_dictionaries(FIELDS[table]).map(lambda given: whole(table, given))
    return st.lists(st.lists(row, min_size=1, max_size=8), min_size=1, max_size=4)


def stored(session: Any, table: str) -> dict[Any, Row]:
    rows = session.query(f"select * exclude ingest_seq from raw.{table}").to_dicts()
    found = {tuple(row[k] for k in raw_table(table).key): row for row in rows}
    assert len(found) == len(rows), "a key is stored twice"
    return found


@pytest.mark.slow
@pytest.mark.parametrize("table", sorted(FIELDS))
@calm
@given(data=st.data(), apart=st.booleans())
def test_a_load_is_a_fold(
    tmp_path_factory: pytest.TempPathFactory, table: str, data: st.DataObject, apart: bool
) -> None:
    batches = data.draw(rows_of(table))
    folder = tmp_path_factory.mktemp("w")
    warehouse = FileWarehouse(folder / "w.duckdb", folder / "s")
    frames = [typed_frame(table, batch) for batch in batches]
    groups = [[frame] for frame in frames] if apart else [frames]
    for group in groups:
        with warehouse.write() as session:
            for frame in group:
                session.load(table, frame)
    with warehouse.write() as session:
        found = stored(session, table)
        assert found == expected(table, batches)
        marks = session.rows(f"select max(ingest_seq) from raw.{table}")
        assert session.load(table, frames[-1]).changed == 0
        assert stored(session, table) == found
        assert session.rows(f"select max(ingest_seq) from raw.{table}") == marks
    event(f"apart: {apart}")


def test_a_large_frame_is_merged_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "_MOST_ROWS", 3)
    rows = [
        whole("backup_jobs", {"source_id": "s", "attempt_key": str(n % 5), "state": state,
                              "last_seen_at": T0, "first_seen_at": T0, "source_bytes": n})
        for n, state in enumerate(["running"] * 5 + ["succeeded"] * 5)
    ]  # fmt: skip
    with FileWarehouse(tmp_path / "w.duckdb", tmp_path / "s").write() as session:
        result = session.load("backup_jobs", typed_frame("backup_jobs", rows))
        assert (result.seen, result.inserted) == (10, 5)
        assert stored(session, "backup_jobs") == expected("backup_jobs", [rows[:5], rows[5:]])
        assert session.load("backup_jobs", typed_frame("backup_jobs", rows)).changed == 0


def test_a_load_looks_at_the_keys_of_a_large_table_once(tmp_path: Path) -> None:
    with FileWarehouse(tmp_path / "w.duckdb", tmp_path / "s").write() as session:
        session.execute(
            "insert into raw.backup_jobs (source_id, attempt_key, state, source_bytes, ingest_seq)"
            " select 's', i::text, 'running', i, 1 from range(300000) t(i)"
        )
        said: list[str] = []
        run = session._run

        def listening(sql: str, parameters: Any = None) -> Any:
            said.append(sql)
            return run(sql, parameters)

        session._run = listening  # type: ignore[method-assign]
        rows = [
            {"source_id": "s", "attempt_key": key, "state": "succeeded", "last_seen_at": T0}
            for key in ("7", "299999", "new")
        ]
        result = session.load("backup_jobs", typed_frame("backup_jobs", rows))
        assert (result.inserted, result.updated) == (1, 2)
        reading = [sql for sql in said if "from raw.backup_jobs" in sql]
        by_id = [sql for sql in reading if "rowid in (select place_" in sql]
        assert len(reading) - len(by_id) == 1
        assert session.query("from raw.backup_jobs where state = 'succeeded'").height == 3
