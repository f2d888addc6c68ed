"""What holds whatever happens: properties of the decision over random histories."""

import json
import sqlite3
from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cbcr_assets.alerting.engine import Verdicts, decide
from cbcr_assets.alerting.inputs import Ack, Silence
from cbcr_assets.alerting.model import Moment, Row, Subject
from cbcr_assets.alerting.snapshot import Snapshot
from cbcr_assets.config import load_policy
from cbcr_assets.config.matchers import Matcher

START = datetime.fromisoformat("2026-11-23T05:00:00")
POLICY = """
route:
  receiver: r
  group_by: [rule]
  group_wait: {wait}
  group_interval: {interval}
  repeat_interval: 2m
  escalation: up
  routes: [{{matchers: ['severity="critical"'], receiver: pager}}]
receivers: [{{name: r, type: console}}, {{name: pager, type: console}},
            {{name: boss, type: console}}]
escalations: {{up: {{steps: [{{after: 40s, receiver: boss}}, {{after: 2m, receiver: pager}}],
               ack_timeout: 1m}}}}
inhibit_rules:
  - {{source_matchers: ['subject_id="0"'], target_matchers: ['subject_id="1"']}}
"""
IDS = "0123"


class Memory:
    """The least that keeps what was decided: dictionaries."""

    def __init__(self, policy):
        self.policy, self.now_e = policy, 0.0
        self.known, self.sent, self.journal = Snapshot(), [], []

    def decide(self, *inputs, passed_s=0.0):
        self.now_e += passed_s
        now = Moment(START + timedelta(seconds=self.now_e), self.now_e)
        self.known.due = [
            (scope, subject, "rpo", state)
            for scope, states in self.known.states.items()
            for subject, state in states.items()
            if state.due_e is not None and state.due_e <= self.now_e
        ]
        decision = decide(self.policy, self.known, inputs, now)
        again = decide(self.policy, self.known, inputs, now)
        assert decision.drafts == again.drafts  # it changed nothing that it was given
        self.keep(decision)
        return decision

    def keep(self, decision):
        known = self.known
        for scope, change in decision.changes:
            known.states.setdefault(scope, {})[change.subject] = change.after
        for key in decision.dropped:
            known.episodes.pop(key, None)
        known.episodes.update(decision.episodes)
        known.groups.update(decision.groups)
        for key in decision.gone:
            known.groups.pop(key, None)
        known.silences += decision.silences
        known.policy_mark = decision.policy_mark
        self.sent += [(self.now_e, draft) for draft in decision.drafts]
        self.journal += [(self.now_e, entry) for entry in decision.journal]


def row(name, status, severity="warning"):
    labels = "{}"
    return Row(Subject("instance", name), "rpo", status, severity, 1.0, 1.0, "s", None, "t", labels,
               "s", "r")  # fmt: skip


verdict = st.tuples(
    st.sampled_from(["ok", "breached", "unknown", "approaching"]),
    st.sampled_from(["warning", "critical"]),
)
happening = st.one_of(
    st.tuples(st.just("say"), st.tuples(*[verdict] * len(IDS))),
    st.tuples(st.just("pass"), st.floats(0, 130)),
    st.tuples(st.just("ack"), st.sampled_from(IDS)),
    st.tuples(st.just("silence"), st.tuples(st.sampled_from(IDS), st.floats(1, 100))),
)
histories = st.lists(happening, min_size=1, max_size=14)
timers = st.tuples(st.sampled_from(["0s", "10s"]), st.sampled_from(["0s", "10s", "1m"]))


def live(memory, history):
    status = dict.fromkeys(IDS, ("ok", "warning"))
    for what, which in history:
        at = START + timedelta(seconds=memory.now_e)
        match what:
            case "say":
                status = dict(zip(IDS, which, strict=True))
                rows = [row(name, *one) for name, one in status.items()]
                memory.decide(Verdicts("rpo", at, rows), passed_s=1)
            case "pass":
                memory.decide(passed_s=which)
            case "ack":
                memory.decide(Ack((Matcher("subject_id", "=", which),), "me"))
            case "silence":
                name, lasts_s = which
                end = at + timedelta(seconds=lasts_s)
                matchers = (Matcher("subject_id", "=", name),)
                memory.decide(Silence(f"s{memory.now_e}", matchers, at, end, "me"))
    return status


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    def make(wait, interval):
        path = tmp_path_factory.mktemp("policy") / "alerting.yaml"
        path.write_text(POLICY.format(wait=wait, interval=interval))
        return load_policy(path, environ={})

    return make


@settings(max_examples=120, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(history=histories, timer=timers)
def test_whatever_happens(policy, history, timer):
    memory = Memory(policy(*timer))
    status = live(memory, history)
    episodes = memory.known.episodes.values()
    still_open = Counter(one.fingerprint for one in episodes if one.resolved_at is None)
    # One open episode for each identity, and exactly for those that are not fine.
    assert max(still_open.values(), default=0) <= 1
    said = any(what == "say" for what, _ in history)
    bad = {name for name, (how, _) in status.items() if how != "ok"} if said else set()
    assert {one.subject.id for one in episodes if one.resolved_at is None} == bad
    # Nobody hears the end of what they never heard the beginning of.
    heard = {}
    for _, draft in memory.sent:
        mine = heard.setdefault(draft.receiver, set())
        for name, _ in draft.resolved:
            assert name in mine or name in draft.untold
        mine -= {name for name, _ in draft.resolved}
        mine |= {name for name, _ in draft.firing}
    # No step after an acknowledgement or the end.
    for number, (at_e, entry) in enumerate(memory.journal):
        if entry.what != "escalated":
            continue
        key = entry.fingerprint, entry.n
        answers = [
            other.what for _, other in memory.journal[:number]
            if (other.fingerprint, other.n) == key
            and other.what in ("acknowledged", "ack_lapsed")
        ]  # fmt: skip
        one = memory.known.episodes[key]
        assert not answers or answers[-1] == "ack_lapsed" or one.raised
        assert one.resolved_at is None or one.resolved_at >= START + timedelta(seconds=at_e - 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(verdict, min_size=4, max_size=4), st.lists(verdict, min_size=4, max_size=4),
       st.randoms())  # fmt: skip
def test_evaluations_of_one_moment_may_come_in_any_order(policy, first, second, random):
    found = []
    for order in range(2):
        memory = Memory(policy("0s", "10s"))
        for verdicts in (first, second):
            inputs = [
                Verdicts(f"scope{name}", START, [row(name, *one)])
                for name, one in zip(IDS, verdicts, strict=True)
            ]
            if order:
                random.shuffle(inputs)
            memory.decide(*inputs, passed_s=15)
        memory.decide(passed_s=30)
        found.append(
            sorted((at, d.receiver, sorted(d.firing), sorted(d.resolved)) for at, d in memory.sent)
        )
    assert found[0] == found[1]


@settings(max_examples=40, deadline=None)
@given(st.lists(verdict, min_size=4, max_size=4), st.integers(1, 3))
def test_the_same_verdicts_again_tell_nobody(policy, verdicts, times):
    memory = Memory(policy("0s", "0s"))
    rows = [row(name, *one) for name, one in zip(IDS, verdicts, strict=True)]
    memory.decide(Verdicts("rpo", START, rows), passed_s=1)
    before = len(memory.sent)
    for _ in range(times):
        decision = memory.decide(Verdicts("rpo", START, rows), passed_s=1)
        assert decision.changes == []
    assert len(memory.sent) == before


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
