"""What pages see of the store: groups, timers counted from now, messages on their way."""

from datetime import timedelta

import pytest

from cbcr_assets.alerting import Ack, Silence, StoreError
from cbcr_assets.alerting.board import open_board
from cbcr_assets.config.matchers import read_matcher

POLICY = """
route: {receiver: log, escalation: chain}
receivers:
- {name: log, type: file, path: alerts.jsonl}
- {name: boss, type: file, path: boss.jsonl}
escalations:
  chain: {steps: [{after: 10m, receiver: boss}, {after: 30m, receiver: boss}], ack_timeout: 1h}
inhibit_rules:
- {source_matchers: ['severity="critical"'], target_matchers: ['severity="warning"']}
"""


@pytest.fixture
def board(engine_at, tmp_path):
    engine = engine_at(tmp_path, POLICY)

    def look():
        return open_board(engine.store_url, timer=engine.uptime, now=engine.now)

    return engine, look


def test_an_incident_tells_its_next_step_and_who_takes_care(board, row):
    engine, look = board
    engine.say(row("a", "breached", "critical"), row("b", "breached", "critical", team="ops"))
    engine.tick(after_s=60)
    first, other = look().incidents(rows=10)
    assert (first["subject_id"], first["total"], other["team"]) == ("a", 2, "ops")
    assert (first["step"], first["steps"], first["next_receiver"]) == (0, 2, "boss")
    assert first["next_step_at"] == engine.now + timedelta(seconds=540)
    engine.service.say(Ack((read_matcher('subject_id="a"'),), "ann"), now=engine.now)
    engine.tick(after_s=600)
    first, other = look().incidents(rows=10)
    assert (first["acked_by"], first["next_step_at"]) == ("ann", None)
    assert first["acked_until"] == engine.now + timedelta(seconds=3000)
    assert (other["step"], other["acked_by"]) == (1, "")
    assert [row["subject_id"] for row in look().incidents({"team": "ops"}, rows=10)] == ["b"]
    assert [row["subject_id"] for row in look().incidents(word="A", rows=10)] == ["a"]
    (skipped,) = look().incidents(rows=1, skip=1)
    assert (skipped["subject_id"], skipped["total"]) == ("b", 2)


def test_groups_count_who_is_untaken_and_what_is_kept_quiet(board, row):
    engine, look = board
    engine.say(row("a", "breached", "critical"))
    engine.say(row("c", "breached", "warning"), row("d", "breached", "warning"), rule="size")
    engine.tick(after_s=60)
    engine.service.say(Ack((read_matcher('subject_id="a"'),), "ann"), now=engine.now)
    rpo, size = look().groups("rule")
    assert (rpo["member"], rpo["alerts"], rpo["critical"], rpo["acked"]) == ("rpo", 1, 1, 1)
    assert (size["member"], size["muted"], size["untaken"]) == ("size", 2, 0)
    assert "inhibited by rpo a" in {one["muted_by"] for one in look().incidents(rows=9)}
    with pytest.raises(ValueError, match="is none of"):
        look().groups("payload")


def test_what_waits_and_what_was_given_up_is_told_by_channel(engine_at, stub, row, tmp_path):
    stub.status = 503
    text = f"""
route: {{receiver: hook}}
receivers:
- {{name: hook, type: webhook, url: "{stub.url}"}}
"""
    engine = engine_at(tmp_path, text)
    engine.say(row("a", "breached"))
    engine.tick(after_s=60)
    board = open_board(engine.store_url, timer=engine.uptime, now=engine.now)
    (channel,) = board.channels()
    assert (channel["receiver"], channel["pending"], channel["retrying"]) == ("hook", 1, 1)
    (message,) = board.deliveries(receiver="hook", states=["pending"], rows=5)
    assert message["next_try_at"] > engine.now
    assert message["alerts"] == 1
    assert "503" in message["error"]
    assert "payload" not in message
    stub.status = 400
    engine.tick(after_s=3600)
    board = open_board(engine.store_url, timer=engine.uptime, now=engine.now)
    assert board.channels()[0]["dead"] == 1
    assert board.deliveries(states=["sent"], rows=5) == []
    assert board.tick_age_s() == pytest.approx(0, abs=1)


def test_silences_that_ended_are_left_out_and_no_store_is_made(board, tmp_path):
    engine, look = board
    for name, hours in (("old", 1), ("new", 9)):
        end = engine.now + timedelta(hours=hours)
        word = Silence(name, (read_matcher('rule="rpo"'),), engine.now, end, "ann", "why")
        engine.service.say(word, now=engine.now)
    engine.sleep(2 * 3600)
    assert [one.id for one in look().silences()] == ["new"]
    missing = tmp_path / "none.db"
    with pytest.raises(StoreError, match="there is no alert store yet"):
        open_board(f"sqlite:///{missing}", timer=engine.uptime, now=engine.now)
    assert not missing.exists()
