"""A store that an earlier CBCR wrote opens, loses nothing, and goes on."""

import json
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from cbcr_assets.alerting.model import Subject
from cbcr_assets.alerting.retention import prune_store
from cbcr_assets.alerting.tables import journal, open_store, outbox

# Dumped from a store that version 2 wrote: one alert was told, of another a message waits.
VERSION_2 = Path(__file__).with_name("store_of_version_2.sql").read_text()
APART = """
route: {receiver: log, group_by: [subject_id], group_interval: 0s}
receivers: [{name: log, type: file, path: alerts.jsonl}]
"""


@pytest.fixture
def old_store(engine_at, tmp_path):
    """Open an engine over a store that a script fills."""

    def make(script, text=APART):
        engine = engine_at(tmp_path, text)
        database = tmp_path / "old.db"
        con = sqlite3.connect(database)
        con.executescript(script)
        con.commit()
        con.close()
        engine.store_url = f"sqlite:///{database}"
        engine.service = engine.open()
        engine.sleep(60)
        return engine

    return make


def newest(store_url):
    """Return the newest ids of the outbox and the journal."""
    with open_store(store_url).connect() as con:
        return [con.execute(sa.select(sa.func.max(t.c.id))).scalar() for t in (outbox, journal)]


def test_a_store_of_the_second_version_opens_and_goes_on(old_store, row):
    engine = old_store(VERSION_2)
    assert [view.subject_id for view in engine.service.alerts()] == ["heard", "waits"]
    engine.tick()
    assert [line["members"][0]["subject_id"] for line in engine.lines()] == ["waits"]
    engine.say(row("heard", "ok"), row("waits", "ok"))
    engine.deliver()
    ends = [line["members"][0]["subject_id"] for line in engine.lines() if line["kind"] != "opened"]
    assert sorted(ends) == ["heard", "waits"]


@pytest.mark.parametrize("script", [None, VERSION_2])
def test_an_id_is_never_given_twice(script, engine_at, old_store, row, tmp_path):
    """The newest rows go, as after years without an alert: what comes then has newer ids."""
    engine = old_store(script) if script else engine_at(tmp_path, APART)
    for status in ("breached", "ok"):
        engine.say(row("heard", status), row("waits", status))
        engine.deliver()
    before = newest(engine.store_url)
    engine.sleep(400 * 86_400)
    prune_store(engine.store_url, before=engine.now)
    assert newest(engine.store_url) == [None, None]
    engine.say(row("heard", "breached"))
    after = newest(engine.store_url)
    assert [new > old for new, old in zip(after, before, strict=True)] == [True, True]


def test_an_id_that_went_before_the_migration_is_not_given_again(old_store, row):
    """What is left names the message that went."""
    gone = "delete from outbox where id = 2; delete from outbox_member where outbox_id = 2;"
    engine = old_store(
        VERSION_2 + gone + "insert into journal (id, at, what, outbox_id) values"
        " (90, '2026-11-23 05:00:03.000000', 'sent', 41);"
    )
    engine.say(row("heard", "breached"), row("waits", "ok"))
    engine.say(row("heard", "breached"), row("waits", "breached"))
    assert [one > old for one, old in zip(newest(engine.store_url), (41, 90), strict=True)] == [
        True, True,
    ]  # fmt: skip


def test_a_migrated_store_has_the_indexes_of_a_new_one(engine_at, old_store, tmp_path):
    new = engine_at(tmp_path / "new", APART)

    def indexes(url):
        with open_store(url).connect() as con:
            return {
                (table, index["name"])
                for table in ("outbox", "outbox_member", "journal", "episode", "alert_state")
                for index in sa.inspect(con).get_indexes(table)
            }

    assert indexes(old_store(VERSION_2).store_url) == indexes(new.store_url)


def test_a_second_version_on_postgresql_goes_on(postgres_url, engine_at, row, tmp_path):
    """PostgreSQL never gave an id twice: only what is new is added, and nothing is copied."""
    engine = engine_at(tmp_path, APART, store_url=postgres_url)
    engine.say(row("db", "breached"))
    engine.deliver()
    before = newest(postgres_url)
    with open_store(postgres_url).begin() as con:
        con.exec_driver_sql("alter table outbox drop column is_over")
        con.exec_driver_sql("drop index outbox_waiting")
        con.exec_driver_sql("update meta set value = '2' where name = 'version'")
    engine.service = engine.open()
    assert newest(postgres_url) == before
    with open_store(postgres_url).connect() as con:
        assert "outbox_waiting" in {one["name"] for one in sa.inspect(con).get_indexes("outbox")}
    assert [line["kind"] for line in engine.told(row("db", "ok"))] == ["resolved"]


def test_a_store_of_the_first_version_opens_and_goes_on(engine_at, row, tmp_path):
    engine = engine_at(tmp_path)
    database = tmp_path / "old.db"
    con = sqlite3.connect(database)
    con.executescript(OLD)
    con.commit()
    con.close()
    engine.store_url = f"sqlite:///{database}"
    engine.service = engine.open()
    assert [view.subject_id for view in engine.service.alerts()] == ["heard", "waits"]
    engine.sleep(120)
    engine.tick()
    # Who heard it begin is not told again; what waited arrives.
    assert [line["members"][0]["subject_id"] for line in engine.lines()] == ["waits"]
    rows = [{**row(name, "ok")} for name in ("heard", "waits")]
    engine.say(*rows)
    engine.deliver()
    last = engine.lines()[-1]
    assert (last["kind"], last["total"]) == ("resolved", 2)
    assert engine.open().alerts() == []


def _fingerprint(name):
    return Subject("instance", name).fingerprint("rpo")


_MEMBER = {
    "fingerprint": _fingerprint("waits"), "episode": 1, "subject_kind": "instance",
    "subject_id": "waits", "status": "breached", "severity": "warning", "value": 1.0,
    "objective": 1.0, "unit": "s", "started_at": "2026-11-23T04:30:00", "summary": "late",
    "was": "", "runbook": "", "labels": {},
}  # fmt: skip
_MESSAGE = json.dumps(
    {"id": "m2", "kind": "opened", "rule": "rpo", "team": "payments", "severity": "warning",
     "total": 1, "counts": {"breached": 1}, "members": [_MEMBER], "evaluation_id": "e",
     "evaluated_at": "2026-11-23T05:00:00", "undelivered": None}
)  # fmt: skip
# The tables and rows that version 1 wrote.
OLD = f"""
create table meta (name text primary key, value text not null);
insert into meta values ('version', '1');
create table alert_state (fingerprint text primary key, scope text not null,
  subject_kind text not null, subject_id text not null, episode integer not null,
  phase text not null, status text not null, severity text not null, level integer not null);
create index ix_alert_state_scope on alert_state (scope);
create table episode (fingerprint text not null, n integer not null, rule text not null,
  subject_kind text not null, subject_id text not null, status text not null,
  severity text not null, team text not null, labels text not null, summary text not null,
  runbook text not null, started_at datetime not null, opened_at datetime not null,
  resolved_at datetime, primary key (fingerprint, n));
create table outbox (id integer primary key, dedup_key text not null unique,
  receiver text not null, stream text not null, kind text not null, payload text not null,
  state text not null, attempts integer not null, created_at datetime not null,
  not_before datetime not null, lease_until datetime, done_at datetime, ref text, error text);
create table outbox_member (outbox_id integer, fingerprint text, n integer not null,
  primary key (outbox_id, fingerprint));
create table pause (receiver text primary key, until datetime not null);
create table journal (id integer primary key, at datetime not null, what text not null,
  fingerprint text, n integer, rule text, subject_kind text, subject_id text, status text,
  severity text, evaluation_id text, receiver text, outbox_id integer, detail text);
create table seen_evaluation (evaluation_id text, rule text, evaluated_at datetime not null,
  seen_at datetime not null, primary key (evaluation_id, rule));
insert into alert_state values
  ('{_fingerprint("heard")}', 'rpo', 'instance', 'heard', 1, 'open', 'breached', 'warning', 3),
  ('{_fingerprint("waits")}', 'rpo', 'instance', 'waits', 1, 'open', 'breached', 'warning', 3);
insert into episode values
  ('{_fingerprint("heard")}', 1, 'rpo', 'instance', 'heard', 'breached', 'warning', 'payments',
   '{{}}', 'late', '', '2026-11-23 04:00:00.000000', '2026-11-23 05:00:00.000000', null),
  ('{_fingerprint("waits")}', 1, 'rpo', 'instance', 'waits', 'breached', 'warning', 'payments',
   '{{}}', 'late', '', '2026-11-23 04:30:00.000000', '2026-11-23 05:00:00.000000', null);
insert into outbox values
  (1, 'm1', 'log', 'rpo', 'opened', '{{}}', 'sent', 1, '2026-11-23 05:00:00.000000',
   '2026-11-23 05:00:00.000000', null, '2026-11-23 05:00:01.000000', '', null),
  (2, 'm2', 'log', 'rpo', 'opened', '{_MESSAGE}', 'pending', 1, '2026-11-23 05:00:00.000000',
   '2026-11-23 05:00:00.000000', null, null, null, 'HTTP 500');
insert into outbox_member values (1, '{_fingerprint("heard")}', 1);
insert into outbox_member values (2, '{_fingerprint("waits")}', 1);
"""
