"""What is said again and again: the dead man's switch, and how things stand to who forgets."""

from datetime import timedelta


def test_the_dead_mans_switch_is_called_when_it_is_due(engine_at, stub, tmp_path):
    text = f"""
route: {{receiver: log}}
receivers: [{{name: log, type: file, path: alerts.jsonl}}]
heartbeat: {{url: "{stub.url}/beat", every: 1m}}
"""
    engine = engine_at(tmp_path, text)
    answers = [engine.tick(after_s=20).heartbeat for _ in range(5)]
    assert answers == ["ok", "", "", "ok", ""]
    stub.status = 500
    assert engine.tick(after_s=60).heartbeat == "HTTP 500"
    assert len(stub.bodies("beat")) == 3
    assert engine.service.tick_age_s(now=engine.now + timedelta(seconds=30)) == 30


def test_how_all_things_stand_is_told_to_who_forgets(engine, row):
    engine.say(*(row(f"db{i}", "breached") for i in range(30)))
    assert engine.service.standing("log", now=engine.now) == [], "nobody was told yet"
    engine.deliver()
    engine.say(row("db0", "ok"), *(row(f"db{i}", "breached") for i in range(1, 30)))
    assert engine.service.standing("other", now=engine.now) == []
    standing = engine.service.standing("log", now=engine.now)
    assert len(standing) == 30
    assert [m.subject_id for m in standing if m.status == "ok"] == ["db0"]
    assert {(m.rule, m.team) for m in standing} == {("rpo", "payments")}
    engine.sleep(1000)
    assert len(engine.service.standing("log", now=engine.now)) == 29


MANAGERS = """
route:
  receiver: log
  repeat_interval: 0s
  routes:
  - {{receiver: manager, matchers: ['team="payments"']}}
receivers:
- {{name: log, type: file, path: alerts.jsonl}}
- {{name: manager, type: alertmanager, url: "{url}"}}
"""


def said(stub):
    """Return what fires and what ended as the last request tells an Alertmanager."""
    alerts = {True: set(), False: set()}
    for alert in stub.requests[-1][2]:
        labels = alert["labels"]
        if labels["severity"] == "warning" and "subject_id" in labels:
            alerts[alert["endsAt"] > "2026-11-25"].add(labels["subject_id"])
    return alerts[True], alerts[False]


def test_an_alertmanager_hears_every_minute_what_it_was_told_of(engine_at, stub, row, tmp_path):
    stub.answer = lambda path, body: b""
    engine = engine_at(tmp_path, MANAGERS.format(url=stub.url))
    mine = [row(f"db{i}", "breached") for i in range(30)]
    engine.say(*mine, row("theirs", "breached", team="storage"))
    assert engine.tick().said_again == {"manager": "ok"}
    # All of them, not only those that the message lists, and nothing that others are told.
    assert said(stub) == ({f"db{i}" for i in range(30)}, set())
    engine.say(row("db0", "ok"), *mine[1:], row("theirs", "breached", team="storage"))
    assert engine.tick(after_s=30).said_again == {}, "its minute is not over"
    assert engine.tick(after_s=40).said_again == {"manager": "ok"}
    assert said(stub) == ({f"db{i}" for i in range(1, 30)}, {"db0"})
    stub.status = 500
    assert engine.tick(after_s=61).said_again == {"manager": "HTTP 500"}
    stub.status = 200
    assert engine.tick(after_s=9).said_again == {"manager": "ok"}, "it is tried again at once"
