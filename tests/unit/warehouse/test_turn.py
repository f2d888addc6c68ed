"""Turns at the live file: CBCR's own writers queue, a killed one is no obstacle."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cbcr_assets.warehouse import FileWarehouse, WarehouseLocked
from cbcr_assets.warehouse.turn import holder, turn

OTHER = """
import sys
from pathlib import Path
from cbcr_assets.warehouse.turn import turn
with turn(Path(sys.argv[1]), who="a build of the models"):
    print("held", flush=True); sys.stdin.read()
"""
Started = subprocess.Popen[bytes]


@contextmanager
def another_writer(live: Path) -> Iterator[Started]:
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(live)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def warehouse(tmp_path: Path) -> FileWarehouse:
    return FileWarehouse(tmp_path / "w" / "cbcr.duckdb", tmp_path / "serving", wait_s=0.1)


def ends(process: Started) -> None:
    process.communicate()


def is_killed(process: Started) -> None:
    process.kill()


@pytest.mark.parametrize("leave", [ends, is_killed])
def test_a_writer_waits_for_another_one_longer_than_for_a_stranger(
    warehouse: FileWarehouse, leave: Callable[[Started], None]
) -> None:
    written_at: list[float] = []

    def write() -> None:
        with warehouse.write() as session:
            session.execute("insert into state.settings values ('a', 'x')")
        written_at.append(time.monotonic())

    with another_writer(warehouse.path) as process:
        waiting = threading.Thread(target=write)
        waiting.start()
        waiting.join(10 * warehouse.wait_s)
        assert waiting.is_alive()
        left_at = time.monotonic()
        leave(process)
        waiting.join(20)
    assert written_at
    assert written_at[0] > left_at


def test_who_waits_in_vain_learns_for_whom(tmp_path: Path) -> None:
    live = tmp_path / "cbcr.duckdb"
    with another_writer(live) as process:
        said = rf"a build of the models \(PID {process.pid}\)"
        with pytest.raises(WarehouseLocked, match=said), turn(live, who="me", queue_s=0.2):
            pass
    with turn(live, who="me", queue_s=5):
        assert holder(live).startswith("me ")
    assert not holder(live)


def test_a_turn_holds_several_writes_together(warehouse: FileWarehouse) -> None:
    with warehouse.turn("the watch lane"):
        for number in range(2):
            with warehouse.write() as session:
                session.execute(f"insert into state.settings values ('{number}', 'x')")
            asking = [sys.executable, "-c", ASKING, str(warehouse.path)]
            asked = subprocess.run(asking, capture_output=True, text=True, check=False)
            assert "the watch lane (PID" in asked.stderr
    subprocess.run(asking, check=True)


ASKING = """
import sys
from pathlib import Path
from cbcr_assets.warehouse.turn import turn
with turn(Path(sys.argv[1]), who="somebody", queue_s=0.1):
    pass
"""
