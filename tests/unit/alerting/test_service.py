"""The engine over its store: episodes, messages, idempotence, what is seen and what is pruned."""

import json
import sqlite3
import threading
from datetime import timedelta

import polars as pl
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cbcr_assets.alerting import Ack, Evaluation, IngestReport, Links, StoreError, open_service


def test_a_breach_is_told_once_and_its_end_once(engine, row):
    [opened] = engine.told(row("db", "breached", "critical"))
    assert (opened["kind"], opened["rule"], opened["total"]) == ("opened", "rpo", 1)
    assert opened["members"][0]["link"] == "http://dash/instance?id=db"
    assert engine.told(row("db", "breached", "critical")) == []
    [resolved] = engine.told(row("db", "ok", "info"))
    assert (resolved["kind"], resolved["severity"]) == ("resolved", "critical")
    assert resolved["members"][0]["was"] == "db is breached"
    assert engine.told(row("db", "ok", "info")) == []
    assert engine.service.alerts() == []


def test_an_episode_began_when_the_deadline_passed(engine, row, now):
    engine.say(row("db", "breached"), row("new", "breached", since=None))
    by_id = {view.subject_id: view for view in engine.service.alerts()}
    assert by_id["db"].started_at == now - timedelta(minutes=30)
    assert by_id["new"].started_at == by_id["new"].opened_at == engine.now


def test_the_view_shows_every_episode_with_its_state(engine, row):
    engine.say(row("a", "breached", "critical"), row("b", "breached"), row("c", "approaching"))
    engine.say(row("a", "ok"), row("b", "breached"))
    engine.say(row("a", "breached"), row("b", "breached"))
    views = engine.service.alerts(only_open=False)
    assert [(v.subject_id, v.state, v.status, v.severity) for v in views] == [
        ("a", "open", "breached", "warning"), ("b", "open", "breached", "warning"),
        ("c", "stale", "approaching", "warning"), ("a", "resolved", "ok", "critical"),
    ]  # fmt: skip
    assert [v.is_open for v in views] == [True, True, True, False]
    assert list(views[0].row()) == [
        "rule", "subject_kind", "subject_id", "state", "status", "severity", "started_at",
        "opened_at", "resolved_at", "team", "summary", "pending", "dead", "acked_by", "muted_by",
        "step",
    ]  # fmt: skip
    assert views[0].pending == 1
    engine.deliver()
    assert engine.service.alerts()[0].pending == 0


def test_a_storm_is_one_message_a_team_with_true_totals(engine, row):
    rows = [row(f"db{i}", "breached", "critical" if i == 499 else "warning") for i in range(500)]
    rows += [row("x", "breached", team="ops")]
    payments, ops = sorted(engine.told(*rows), key=lambda line: -line["total"])
    assert (payments["team"], payments["total"], payments["not_listed"]) == ("payments", 500, 480)
    assert payments["counts"] == {"breached": 500}
    assert (payments["severity"], payments["members"][0]["subject_id"]) == ("critical", "db499")
    assert (ops["team"], ops["total"]) == ("ops", 1)
    [resolved] = engine.told(*[row(f"db{i}", "ok") for i in range(500)], row("x", "breached"))
    assert (resolved["kind"], resolved["total"]) == ("resolved", 500)


def test_an_evaluation_counts_once(engine, evaluation, row):
    first = evaluation(row("db", "breached"))
    assert not engine.service.has_seen(first.evaluation_id, "rpo")
    assert engine.service.ingest(first, now=engine.now) == IngestReport(1, 0, 0, 0, False)
    assert engine.service.ingest(first, now=engine.now).seen_before
    assert engine.service.has_seen(first.evaluation_id, "rpo")
    assert not engine.service.has_seen(first.evaluation_id, "other")
    engine.deliver()
    assert len(engine.lines()) == 1


def test_an_older_evaluation_changes_nothing_and_counts_as_seen(engine, evaluation, row):
    late = evaluation(row("db", "breached"), minute=0)
    engine.now += timedelta(minutes=5)
    engine.service.ingest(evaluation(row("db", "ok"), minute=1), now=engine.now)
    assert engine.service.ingest(late, now=engine.now) == IngestReport(0, 0, 0, 1, False)
    assert engine.service.has_seen(late.evaluation_id, "rpo")
    assert engine.service.alerts(only_open=False) == []


def test_rules_do_not_meddle_with_each_other(engine, row):
    engine.say(row("db", "breached"), rule="rpo")
    engine.say(row("db", "ok"), rule="backup_failed")
    engine.say(rule="backup_missed")
    [view] = engine.service.alerts()
    assert (view.rule, view.state) == ("rpo", "open")


def test_pruning_forgets_but_never_lets_old_evaluations_in_again(engine, evaluation, row):
    old = evaluation(row("db", "breached"), minute=0)
    newest = evaluation(row("db", "ok"), minute=1)
    engine.now += timedelta(minutes=1)
    for one in (old, newest):
        engine.service.ingest(one, now=engine.now)
    engine.deliver()
    assert engine.service.tick(now=engine.now + timedelta(days=8)).pruned == 1
    assert not engine.service.has_seen(old.evaluation_id, "rpo")
    later = engine.now + timedelta(days=8)
    assert engine.service.ingest(old, now=later) == IngestReport(0, 0, 0, 1, False)
    # Seen again now, so the file can be cleared away instead of being offered for ever.
    assert engine.service.tick(now=later).pruned == 0
    assert engine.service.has_seen(old.evaluation_id, "rpo")
    assert engine.service.alerts() == []


def test_a_faulty_rule_silences_nothing(engine, row):
    engine.say(
        row("a", "Breached", None), row("b", "ok"), row("b", "breached", "critical"),
        row("c", "breached", labels="[1", team=None, summary=None, unit=None, runbook=None),
    )  # fmt: skip
    views = {view.subject_id: view for view in engine.service.alerts()}
    assert (views["a"].status, views["a"].severity) == ("unknown", "warning")
    assert (views["b"].status, views["b"].severity) == ("breached", "critical")
    assert views["c"].team == ""
    assert engine.deliver().retried == 0


def test_missing_columns_are_named(engine, now):
    frame = pl.DataFrame({"rule": ["rpo"], "subject_kind": ["instance"]})
    with pytest.raises(ValueError, match="subject_id, status"):
        engine.service.ingest(Evaluation("e", "rpo", now, frame), now=now)
    assert not engine.service.has_seen("e", "rpo")


ROUTES = """
route:
  receiver: log
  routes:
    - {matchers: ['severity="critical"'], receiver: pager, continue: true}
    - {matchers: ['tier="2"'], receiver: quiet}
    - {matchers: ['severity!="critical"']}
receivers:
  - {name: log, type: file, path: log.jsonl}
  - {name: pager, type: file, path: pager.jsonl}
  - {name: quiet, type: file, path: quiet.jsonl, send_resolved: false}
"""


def kinds(engine, name):
    return [line["kind"] for line in engine.lines(f"{name}.jsonl")]


def test_who_heard_the_beginning_hears_the_end_and_nobody_else(engine, row):
    engine.use(ROUTES)
    for status, severity in [("approaching", "warning"), ("breached", "critical"), ("ok", "info")]:
        engine.told(row("a", status, severity))
    assert kinds(engine, "log") == ["opened", "resolved"]
    assert kinds(engine, "pager") == ["worsened", "resolved"]
    engine.told(row("a", "ok"), row("b", "breached", labels=json.dumps({"tier": 2})))
    engine.told(row("a", "ok"), row("b", "ok"))
    assert kinds(engine, "quiet") == ["opened"]
    assert kinds(engine, "log") == ["opened", "resolved"]


def test_a_new_policy_does_not_cost_anybody_the_end(engine, row):
    engine.use(ROUTES)
    engine.told(row("a", "breached", "critical"))
    engine.use(ROUTES.replace('severity="critical"', 'severity="info"'))
    engine.told(row("a", "ok"))
    assert kinds(engine, "pager") == ["opened", "resolved"]


def test_every_change_is_journalled(engine, row, tmp_path):
    for status in ("approaching", "breached", "unknown", "ok"):
        engine.told(row("db", status))
    with sqlite3.connect(tmp_path / "alerts.db") as con:
        what = [what for (what,) in con.execute("select what from journal order by id")]
    con.close()
    assert what == ["opened", "sent", "worsened", "sent", "quiet", "resolved", "sent"]


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


def test_unchanged_rows_write_nothing_but_that_they_were_seen(engine, row, evaluation, tmp_path):
    count = 1_000
    rows = pl.concat([evaluation(row("db", "breached")).rows] * count).with_columns(
        subject_id=pl.format("db{}", pl.int_range(count))
    )

    def ingest(second):
        at = engine.now + timedelta(seconds=second)
        return engine.service.ingest(Evaluation(f"e{second}", "rpo", at, rows), now=at)

    def content():
        with sqlite3.connect(tmp_path / "alerts.db") as con:
            seen = ("seen_evaluation", "engine_clock", '"scope"')
            dump = [line for line in con.iterdump() if not any(word in line for word in seen)]
        con.close()
        return dump

    assert ingest(1).opened == count
    before = content()
    assert ingest(2) == IngestReport(0, 0, 0, count, False)
    assert content() == before


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


PAGERS = """
route: {{receiver: pager, group_by: [subject_id], group_interval: 0s, repeat_interval: 0s}}
receivers:
- name: pager
  type: {kind}
  {key}: env:KEY
  base_url: "{url}/"
  storm: {{max_groups: 2, window: 1m}}
"""


@pytest.mark.parametrize(("kind", "key"), [("pagerduty", "routing_key"), ("opsgenie", "api_key")])
def test_a_storm_of_ends_ends_each_incident(kind, key, engine_at, stub, row, tmp_path):
    stub.answer = lambda path, body: b'{"status": "success", "requestId": "r"}'
    text = PAGERS.format(kind=kind, key=key, url=stub.url)
    engine = engine_at(tmp_path, text, environ={"KEY": "k"})
    names = [f"db{i}" for i in range(6)]
    for count in range(1, 7):
        engine.say(*(row(n, "breached" if n in names[:count] else "ok") for n in names))
        engine.tick(after_s=40)
    began = [body.get("dedup_key") or body["alias"] for body in stub.bodies()]
    assert len(set(began)) == len(began) == 6
    engine.say(*(row(n, "ok") for n in names))
    for _ in range(3):
        engine.tick(after_s=61)
    ends = stub.requests[6:]
    ended = [body.get("dedup_key") or path.split("/")[3] for path, _, body in ends]
    assert sorted(ended) == sorted(began)
    assert all(body.get("event_action", "resolve") == "resolve" for _, _, body in ends)


@pytest.mark.parametrize("down", [False, True])
def test_a_late_acknowledgement_meets_no_later_opening(down, engine_at, stub, row, tmp_path):
    stub.answer = lambda path, body: b'{"status": "success"}'
    text = PAGERS.format(kind="pagerduty", key="routing_key", url=stub.url)
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


def test_a_silent_evaluator_makes_its_alerts_stale_and_ends_none(engine, row):
    engine.use("route: {receiver: log}\nreceivers: [{name: log, type: file, path: alerts.jsonl}]\n"
               "stale_after: 10m\nrules: {calm: {stale_after: 0s}}\n")  # fmt: skip
    engine.say(row("db", "breached"))
    engine.say(row("db", "breached"), rule="calm")
    engine.tick(after_s=590)
    assert [view.state for view in engine.service.alerts()] == ["open", "open"]
    engine.tick(after_s=20)
    assert {view.rule: view.state for view in engine.service.alerts()} == {
        "rpo": "stale", "calm": "open",
    }  # fmt: skip
    assert {line["kind"] for line in engine.lines()} == {"opened"}
    assert engine.told(row("db", "breached")) == []
    assert {view.state for view in engine.service.alerts()} == {"open"}
    engine.tick(after_s=700)
    assert [line["kind"] for line in engine.told(row("db", "ok"))] == ["resolved"]


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
