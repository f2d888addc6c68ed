"""The store: who may open it, many at once, locked, and without room."""

import sqlite3
import threading
from datetime import timedelta

import polars as pl
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cbcr_assets.alerting import Evaluation, Links, StoreError, open_service


def test_many_processes_open_and_write_at_once(engine_at, row, evaluation, tmp_path):
    first = engine_at(tmp_path / "one")
    failures, url = [], f"sqlite:///{tmp_path}/deep/er/new.db"

    def work(number):
        try:
            service = open_service(store_url=url, policy=first.policy, links=Links("d", "g"))
            for i in range(5):
                one = evaluation(row("db", "breached"), rule=f"r{number}", minute=i)
                service.ingest(one, now=first.now + timedelta(hours=1))
        except (StoreError, SQLAlchemyError) as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    service = open_service(store_url=url, policy=first.policy, links=Links("d", "g"))
    assert len(service.alerts()) == 6


def test_a_store_of_a_newer_cbcr_is_refused(engine, tmp_path):
    with sqlite3.connect(tmp_path / "alerts.db") as con:
        con.execute("update meta set value = '99' where name = 'version'")
    con.close()
    with pytest.raises(StoreError, match="update CBCR"):
        engine.open()


def test_a_store_that_cannot_be_opened_is_named(engine, tmp_path):
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(StoreError, match=r"folder\.db cannot be opened"):
        open_service(
            store_url=f"sqlite:///{tmp_path}/folder.db", policy=engine.policy, links=Links("", "")
        )


def test_a_locked_store_is_told_soon_and_loses_nothing(engine, evaluation, row, tmp_path):
    service = open_service(
        store_url=engine.store_url, policy=engine.policy, links=Links("", ""), wait_s=0.1
    )
    lock = sqlite3.connect(tmp_path / "alerts.db", isolation_level=None)
    lock.execute("begin immediate")
    one = evaluation(row("db", "breached"))
    with pytest.raises(SQLAlchemyError, match="locked"):
        service.ingest(one, now=engine.now)
    assert service.alerts() == []
    lock.execute("rollback")
    lock.close()
    assert service.ingest(one, now=engine.now).opened == 1


def test_a_full_disk_loses_nothing_and_stops_nothing_for_good(engine, row, tmp_path):
    engine.say(row("db", "breached"))
    full = engine.open()

    @sa.event.listens_for(full._engine, "connect")
    def no_room(connection, _record):
        [[pages]] = connection.execute("pragma page_count").fetchall()
        connection.execute(f"pragma max_page_count = {pages}")

    rows = [row(f"db{i}", "breached", summary="x" * 500) for i in range(200)]
    frame = pl.DataFrame(rows)
    one = Evaluation("big", "rpo", engine.now + timedelta(seconds=5), frame)
    with pytest.raises(SQLAlchemyError, match="full"):
        full.ingest(one, now=one.evaluated_at)
    assert len(engine.service.alerts()) == 1
    assert not engine.service.has_seen("big", "rpo")
    assert engine.service.ingest(one, now=one.evaluated_at).opened == 200
