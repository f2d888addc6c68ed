"""The policy language as it is documented: examples, faults with their place, schema, commands."""

import json
import re
import sys
from pathlib import Path

import pytest
import yaml

from cbcr_assets.alerting.simulation import simulate
from cbcr_assets.alerting.timeline import load_timeline
from cbcr_assets.cli import main
from cbcr_assets.config import ConfigError, load_policy
from cbcr_assets.config.policy_schema import policy_schema
from cbcr_assets.config.time_intervals import TimeInterval
from cbcr_assets.simulator import write_config
from cbcr_assets.templates import read_template

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "alerting.md").read_text()


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def load(tmp_path):
    def load_text(text):
        (tmp_path / "alerting.yaml").write_text(text)
        return load_policy(tmp_path / "alerting.yaml", environ={})

    return load_text


def test_the_examples_of_the_documentation_do_what_it_says(load, tmp_path):
    _, rich = (load(text) for text in blocks("yaml"))
    (tmp_path / "t.json").write_text(blocks("json")[0])
    told = simulate(rich, load_timeline(tmp_path / "t.json"))
    assert [(m["t"], m["receiver"], m["reason"]) for m in told] == [
        (10, "dba", "firing"), (910, "dba", "resolved"),
    ]  # fmt: skip
    assert rich.rules["source_stale"].for_s == 300
    assert rich.heartbeat.every_s == 60


def test_the_example_policy_is_right():
    policy = load_policy(ROOT / "docs" / "alerting.example.yaml", environ={})
    assert set(policy.receivers) >= {"dba-channel", "storage", "managers"}


@pytest.mark.parametrize(
    "text", [read_template("alerting.yaml"), write_config._ALERTING], ids=["init", "demo"]
)
def test_a_lost_backup_is_told_once_by_the_policies_that_we_write(text, load, tmp_path):
    def says(t, rule, instance, status):
        labels = {"rule": rule, "team": "payments", "instance": instance}
        return {"t": t, "op": "evaluate", "labels": labels, "status": status}

    (tmp_path / "t.json").write_text(json.dumps({"tick": 10, "horizon": 900, "events": [
        says(0, "backup_failed", "orders", "firing"), says(0, "backup_lost", "orders", "firing"),
        says(0, "backup_lost", "stock", "firing"), says(300, "backup_failed", "orders", "ok"),
        says(300, "backup_lost", "orders", "firing"),
    ]}))  # fmt: skip
    told = simulate(load(text), load_timeline(tmp_path / "t.json"))
    heard = [
        (one["t"], one["reason"], labels["rule"], labels["instance"])
        for one in told if one["receiver"] == "on-call-log" for labels in one["firing"]
    ]  # fmt: skip
    assert sorted(heard)[:2] == [
        (0.0, "firing", "backup_failed", "orders"), (0.0, "firing", "backup_lost", "stock"),
    ]  # fmt: skip
    # Once the louder one is over, what still holds is told.
    assert {(rule, instance) for t, _, rule, instance in heard if t >= 300} == {
        ("backup_lost", "orders"), ("backup_lost", "stock"),
    }  # fmt: skip


def test_the_schema_takes_the_examples_and_names_every_key():
    schema = policy_schema()
    assert json.loads(json.dumps(schema)) == schema
    example = yaml.safe_load((ROOT / "docs" / "alerting.example.yaml").read_text())
    assert set(example) <= set(schema["properties"])
    route = schema["$defs"]["Route"]["properties"]
    assert set(example["route"]) <= set(route)
    assert schema["$defs"]["Matcher"] == {"type": "string", "title": "Matcher"}
    assert "continue" in route


HEAD = "receivers: [{name: a, type: console}, {name: b, type: console}]\n"


@pytest.mark.parametrize(
    ("text", "line", "path", "message", "suggestion"),
    [
        ("route: {receiver: a, routes: [\n{receiver: b, matchers: ['team=\"x\"']},\n"
         "{receiver: a, matchers: ['team=\"x\"', 'tier=\"1\"']}]}\n",
         4, "route.routes[1]", "never taken: the route in line 3", "continue: true"),
        ("route: {receiver: a, routes: [\n{receiver: b},\n{matchers: ['team=\"x\"']}]}\n",
         4, "route.routes[1]", "never taken", "continue: true"),
        ("route: {receiver: a, routes: [\n{matchers: ['team=~\"pay.*\"']},\n"
         "{matchers: ['team=\"payments\"']}]}\n",
         4, "route.routes[1]", "never taken", "continue: true"),
        ("route: {receiver: a, routes: [{matchers: ['t=\"x\"'], routes: [\n"
         "{matchers: ['t=\"y\"']}]}]}\n",
         3, "route.routes[0].routes[0].matchers", "cannot hold together", None),
        ("route: {receiver: a, group_wait: -5s}\n", 2, "route.group_wait", "negative", "5s"),
        ("route: {receiver: a, group_wait: 5}\n", 2, "route.group_wait", "not a duration", "5s"),
        ("route: {receiver: a, grop_by: [x]}\n", 2, "route.grop_by", "unknown key", "group_by"),
        ("route: {receiver: a, escalation: up}\nescalations: {upp: {steps: [{after: 1m, "
         "receiver: b}]}}\n", 2, "route.escalation", "unknown escalation 'up'", "upp"),
        ("route: {receiver: a}\nescalations: {up: {steps: [{after: 5m, receiver: b},\n"
         "{after: 1m, receiver: b}]}}\n", 4, "escalations.up.steps[1].after", "must come after",
         None),
        ("route: {receiver: a}\nescalations: [{name: up, steps: [{after: 5m, receiver: boss}]}]\n",
         3, "escalations[0].steps[0].receiver", "unknown receiver 'boss'", None),
        ("route: {receiver: a, routes: [{matchers: ['x=\"1\"'], mute_time_intervals: [nite]}]}\n"
         "time_intervals: [{name: night, time_intervals: [{years: ['2026']}]}]\n",
         2, "route.routes[0].mute_time_intervals[0]", "unknown time interval 'nite'", "night"),
        ("route: {receiver: a}\ntime_intervals: [{name: n, time_intervals: [{weekdays: "
         "['mondey']}]}]\n", 3, "time_intervals[0].time_intervals[0].weekdays[0]", "no range",
         "monday"),
        ("route: {receiver: a}\nflapping: {transitions: 1}\n", 3, "flapping.transitions",
         "at least 2", None),
        ("route: {receiver: a}\nmaintenance: [{start: 2026-02-01, end: 2026-01-01}]\n", 3,
         "maintenance[0].end", "ends before it begins", None),
        ("route: {receiver: a, mute_time_intervals: [n]}\n"
         "time_intervals: [{name: n, time_intervals: [{}]}]\n", 2, "route.mute_time_intervals",
         "never muted", None),
    ],
)  # fmt: skip
def test_a_fault_is_shown_with_its_place(load, text, line, path, message, suggestion):
    with pytest.raises(ConfigError) as caught:
        load(HEAD + text)
    [problem] = caught.value.problems
    assert (problem.line, problem.path) == (line, path)
    assert message in problem.message
    assert problem.suggestion == suggestion


@pytest.mark.parametrize(
    ("interval", "moment", "holds"),
    [
        ({"weekdays": ["monday:friday"]}, "2026-01-05T12:00", True),
        ({"weekdays": ["monday:friday"]}, "2026-01-04T12:00", False),
        ({"times": [{"start_time": "09:00", "end_time": "17:00"}]}, "2026-01-05T16:59", True),
        ({"times": [{"start_time": "09:00", "end_time": "17:00"}]}, "2026-01-05T17:00", False),
        ({"times": [{"start_time": "22:00", "end_time": "24:00"}]}, "2026-01-05T23:59", True),
        ({"days_of_month": ["-1"]}, "2026-02-28T00:00", True),
        ({"days_of_month": ["-3:-1"]}, "2024-02-27T00:00", True),
        ({"days_of_month": ["1:5"]}, "2026-01-06T00:00", False),
        ({"months": ["december", "1:2"]}, "2026-02-10T00:00", True),
        ({"years": ["2027:2030"]}, "2026-02-10T00:00", False),
        ({"times": [{"start_time": "00:00", "end_time": "01:00"}], "location": "Europe/Berlin"},
         "2026-07-01T22:30", True),
    ],
)  # fmt: skip
def test_time_intervals_mean_what_they_mean_in_alertmanager(interval, moment, holds):
    from datetime import datetime

    assert TimeInterval.model_validate(interval).contains(datetime.fromisoformat(moment)) is holds


ALERTMANAGER = """
route: {receiver: team}
receivers: [{name: team, pagerduty_configs: [{service_key: s}]}]
"""


@pytest.fixture
def cbcr(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("CBCR_CONFIG", raising=False)
    monkeypatch.delenv("CBCR_HOME", raising=False)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["cbcr", "alerts", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        told = capsys.readouterr()
        return int(stopped.value.code or 0), told.out, told.err

    return run


def test_the_commands_that_need_a_policy_only(cbcr, tmp_path):
    (tmp_path / "p.yaml").write_text(blocks("yaml")[1])
    (tmp_path / "t.json").write_text(blocks("json")[0])
    words = ("simulate", "--policy", "p.yaml", "--timeline", "t.json")
    code, out, _ = cbcr(*words, "--format", "json")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert set(told[0]) == {
        "t", "receiver", "reason", "group", "firing", "resolved", "totals", "escalation_step",
    }  # fmt: skip
    assert "resolved" in cbcr(*words)[1]
    code, out, _ = cbcr("test-route", "--policy", "p.yaml", "rule=rpo", "--format", "json")
    assert json.loads(out)[0]["receiver"] == "dba"
    (tmp_path / "bad.json").write_text('{"events": [{"t": 1, "op": "evalute"}]}')
    code, _, error = cbcr("simulate", "--policy", "p.yaml", "--timeline", "bad.json")
    assert code == 2
    assert "evaluate" in error
    assert cbcr("test-route", "--policy", "p.yaml", "rule")[0] == 2
    (tmp_path / "am.yml").write_text(ALERTMANAGER)
    code, out, error = cbcr("import-alertmanager", "am.yml")
    assert (code, out.startswith("# Converted")) == (0, True)
    assert "am.yml:3: receivers[0].pagerduty_configs[0]: " in error
    assert json.loads(cbcr("schema")[1])["title"] == "CBCR alerting policy"


def test_people_acknowledge_and_silence(cbcr, tmp_path):
    from datetime import UTC, datetime

    from cbcr_assets.steps.own_alerts import Verdict, tell
    from cbcr_assets.steps.platform import open_platform

    (tmp_path / "cbcr.yaml").write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n")
    (tmp_path / "alerting.yaml").write_text(blocks("yaml")[0])
    now = datetime.now(UTC).replace(tzinfo=None)
    verdict = Verdict("run_failed", "job", "watch", "breached", "critical", "it failed")
    tell(open_platform().alerts(), "x", [verdict], reference="1", now=now)
    assert cbcr("ack", 'rule="other"')[0] == 1
    assert cbcr("ack", 'rule="run_failed"', "--by", "ann")[:2] == (0, "acknowledged 1\n")
    code, out, _ = cbcr("list", "--format", "json")
    assert (code, json.loads(out)[0]["acked_by"]) == (1, "ann")
    code, identity, _ = cbcr("silence", 'rule="run_failed"', "--for", "2h", "--comment", "c")
    [listed] = json.loads(cbcr("list", "--silences", "--format", "json")[1])
    assert (code, listed["id"]) == (0, identity.strip())
    assert cbcr("unsilence", "nobody")[0] == 2
    assert cbcr("unsilence", identity.strip())[0] == 0
    assert cbcr("silence", "rule", "--for", "2h")[0] == 2
    assert cbcr("silence", 'rule="x"', "--for", "-2h")[0] == 2
