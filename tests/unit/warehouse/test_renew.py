"""A snapshot made of an old one is the live file, byte for byte; who reads is not disturbed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from cbcr_assets.warehouse import FileWarehouse, connect, current
from cbcr_assets.warehouse.renew import renew

NOW = datetime(2026, 1, 1, 12)
KEEP = 2
READER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True); print("open", flush=True); sys.stdin.readline()
print(con.execute("select sum(n) from main.numbers").fetchone()[0], flush=True)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs Linux")


@pytest.fixture
def warehouse(tmp_path: Path) -> FileWarehouse:
    """A warehouse of some blocks, published as often as versions are kept."""
    made = FileWarehouse(tmp_path / "cbcr.duckdb", tmp_path / "serving", keep=KEEP)
    with made.write() as session:
        session.execute(
            "create table main.numbers as select hash(n) % 1000000 as n from range(900000) as r(n)"
        )
    for number in range(KEEP):
        publish(made, number)
    return made


def publish(warehouse: FileWarehouse, number: int) -> Path:
    with warehouse.write() as session:
        session.execute(f"insert into main.numbers values ({number})")
    return warehouse.publish(now=NOW).path


def version(warehouse: FileWarehouse, number: int) -> Path:
    return warehouse.serving / f"warehouse-{number}.duckdb"


def test_a_renewed_snapshot_is_the_live_file(warehouse: FileWarehouse) -> None:
    oldest = version(warehouse, 1).stat().st_ino
    for number in range(KEEP, 8):
        if number == 4:
            with warehouse.write() as session:
                session.execute("delete from main.numbers where n % 3 = 0")
        if number == 5:
            with warehouse.write() as session:
                session.execute("create table main.more as select range as n from range(900000)")
        if number == 6:
            with warehouse.write() as session:
                session.execute("drop table main.more")
        path = publish(warehouse, number)
        assert path.read_bytes() == warehouse.path.read_bytes()
        assert len(list(warehouse.serving.glob("warehouse-*.duckdb"))) == KEEP
    assert version(warehouse, 7).stat().st_ino == oldest


def test_only_what_changed_is_written(
    warehouse: FileWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def counted(target: int, source: int, offset: int, count: int) -> int:
        sent = os.pwrite(target, os.pread(source, count, offset), offset)
        written.append(sent)
        return sent

    monkeypatch.setattr("cbcr_assets.warehouse.renew.os.sendfile", counted)
    path = publish(warehouse, 9)
    assert 0 < sum(written) < path.stat().st_size / 2
    assert path.read_bytes() == warehouse.path.read_bytes()


@pytest.fixture
def reader(warehouse: FileWarehouse) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the oldest snapshot open."""
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(version(warehouse, 1))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        yield process


def test_who_reads_an_old_snapshot_goes_on_reading_it(
    warehouse: FileWarehouse, reader: subprocess.Popen[str]
) -> None:
    with duckdb.connect(str(version(warehouse, KEEP)), read_only=True) as con:
        newer = con.execute("select sum(n) from main.numbers").fetchone()
    held = version(warehouse, 1).stat().st_ino
    with warehouse.write() as session:
        session.execute("update main.numbers set n = n + 1")
    path = publish(warehouse, 1_000)
    assert path.stat().st_ino != held
    assert path.read_bytes() == warehouse.path.read_bytes()
    told, _ = reader.communicate("\n")
    assert newer
    assert int(told) == newer[0] - 1


def test_a_reader_of_this_process_counts_too(warehouse: FileWarehouse) -> None:
    held = connect(version(warehouse, 1))
    before = held.execute("select sum(n) from main.numbers").fetchone()
    path = publish(warehouse, 1_000)
    assert path.read_bytes() == warehouse.path.read_bytes()
    assert held.execute("select sum(n) from main.numbers").fetchone() == before
    held.close()


def test_what_is_laid_out_otherwise_is_copied_as_a_whole(
    warehouse: FileWarehouse, tmp_path: Path
) -> None:
    other = tmp_path / "other.duckdb"
    duckdb.connect().execute(f"attach '{other}' (block_size 16384)").close()
    before = other.read_bytes()
    assert not renew(warehouse.path, other, tmp_path / "new")
    other.write_bytes(b"no file of DuckDB")
    assert not renew(warehouse.path, other, tmp_path / "new")
    assert before != other.read_bytes() == b"no file of DuckDB"
    assert not (tmp_path / "new").exists()


def test_a_single_version_is_never_taken_away_from_its_readers(tmp_path: Path) -> None:
    alone = FileWarehouse(tmp_path / "cbcr.duckdb", tmp_path / "serving", keep=1)
    with alone.write() as session:
        session.execute("create table main.numbers (n bigint)")
    first = publish(alone, 1)
    inode = first.stat().st_ino
    with connect(first) as con:
        second = publish(alone, 2)
        assert con.execute("select count(*) from main.numbers").fetchone() == (1,)
    assert current(alone.serving).path == second
    assert second.stat().st_ino != inode
