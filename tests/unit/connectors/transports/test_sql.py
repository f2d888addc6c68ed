"""SQL feeds: changed rows once, complete listings when due, no secrets in errors."""

import json
import re
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from cbcr_assets.connectors.base import CatalogScope, Envelope
from cbcr_assets.connectors.cbcr import Cbcr
from cbcr_assets.connectors.transports import sql
from cbcr_assets.connectors.transports.sql import read_table

FORMATS = Path(__file__).parents[4] / "docs" / "formats.md"
SET = (
    "insert into cbcr_backup_catalog (instance, label, type, started_at, finished_at) values"
    " ('orders-db', ?, 'full', '2026-11-23T04:00:00Z', '2026-11-23T04:10:00Z')"
)
EVENT = (
    "insert into cbcr_job_events (event, run_id, instance, type, started_at, finished_at, rc)"
    " values ('backup', ?, 'orders-db', 'full', '2026-11-23T04:00:00Z', '2026-11-23T04:10:00Z', 1)"
)


@pytest.fixture
def database(tmp_path):
    text = FORMATS.read_text(encoding="utf-8")
    ddl = re.search(r"<!-- example: ddl_sqlite -->\n```sql\n(.*?)```", text, re.DOTALL).group(1)
    con = sqlite3.connect(tmp_path / "catalog file.db", isolation_level=None)
    con.executescript(ddl)
    yield con
    con.close()


@pytest.fixture
def read(database, tmp_path, now):
    cursors = {}

    def run(kind, *, later=timedelta(0), **facts):
        answer = read_table(
            f"sqlite:///{tmp_path / 'catalog file.db'}",
            kind=kind,
            cursor=cursors.get(kind, {}),
            now=now + later,
            timeout_s=5,
            **facts,
        )
        assert answer.error is None
        json.dumps(answer.cursor)
        cursors[kind] = answer.cursor
        return answer

    return run


def labels(answer):
    return [row["label"] for p in answer.news for row in json.loads(p.payload)["backups"]]


def parsed(kind, piece, now):
    return Cbcr().parse(Envelope("src", kind, "x.json", piece.payload, now, now))


def test_the_first_reading_is_a_complete_listing(database, read, now):
    database.executemany(SET, [("a",), ("b",)])
    answer = read("catalog")
    assert labels(answer) == ["a", "b"]
    result = parsed("catalog", answer.news[0], now)
    assert (result.rejects, result.scopes) == ((), (CatalogScope("orders-db"),))
    assert result.frames["backup_sets"].height == 2


def test_afterwards_only_changes_are_read(database, read, now):
    database.executemany(SET, [("a",), ("b",)])
    read("catalog")
    assert read("catalog").news == ()
    database.execute(SET, ("c",))
    database.execute("update cbcr_backup_catalog set integrity = 'corrupt' where label = 'a'")
    answer = read("catalog")
    assert labels(answer) == ["c", "a"]
    assert parsed("catalog", answer.news[0], now).scopes == ()
    assert parsed("catalog", answer.heartbeat, now).ok


def test_a_delete_becomes_a_purge(database, read):
    database.executemany(SET, [("a",), ("b",)])
    read("catalog")
    database.execute("delete from cbcr_backup_catalog where label = 'a'")
    (row,) = json.loads(read("catalog").news[0].payload)["backups"]
    assert (row["label"], row["lifecycle"]) == ("a", "purged")


def test_rows_that_vanished_bring_a_complete_listing(database, read, now):
    database.executemany(SET, [("a",)])
    read("catalog")
    database.executescript("drop trigger cbcr_backup_catalog_delete")
    database.execute("delete from cbcr_backup_catalog")
    answer = read("catalog")
    assert parsed("catalog", answer.news[0], now).scopes == (CatalogScope("orders-db"),)


def test_the_catalog_is_listed_once_a_day(database, read):
    database.execute(SET, ("a",))
    read("catalog")
    assert read("catalog", later=timedelta(hours=23)).news == ()
    answer = read("catalog", later=timedelta(hours=24))
    assert json.loads(answer.news[0].payload)["complete"] is True


def test_events_come_in_pages_and_become_attempts(database, read, now):
    database.executemany(EVENT, [(f"r{n}",) for n in range(5)])
    answer = read("job_log", page=2)
    assert [p.payload.count("\n") for p in answer.news] == [2, 2, 1]
    result = parsed("job_log", answer.news[0], now)
    assert result.frames["backup_jobs"]["state"].to_list() == ["failed", "failed"]
    assert read("job_log").news == ()


def test_a_row_that_was_committed_late_is_not_lost(database, read):
    late = EVENT.replace("(event", "(change_id, event").replace("('backup'", "(3, 'backup'")
    database.executemany(EVENT, [("r1",), ("r2",)])
    database.execute(late.replace("(3,", "(4,"), ("r4",))
    read("job_log")
    database.execute(late, ("r3",))
    assert [json.loads(p.payload)["run_id"] for p in read("job_log").news] == ["r3"]
    assert read("job_log").news == ()


def test_a_database_that_was_restored_to_earlier_is_read_again(database, read):
    database.executemany(EVENT, [("r1",), ("r2",)])
    read("job_log")
    database.execute("delete from cbcr_job_events where run_id = 'r2'")
    assert len(read("job_log").news) == 1


def test_more_pages_than_allowed_wait_for_the_next_reading(database, read, monkeypatch):
    monkeypatch.setattr(sql, "MAX_PAGES", 1)
    monkeypatch.setattr(sql, "OVERLAP", 2)
    database.executemany(EVENT, [(f"r{n}",) for n in range(7)])
    seen = []
    for _ in range(3):
        for piece in read("job_log", page=3).news:
            seen += [json.loads(line)["run_id"] for line in piece.payload.splitlines()]
    assert seen == [f"r{n}" for n in range(7)]


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("sqlite:////no/such/catalog.db", "OperationalError"),
        ("mysql://cbcr:geheim99@host/db", "not mysql"),
        ("geheim99 is no url", "SQLAlchemy URL"),
        ("postgresql://cbcr:geheim99@127.0.0.1:1/db?connect_timeout=2", "OperationalError"),
        ("postgresql://cbcr:geheim99@127.0.0.1:noport/db", "URL"),
    ],
)
def test_errors_are_answers_without_the_address(url, hint, now):
    answer = read_table(url, kind="catalog", cursor={"high": 5}, now=now, timeout_s=2)
    assert hint in answer.error
    assert "geheim99" not in answer.error
    assert url not in answer.error
    assert answer.cursor == {"high": 5}


def test_a_missing_table_is_an_error_and_nothing_is_created(tmp_path, now):
    sqlite3.connect(tmp_path / "empty.db").close()
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    answer = read_table(url, kind="catalog", cursor={}, now=now, timeout_s=2)
    assert "no such table" in answer.error
    missing = tmp_path / "missing.db"
    assert read_table(f"sqlite:///{missing}", kind="catalog", cursor={}, now=now, timeout_s=2).error
    assert not missing.exists()


def test_an_unknown_kind_is_an_error(now):
    answer = read_table("sqlite://", kind="drill", cursor={}, now=now, timeout_s=2)
    assert "catalog, job_log" in answer.error


def test_the_connection_cannot_write(tmp_path, database):
    engine = sql._engine(f"sqlite:///{tmp_path / 'catalog file.db'}", 2)
    with engine.connect() as connection:
        sql._read_only(connection, 2)
        with pytest.raises(sql.sa.exc.OperationalError, match="readonly"):
            connection.exec_driver_sql("delete from cbcr_job_events")
    engine.dispose()


def test_a_slow_statement_ends_in_time(tmp_path, database, monkeypatch, now):
    monkeypatch.setitem(sql.FEEDS, "slow", sql._feed("slow", sql._EVENTS, lists=False))
    database.executescript(
        "create view slow as with recursive n(i) as (select 1 union all select i + 1 from n)"
        " select i as change_id, * from n, cbcr_job_events"
    )
    database.execute(EVENT, ("r1",))
    url = f"sqlite:///{tmp_path / 'catalog file.db'}"
    answer = read_table(url, kind="slow", cursor={}, now=now, timeout_s=0.3)
    assert "interrupted" in answer.error


@pytest.fixture
def postgres(postgres_url):
    """CBCR's tables on a PostgreSQL server."""
    engine = sql.sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    text = FORMATS.read_text(encoding="utf-8")
    ddl = re.search(r"<!-- example: ddl_postgresql -->\n```sql\n(.*?)```", text, re.DOTALL).group(1)
    with engine.connect() as connection:
        for statement in re.split(r";\n(?!end|    where|    return)", ddl):
            if statement.strip():
                connection.exec_driver_sql(statement)
        yield connection, postgres_url.replace("+psycopg", "")
    engine.dispose()


def test_postgresql_changes_purges_and_events(postgres, now):
    connection, url = postgres
    connection.exec_driver_sql(SET.replace("?", "'a'"))
    connection.exec_driver_sql(EVENT.replace("?", "'r1'"))
    first = read_table(url, kind="catalog", cursor={}, now=now, timeout_s=5)
    result = parsed("catalog", first.news[0], now)
    assert (first.error, result.rejects, result.scopes) == (None, (), (CatalogScope("orders-db"),))
    connection.exec_driver_sql("delete from cbcr_backup_catalog")
    then = read_table(url, kind="catalog", cursor=first.cursor, now=now, timeout_s=5)
    (row,) = json.loads(then.news[0].payload)["backups"]
    assert row["lifecycle"] == "purged"
    events = read_table(url, kind="job_log", cursor={}, now=now, timeout_s=5)
    assert parsed("job_log", events.news[0], now).frames["backup_jobs"]["exit_code"].to_list() == [
        1
    ]
