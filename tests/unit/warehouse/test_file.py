"""The file backend: one writer, atomic transactions, snapshots, clear errors."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from cbcr_assets.records import typed_frame
from cbcr_assets.warehouse import (
    FileWarehouse,
    WarehouseError,
    WarehouseLocked,
    WarehouseMissing,
    current,
)
from cbcr_assets.warehouse.query import guarded_query

NOW = datetime(2026, 1, 1, 12)
PULLS = typed_frame("pulls", [{"pull_id": "p1", "source_id": "s", "finished_at": NOW}])

HOLDER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1]); print("held", flush=True); sys.stdin.read()
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> FileWarehouse:
    return FileWarehouse(tmp_path / "cbcr.duckdb", tmp_path / "serving", keep=2, wait_s=0.3)


def count(warehouse: FileWarehouse) -> int:
    with warehouse.read() as session:
        return int(session.rows("select count(*) from raw.pulls")[0][0])


def test_an_exception_keeps_nothing(warehouse: FileWarehouse) -> None:
    with pytest.raises(ZeroDivisionError), warehouse.write() as session:  # noqa: PT012
        session.load("pulls", PULLS)
        raise ZeroDivisionError
    warehouse.publish(now=NOW)
    assert count(warehouse) == 0


def test_a_locked_warehouse_says_who_holds_it_and_what_to_do(warehouse: FileWarehouse) -> None:
    with warehouse.write():
        pass
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(warehouse.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        with (
            pytest.raises(WarehouseLocked, match=rf"PID {holder.pid}.*cbcr sql"),
            warehouse.write(),
        ):
            pass
    finally:
        holder.communicate()


def test_a_file_that_is_no_warehouse_is_refused_with_advice(warehouse: FileWarehouse) -> None:
    warehouse.path.write_bytes(b"this is not a database file, " * 200)
    with (
        pytest.raises(WarehouseError, match="cannot be opened as a warehouse"),
        warehouse.write(),
    ):
        pass


def test_a_newer_warehouse_is_refused(warehouse: FileWarehouse) -> None:
    with warehouse.write() as session:
        session.execute("insert into main.cbcr_migrations values (999, 'later', null)")
    with pytest.raises(WarehouseError, match="schema version 999"), warehouse.write():
        pass


def test_readers_need_a_published_snapshot(warehouse: FileWarehouse) -> None:
    with pytest.raises(WarehouseMissing, match="cbcr publish"):
        count(warehouse)


def test_a_snapshot_does_not_move_under_its_readers(warehouse: FileWarehouse) -> None:
    with warehouse.write() as session:
        session.load("pulls", PULLS)
    warehouse.publish(now=NOW)
    with warehouse.read() as reader:
        with warehouse.write() as session:
            session.execute("delete from raw.pulls")
        warehouse.publish(now=NOW)
        assert reader.rows("select count(*) from raw.pulls") == [(1,)]
    assert count(warehouse) == 0
    assert current(warehouse.serving).version == 2


def test_only_the_last_snapshots_are_kept(warehouse: FileWarehouse) -> None:
    for _ in range(4):
        snapshot = warehouse.publish(now=NOW)
    names = sorted(path.name for path in warehouse.serving.iterdir())
    assert names == ["CURRENT", "warehouse-3.duckdb", "warehouse-4.duckdb"]
    assert current(warehouse.serving) == snapshot


def test_a_failing_publish_leaves_the_version_before(
    warehouse: FileWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.publish(now=NOW)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cbcr_assets.warehouse.publish.shutil.copyfile", full)
    with pytest.raises(WarehouseError, match=r"No space left.*version before"):
        warehouse.publish(now=NOW)
    assert current(warehouse.serving).version == 1
    assert not list(warehouse.serving.glob("*.partial"))


def test_the_clock_can_be_set_to_any_moment(warehouse: FileWarehouse) -> None:
    warehouse.publish(now=NOW)
    with warehouse.read(as_of=NOW) as session:
        assert session.rows("select cbcr_now()") == [(NOW,)]
    with warehouse.live(as_of=NOW) as session:
        assert session.rows("select cbcr_now()") == [(NOW,)]


@pytest.mark.parametrize(
    "sql",
    [
        "drop table raw.pulls",
        "select 1; select 2",
        "copy (select 1) to 'x.csv'",
        "attach 'x.duckdb'",
        "select * from read_text('/etc/hostname')",
        "set threads = 1",
        "call enable_logging(storage = 'file')",
        "selec 1",
    ],
)
def test_the_query_guard_refuses_all_but_one_select(warehouse: FileWarehouse, sql: str) -> None:
    snapshot = warehouse.publish(now=NOW)
    with pytest.raises(WarehouseError):
        guarded_query(snapshot.path, sql, max_rows=10)


def test_the_query_guard_answers_a_select_up_to_the_limit(warehouse: FileWarehouse) -> None:
    snapshot = warehouse.publish(now=NOW)
    frame = guarded_query(snapshot.path, "select * from range(100) t(n)", max_rows=10)
    assert frame["n"].to_list() == list(range(10))


def test_a_warehouse_that_is_kept_open_is_written_again_and_let_go(tmp_path: Path) -> None:
    warehouse = FileWarehouse(tmp_path / "w.duckdb", tmp_path / "s", wait_s=0.2)
    script = f"import duckdb; duckdb.connect({str(warehouse.path)!r}).execute('from raw.pulls')"
    with warehouse.write():
        pass
    warehouse.keep_open()
    for number in range(3):
        with warehouse.write() as session:
            session.execute(f"insert into state.settings values ('{number}', 'x')")
    others = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert b"lock" in others.stderr
    warehouse.let_go()
    warehouse.let_go()
    subprocess.run([sys.executable, "-c", script], check=True)
    with warehouse.write() as session:
        assert session.rows("select count(*) from state.settings") == [(3,)]


def test_what_is_committed_while_kept_open_survives_a_kill(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from cbcr_assets.warehouse import FileWarehouse\n"
        "w = FileWarehouse(Path(sys.argv[1]), Path(sys.argv[1]).parent / 's'); w.keep_open()\n"
        "with w.write() as s: s.execute(\"insert into state.settings values ('a', 'x')\")\n"
        "os._exit(9)"
    )
    path = tmp_path / "w.duckdb"
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == 9
    with FileWarehouse(path, tmp_path / "s").write() as session:
        assert session.rows("select name from state.settings") == [("a",)]
