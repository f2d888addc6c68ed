"""The ledger: nothing is acknowledged that was not, whoever else is writing."""

import multiprocessing
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cbcr_assets.connectors.ledger import Ledger, LedgerError
from cbcr_assets.connectors.transports.drop import OfferedFile


def files(count, folder=Path("/inbox/src/info")):
    return [OfferedFile(folder / f"{n}.json", "info", n, n * 10, "src") for n in range(count)]


def test_acknowledged_files_are_not_pending(ledger):
    offers = files(2_000)
    ledger.acknowledge(offers[:1_500])
    assert ledger.pending(offers) == offers[1_500:]
    assert ledger.acknowledged(offers[0].path)
    assert not ledger.acknowledged(offers[1_999].path)


def test_a_changed_file_is_pending_again(ledger):
    (offer,) = files(1)
    ledger.acknowledge([offer])
    assert ledger.pending([replace(offer, size=99)])
    assert ledger.pending([replace(offer, mtime_ns=99)])
    assert not ledger.pending([offer])


def test_missing_files_are_forgotten(ledger, tmp_path):
    there = tmp_path / "in" / "a.json"
    there.parent.mkdir()
    there.touch()
    offers = [
        OfferedFile(p, "k", 0, 0) for p in (there, there.with_name("b"), tmp_path / "in2" / "c")
    ]
    ledger.acknowledge(offers)
    assert ledger.forget_missing(tmp_path / "in") == 1
    assert [offer.path.name for offer in ledger.pending(offers)] == ["b"]
    ledger.forget([there])
    assert len(ledger.pending(offers)) == 2


def test_state_is_kept_per_feed(ledger, now):
    assert ledger.state("a") == {}
    ledger.set_state("a", {"cursor": {"x": [1, "ü"]}}, ran_at=now)
    ledger.set_state("a", {"cursor": 2})
    assert ledger.state("a") == {"cursor": 2}
    assert not ledger.due("a", now=now, every_s=30)
    assert ledger.due("b", now=now, every_s=30)


def test_a_feed_is_due_after_its_time_with_a_little_jitter(ledger, now):
    ledger.set_state("a", {}, ran_at=now)
    assert not ledger.due("a", now=now + timedelta(seconds=28.5), every_s=30)
    assert ledger.due("a", now=now + timedelta(seconds=29), every_s=30)
    assert not ledger.due("a", now=now + timedelta(seconds=0.8), every_s=1)


def test_a_clock_that_was_set_back_does_not_silence_a_feed(ledger, now):
    ledger.set_state("a", {}, ran_at=now)
    assert ledger.due("a", now=now - timedelta(hours=1), every_s=30)


def write_many(path, start):
    ledger = Ledger(path)
    for n in range(start, start + 40):
        ledger.acknowledge([OfferedFile(Path(f"/x/{n}"), "k", n, n)])


def test_many_processes_may_share_it(ledger):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write_many, args=(ledger.path, n * 100)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    offers = [OfferedFile(Path(f"/x/{n}"), "k", n, n) for n in range(300)]
    assert len(ledger.pending(offers)) == 300 - 3 * 40


def test_a_locked_ledger_says_so(ledger):
    ledger.acknowledge([])
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(LedgerError, match="another process"):
        replace(ledger, busy_s=0.05).acknowledge(files(1))
    other.close()


def test_a_broken_ledger_says_what_to_do(ledger):
    ledger.path.parent.mkdir(parents=True)
    ledger.path.write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerError, match="move it away"):
        ledger.pending(files(1))


def test_an_impossible_folder_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="check that its folder exists"):
        Ledger(tmp_path / "file" / "ledger.db").pending(files(1))


def test_a_failed_acknowledgement_stores_nothing(ledger):
    bad = [*files(3), OfferedFile(Path("/x"), "k", None, 0)]
    with pytest.raises(LedgerError):
        ledger.acknowledge(bad)
    assert len(ledger.pending(files(3))) == 3
