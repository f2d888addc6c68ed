"""What holds whatever happens: properties of the decision over random histories."""

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
