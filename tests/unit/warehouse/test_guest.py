"""A guest's query: what it may ask and take, and that nothing of it is left."""

import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import psutil
import pytest

from cbcr_assets.warehouse import WarehouseError
from cbcr_assets.warehouse.guest import Limits, ask


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("snapshot") / "warehouse-1.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("create table t as select range as n, {'a': range} as s from range(50)")
    return path


def test_an_answer_keeps_its_types_and_says_when_it_is_cut(snapshot: Path) -> None:
    answer = ask(snapshot, "select n, s from t order by n", Limits(rows=3))
    assert answer.frame.rows() == [(0, {"a": 0}), (1, {"a": 1}), (2, {"a": 2})]
    assert answer.is_cut
    assert not ask(snapshot, "select n from t", Limits(rows=50)).is_cut


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select nothing from t", "nothing"),
        ("selec", "this is not SQL"),
        ("select 1; select 2", "one SELECT"),
        ("delete from t", "one SELECT"),
        ("attach 'x.db'", "one SELECT"),
        ("call enable_logging(storage='file')", "one SELECT"),
        ("select * from read_text('/etc/hostname')", "disabled"),
        ("select repeat('x', 4000000000)", "Out of Memory"),
        ("select repeat('x', 1000000) from range(90)", "larger than 64 MiB"),
    ],
)
def test_what_a_guest_may_not_is_told_in_words(snapshot: Path, sql: str, said: str) -> None:
    with pytest.raises(WarehouseError, match=said):
        ask(snapshot, sql)


def test_what_takes_too_long_is_ended_and_leaves_no_process(snapshot: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(WarehouseError, match="took longer than 3 s"):
        ask(
            snapshot,
            "select sum(a.range * b.range) from range(1000000) as a, range(1000000) as b",
            Limits(seconds=3),
        )
    assert time.monotonic() - begun < 15
    left = [p for p in psutil.Process().children() if "guest" in " ".join(p.cmdline())]
    assert not left


def test_a_guest_sees_no_environment(snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CBCR_TEST_SECRET", "hidden")
    for sql in (
        "select getenv('CBCR_TEST_SECRET')",
        "select * from read_text('/proc/self/environ')",
    ):
        try:
            shown = str(ask(snapshot, sql).frame.rows())
        except WarehouseError as error:
            shown = str(error)
        assert "hidden" not in shown


def test_guests_wait_for_each_other_and_no_longer(
    snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cbcr_assets.warehouse import guest

    taken: list[Callable[[], None]] = []
    monkeypatch.setattr(guest, "_QUEUE_S", 0.01)
    while guest._AT_ONCE.acquire(blocking=False):
        taken.append(guest._AT_ONCE.release)
    try:
        with pytest.raises(WarehouseError, match="try again"):
            ask(snapshot, "select 1")
    finally:
        for release in taken:
            release()
    assert ask(snapshot, "select 1").frame.item() == 1
