"""Every message that was delivered can be explained by the journal, whatever happened."""

import tempfile
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path

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

    def __init__(self, folder, row, evaluation):
        path = folder / "alerting.yaml"
        path.write_text(POLICY)
        self.url, self.now = f"sqlite:///{folder}/alerts.db", START
        self.how = dict.fromkeys(RECEIVERS, Delivered("ref"))
        self.taken, self.told = [], []
        self.row, self.evaluation = row, evaluation
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

    def say(self, verdicts):
        self.now += timedelta(seconds=1)
        minute = (self.now - START).total_seconds() / 60
        rows = [self.row(i, *one) for i, one in zip(IDS, verdicts, strict=True)]
        self.told.append(self.evaluation(*rows, minute=minute))
        self.service.ingest(self.told[-1], now=self.now)
        self.tick(0)

    def replay(self, which):
        """Say an evaluation again that was said before: nothing comes of it."""
        self.tick(0)
        before = len(self.rows(journal)), len(self.rows(outbox))
        for one in self.told[which % max(len(self.told), 1) :][:1]:
            assert self.service.ingest(one, now=self.now).seen_before
        assert (len(self.rows(journal)), len(self.rows(outbox))) == before

    def ack(self, which):
        self.service.say(Ack((Matcher("subject_id", "=", which),), "ann"), now=self.now)

    def silence(self, which):
        name, end = f"s{len(self.service.silences())}", self.now + timedelta(seconds=90)
        matchers = (Matcher("subject_id", "=", which),)
        self.service.say(Silence(name, matchers, self.now, end, "ann"), now=self.now)

    def down(self, which):
        self.how[which] = Retry(None, "down")

    def refuses(self, which):
        self.how[which] = Rejected("no")

    def up(self, which):
        self.how[which] = Delivered("ref")

    def live(self, history):
        for what, which in history:
            getattr(self, what)(which)
        self.how = dict.fromkeys(RECEIVERS, Delivered("ref"))
        for _ in range(4):
            self.tick(400)

    def rows(self, table):
        query = sa.select(table)
        with open_store(self.url).connect() as con:
            ordered = query.order_by(table.c.id) if "id" in table.c else query
            return con.execute(ordered).mappings().all()


verdict = st.tuples(
    st.sampled_from(["ok", "breached", "breached", "unknown"]),
    st.sampled_from(["warning", "critical"]),
)
happening = st.one_of(
    st.tuples(st.just("say"), st.tuples(*[verdict] * len(IDS))),
    st.tuples(st.just("tick"), st.integers(0, 200)),
    st.tuples(st.just("replay"), st.integers(0, 9)),
    st.tuples(st.just("ack"), st.sampled_from(IDS)),
    st.tuples(st.just("silence"), st.sampled_from(IDS)),
    st.tuples(st.just("down"), st.sampled_from(RECEIVERS)),
    st.tuples(st.just("refuses"), st.sampled_from(["page", "log"])),
    st.tuples(st.just("up"), st.sampled_from(RECEIVERS)),
)


def explain(entries, members, message, line, believes):
    """Check that what came before a line of the journal explains the message it tells of."""
    before = defaultdict(list)
    for entry in entries:
        if entry["id"] < line["id"]:
            before[entry["what"], entry["fingerprint"], entry["n"]].append(entry)
    for one in members:
        key = one["fingerprint"], one["n"]
        assert before["opened", *key], "it began"
        assert one["says"] == "firing" or before["resolved", *key], "it ended"
    named = [(one["fingerprint"], one["n"]) for one in members]
    why = {
        "worsened": lambda: any(before["worsened", *key] for key in named),
        "escalation": lambda: {
            e["receiver"] for key in named for e in before["escalated", *key]
        } == {line["receiver"]},
        "acknowledged": lambda: any(
            e["detail"] == message.by for key in named for e in before["acknowledged", *key]
        ),
        "resolved": lambda: any(one["says"] != "firing" for one in members),
        # One that ended and began again between two messages goes on, as far as it knows; and who
        # refused the beginning hears it when it is said again.
        "repeat": lambda: (
            {name for name, _ in named} <= {name for name, _ in believes}
            or line["receiver"] in {e["receiver"] for e in before["dead", None, None]}
        ),
    }  # fmt: skip
    assert why.get(message.kind, lambda: True)(), message.kind


def is_complete(members, message, believes):
    """Tell whether a message says all it is about; only an unheard end may be left out."""
    listed = {(m.fingerprint, m.episode) for m in (*message.members, *message.others)}
    heard = {name for name, _ in believes}
    left_out = [one for one in members if (one["fingerprint"], one["n"]) not in listed]
    return (
        len(listed) == message.total + message.others_total == len(members) - len(left_out)
        and all(o["says"] == "resolved" and o["fingerprint"] not in heard for o in left_out)
    )  # fmt: skip


@settings(max_examples=20, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(history=st.lists(happening, min_size=2, max_size=14))
def test_what_was_sent_is_reachable_from_the_journal(row, evaluation, history):
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder), row, evaluation)
        life.live(history)
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
        assert is_complete(members, message, mine)
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
