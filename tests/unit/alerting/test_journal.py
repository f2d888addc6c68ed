"""Every message that was delivered can be explained by the journal, whatever happened."""

import tempfile
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cbcr_assets.alerting import Ack, Links, Silence, open_service
from cbcr_assets.alerting.receivers.base import Delivered, Rejected, Retry
from cbcr_assets.alerting.tables import (
    alert_group,
    group_member,
    journal,
    open_store,
    outbox,
    outbox_member,
)
from cbcr_assets.config import load_policy
from cbcr_assets.config.matchers import Matcher

START = datetime.fromisoformat("2026-11-23T05:00:00")
IDS = "0123"
RECEIVERS = ("page", "log", "boss")
POLICY = """
route:
  receiver: log
  group_by: [subject_id]
  group_interval: 20s
  repeat_interval: 3m
  escalation: up
  routes: [{matchers: ['severity="critical"'], receiver: page, continue: true},
           {matchers: ['severity=~".+"'], receiver: log}]
receivers:
- {name: log, type: slack, channel: c, token: env:T, storm: {max_groups: 1, window: 1m}}
- {name: page, type: pagerduty, routing_key: env:T, storm: {max_groups: 1, window: 1m}}
- {name: boss, type: console}
escalations: {up: {steps: [{after: 1m, receiver: boss}], ack_timeout: 2m}}
flapping: {transitions: 4, window: 5m, quiet: 1m}
fallback: boss
"""


class Life:
    """An engine over a store of its own, and what its receivers took."""

    def __init__(self, folder):
        path = folder / "alerting.yaml"
        path.write_text(POLICY)
        self.url, self.now = f"sqlite:///{folder}/alerts.db", START
        self.how = dict.fromkeys(RECEIVERS, Delivered("ref"))
        self.taken = []
        policy = load_policy(path, environ={"T": "t"})
        self.service = open_service(
            store_url=self.url, policy=policy, links=Links("", ""), channel=self.channel
        )

    def channel(self, config):
        life = self

        class Channel:
            def send(self, outgoing, *, now, timeout_s):
                outcome = life.how[config.name]
                if isinstance(outcome, Delivered):
                    life.taken.append((config.name, outgoing.message))
                return outcome

        return Channel()

    def tick(self, after_s):
        self.now += timedelta(seconds=after_s)
        self.service.tick(now=self.now)

    def rows(self, table):
        order = table.c.id if "id" in table.c else None
        with open_store(self.url).connect() as con:
            return con.execute(sa.select(table).order_by(order)).mappings().all()


verdict = st.tuples(
    st.sampled_from(["ok", "breached", "breached", "unknown"]),
    st.sampled_from(["warning", "critical"]),
)
happening = st.one_of(
    st.tuples(st.just("say"), st.tuples(*[verdict] * len(IDS))),
    st.tuples(st.just("pass"), st.integers(0, 200)),
    st.tuples(st.just("ack"), st.sampled_from(IDS)),
    st.tuples(st.just("silence"), st.sampled_from(IDS)),
    st.tuples(st.just("down"), st.sampled_from(RECEIVERS)),
    st.tuples(st.just("refuses"), st.sampled_from(["page", "log"])),
    st.tuples(st.just("up"), st.sampled_from(RECEIVERS)),
)


@pytest.fixture
def live(row, evaluation):
    def run(life, history):
        for what, which in history:
            match what:
                case "say":
                    life.now += timedelta(seconds=1)
                    minute = (life.now - START).total_seconds() / 60
                    rows = [row(i, *one) for i, one in zip(IDS, which, strict=True)]
                    life.service.ingest(evaluation(*rows, minute=minute), now=life.now)
                    life.tick(0)
                case "pass":
                    life.tick(which)
                case "ack":
                    word = Ack((Matcher("subject_id", "=", which),), "ann")
                    life.service.say(word, now=life.now)
                case "silence":
                    matchers = (Matcher("subject_id", "=", which),)
                    end = life.now + timedelta(seconds=90)
                    name = f"s{life.now.isoformat()}"
                    word = Silence(name, matchers, life.now, end, "ann")
                    if name not in {one.id for one in life.service.silences()}:
                        life.service.say(word, now=life.now)
                case "down":
                    life.how[which] = Retry(None, "down")
                case "refuses":
                    life.how[which] = Rejected("no")
                case "up":
                    life.how[which] = Delivered("ref")
        life.how = dict.fromkeys(RECEIVERS, Delivered("ref"))
        for _ in range(4):
            life.tick(400)

    return run


def explain(entries, members, message, line, believes):
    """Check that what came before a line of the journal explains the message it tells of."""
    before = defaultdict(list)
    for entry in entries:
        if entry["id"] < line["id"]:
            before[entry["what"], entry["fingerprint"], entry["n"]].append(entry)
    for one in members:
        key = one["fingerprint"], one["n"]
        assert before["opened", *key], "it began"
        if one["says"] != "firing":
            assert before["resolved", *key], "it ended"
    named = [(one["fingerprint"], one["n"]) for one in members]
    listed = {(m.fingerprint, m.episode) for m in (*message.members, *message.others)}
    assert listed <= set(named)
    assert message.total + message.others_total == len(listed)
    for one in members:
        if (one["fingerprint"], one["n"]) not in listed:
            unheard = one["fingerprint"] not in {name for name, _ in believes}
            assert one["says"] == "resolved" and unheard, "only ends that nobody heard begin"
    match message.kind:
        case "worsened":
            assert any(before["worsened", *key] for key in named)
        case "escalation":
            step = [e for key in named for e in before["escalated", *key]]
            assert {e["receiver"] for e in step} == {line["receiver"]}
        case "acknowledged":
            who = [e["detail"] for key in named for e in before["acknowledged", *key]]
            assert message.by in who
        case "resolved":
            assert any(one["says"] != "firing" for one in members)


@settings(max_examples=20, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(history=st.lists(happening, min_size=2, max_size=14))
def test_what_was_sent_is_reachable_from_the_journal(live, history):
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder))
        live(life, history)
        entries = life.rows(journal)
        messages = {one["id"]: one for one in life.rows(outbox)}
        of_message = defaultdict(list)
        for one in life.rows(outbox_member):
            of_message[one["outbox_id"]].append(one)
        groups = {one["key"]: one["receiver"] for one in life.rows(alert_group)}
        heard = life.rows(group_member)
    sent = [entry for entry in entries if entry["what"] == "sent"]
    # One line of the journal for each message that was taken, and no other.
    told = Counter((e["receiver"], messages[e["outbox_id"]]["dedup_key"]) for e in sent)
    assert told == Counter((name, message.id) for name, message in life.taken)
    contents = {(name, message.id): message for name, message in life.taken}
    believes = defaultdict(set)
    for line in sent:
        members = of_message[line["outbox_id"]]
        message = contents[line["receiver"], messages[line["outbox_id"]]["dedup_key"]]
        mine = believes[line["receiver"]]
        explain(entries, members, message, line, mine)
        if message.kind == "repeat":
            again = {(one["fingerprint"], one["n"]) for one in members}
            assert again <= {(name, n) for name, n in mine}, "only what it knows is said again"
        if message.kind == "acknowledged":
            continue
        for one in members:
            mine -= {(name, n) for name, n in mine if name == one["fingerprint"]}
            if one["says"] == "firing":
                mine.add((one["fingerprint"], one["n"]))
    # What the engine thinks that a receiver knows is what the journal says it was told.
    dead = {entry["receiver"] for entry in entries if entry["what"] in ("dead", "skipped")}
    for name in set(RECEIVERS) - dead - {"boss"}:
        thinks = {one["fingerprint"] for one in heard
                  if groups[one["group_key"]] == name and one["heard"]}  # fmt: skip
        assert thinks == {fingerprint for fingerprint, _ in believes[name]}
