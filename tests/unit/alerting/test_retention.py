"""Ended alerts are forgotten with all that belongs to them; open ones with nothing."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from cbcr_assets.alerting import Silence, Unsilence
from cbcr_assets.alerting.retention import plan_store, prune_store
from cbcr_assets.alerting.tables import episode, journal, open_store, outbox, outbox_member

YEAR = timedelta(days=400)
TABLES = (journal, episode, outbox_member, outbox)
# Each subject is told by itself, once.
APART = """
route: {receiver: log, group_by: [subject_id], group_interval: 0s, repeat_interval: 0s}
receivers: [{name: log, type: file, path: alerts.jsonl}]
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path}/alerts.db"


@pytest.fixture
def engine(engine_at, tmp_path, store_url):
    return engine_at(tmp_path, store_url=store_url)


def held(store_url: str) -> dict[str, int]:
    with open_store(store_url).connect() as con:
        return {
            table.name: con.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in TABLES
        }


def subjects(store_url: str) -> set[str]:
    with open_store(store_url).connect() as con:
        return set(con.execute(sa.select(episode.c.subject_id)).scalars())


def midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def test_what_ended_goes_with_its_messages_and_its_journal(engine, row, store_url):
    engine.use(APART)
    engine.told(row("over", "breached"), row("open", "ok"))
    engine.told(row("over", "ok"), row("open", "breached"))
    assert engine.service.tick(now=engine.now + timedelta(days=8))
    before = midnight(engine.now)
    assert held(store_url) == {"journal": 7, "episode": 2, "outbox_member": 3, "outbox": 3}

    planned = plan_store(store_url, before=before)
    assert {part.table: part.rows for part in planned} == {
        "journal": 4, "episode": 1, "outbox_member": 2, "outbox": 2, "silence": 0
    }  # fmt: skip
    assert all(0 < part.bytes < part.of_bytes for part in planned if part.table != "silence")
    assert planned[1].oldest is not None
    assert prune_store(store_url, before=before) == planned
    assert held(store_url) == {"journal": 3, "episode": 1, "outbox_member": 1, "outbox": 1}
    assert subjects(store_url) == {"open"}

    # Who was told of the beginning is told of the end, a year later.
    engine.now += YEAR
    [end] = engine.told(row("over", "ok"), row("open", "ok"))
    assert (end["kind"], end["members"][0]["subject_id"]) == ("resolved", "open")
    # And what was forgotten can begin again.
    [again] = engine.told(row("over", "breached"), row("open", "ok"))
    assert again["kind"] == "opened"
    assert {view.subject_id for view in engine.service.alerts()} == {"over"}


def test_what_ended_later_stays_whole(engine, row, store_url):
    engine.told(row("a", "breached"))
    engine.told(row("a", "ok"))
    before = held(store_url)
    midnight_of = midnight(engine.now) - timedelta(days=1)
    assert all(part.rows == 0 for part in prune_store(store_url, before=midnight_of))
    assert held(store_url) == before


def test_a_message_about_an_open_episode_keeps_all_it_is_about(engine, row, store_url):
    engine.told(row("over", "breached"), row("open", "breached"))
    engine.told(row("over", "ok"), row("open", "breached"))
    before = held(store_url)
    assert before == {"journal": 5, "episode": 2, "outbox_member": 4, "outbox": 2}
    prune_store(store_url, before=midnight(engine.now))
    # Both messages are about the group, so about what is still open in it.
    assert held(store_url) == before
    engine.told(row("over", "ok"), row("open", "ok"))
    prune_store(store_url, before=midnight(engine.now))
    assert set(held(store_url).values()) == {0}


def test_an_end_that_nobody_was_told_yet_stays(engine, row, store_url):
    engine.told(row("a", "breached"))
    silence = Silence("s1", (), engine.now, engine.now + timedelta(days=900), "ann")
    engine.service.say(silence, now=engine.now)
    assert engine.told(row("a", "ok")) == []
    before = held(store_url)
    engine.now += YEAR
    prune_store(store_url, before=midnight(engine.now))
    assert held(store_url)["episode"] == before["episode"] == 1
    assert held(store_url)["outbox"] == before["outbox"] == 1
    engine.service.say(Unsilence("s1", "ann"), now=engine.now)
    engine.tick(after_s=3600)
    assert [line["kind"] for line in engine.lines()] == ["opened", "resolved"]
    parts = prune_store(store_url, before=midnight(engine.now))
    assert {part.table: part.rows for part in parts}["silence"] == 1
    assert set(held(store_url).values()) == {0}
    assert engine.service.silences() == []


def test_what_everybody_believes_to_go_on_stays(engine_at, row, tmp_path, store_url):
    text = APART.replace(", group_by: [subject_id]", "")
    text = text.replace("path:", "send_resolved: false, path:")
    engine = engine_at(tmp_path, text, store_url=store_url)
    engine.told(row("over", "breached"), row("open", "breached"))
    engine.told(row("over", "ok"), row("open", "breached"))
    engine.now += YEAR
    prune_store(store_url, before=midnight(engine.now))
    assert subjects(store_url) == {"over", "open"}
    # It begins again, which its receiver knows already; and a third one is news.
    engine.told(row("over", "breached"), row("open", "breached"), row("third", "breached"))
    assert [line["kind"] for line in engine.lines()] == ["opened", "opened"]


def test_what_waits_to_be_told_stays(engine, row, store_url):
    engine.say(row("a", "breached"))
    engine.say(row("a", "ok"))
    before = held(store_url)
    # One message instead of two: it began and ended before it could be told.
    assert before["outbox"] == 1
    prune_store(store_url, before=midnight(engine.now))
    assert held(store_url) == before
    engine.deliver()
    [line] = engine.lines()
    assert (line["kind"], line["members"][0]["is_untold"]) == ("resolved", True)
    prune_store(store_url, before=midnight(engine.now))
    assert set(held(store_url).values()) == {0}


def test_for_ever_is_for_ever(engine, row, store_url):
    engine.told(row("a", "breached"))
    engine.told(row("a", "ok"))
    parts = plan_store(store_url, before=None)
    assert all(part.rows == part.bytes == 0 for part in parts)
    assert all(part.of_rows for part in parts if part.table != "silence")
