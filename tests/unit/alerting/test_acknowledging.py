"""Acknowledging an incident: where it is shown, and that it meets no other."""

import json
import sqlite3

import pytest

from cbcr_assets.alerting import Ack

PAGER = """
route: {{receiver: pager, group_by: [subject_id], group_interval: 0s, repeat_interval: 0s}}
receivers:
- {{name: pager, type: pagerduty, routing_key: env:KEY, base_url: "{url}/",
   storm: {{max_groups: 2, window: 1m}}}}
"""
SLACK = """
route: {{receiver: slack}}
receivers:
  - {{name: slack, type: slack, token: env:T, channel: "#db", base_url: "{url}/api"}}
  - {{name: log, type: file, path: alerts.jsonl}}
"""


def test_an_acknowledgement_of_an_incident_is_shown_where_it_was_told(
    engine_at, stub, like_slack, row, tmp_path
):
    stub.answer = like_slack
    engine = engine_at(tmp_path, SLACK.format(url=stub.url), environ={"T": "xoxb"})
    engine.say(row("a", "breached"), row("b", "breached", team="ops"))
    engine.deliver()
    con = sqlite3.connect(tmp_path / "alerts.db")
    [payload] = [json.loads(text) for (text,) in con.execute("select payload from outbox")
                 if json.loads(text)["team"] == "ops"]  # fmt: skip
    con.close()
    ack = Ack((), "ann", incident=payload["incident"])
    assert engine.service.say(ack, now=engine.now) == 1
    engine.deliver()
    assert any("ann" in body["text"] for body in stub.bodies())
    views = {view.subject_id: view.acked_by for view in engine.service.alerts()}
    assert views == {"a": "", "b": "ann"}
    # What is over has no incident any more: an old button does nothing to a new one.
    engine.say(row("a", "ok"), row("b", "ok", team="ops"))
    engine.say(row("a", "ok"), row("b", "breached", team="ops"))
    assert engine.service.say(ack, now=engine.now) == 0


@pytest.mark.parametrize("down", [False, True])
def test_a_late_acknowledgement_meets_no_later_opening(down, engine_at, stub, row, tmp_path):
    stub.answer = lambda path, body: b'{"status": "success"}'
    text = PAGER.format(url=stub.url)
    engine = engine_at(tmp_path, text, environ={"KEY": "k"})
    engine.say(row("db", "breached"))
    engine.tick()
    [first] = stub.bodies()
    stub.status = 503 if down else 200
    engine.say(row("db", "ok"))
    engine.tick(after_s=30)
    engine.say(row("db", "breached"))
    engine.tick(after_s=30)
    if down:
        stub.status = 200
        del stub.requests[1:]  # nobody took those
    for _ in range(4):
        engine.tick(after_s=400)
    done = [(b["event_action"], b["dedup_key"] == first["dedup_key"]) for b in stub.bodies()]
    told = list(dict.fromkeys(done))
    assert told == [("trigger", True), ("resolve", True), ("trigger", False)]
    late = Ack((), "ann", incident=first["dedup_key"])
    assert engine.service.say(late, now=engine.now) == 0
    mine = Ack((), "ann", incident=stub.bodies()[-1]["dedup_key"])
    assert engine.service.say(mine, now=engine.now) == 1
