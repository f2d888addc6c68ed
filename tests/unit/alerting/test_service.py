"""From evaluations to messages: episodes, idempotence, what is seen and what is pruned."""

import json
import sqlite3
from datetime import timedelta

import polars as pl
import pytest

from cbcr_assets.alerting import Evaluation, IngestReport


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
