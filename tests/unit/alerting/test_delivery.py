"""The outbox and its courier: at least once, in order, nobody waits for somebody else."""

import json
import sqlite3
import threading
import time
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cbcr_assets.alerting import DeliveryReport
from cbcr_assets.alerting.delivery import backoff_s
from cbcr_assets.alerting.receivers.base import Delivered, Rejected, Retry

HOOK = """
route: {{receiver: hook}}
receivers:
  - {{name: hook, type: webhook, url: "{url}/hook"}}
  - {{name: log, type: file, path: alerts.jsonl}}
"""
BOTH = HOOK.replace(
    "route: {{receiver: hook}}",
    "route: {{receiver: log, routes: [{{receiver: hook, continue: true}}, {{receiver: log}}]}}",
)


@pytest.fixture
def hooked(engine_at, stub, tmp_path):
    """An engine that tells the stub."""
    return engine_at(tmp_path, HOOK.format(url=stub.url))


def told(stub):
    return [(body["kind"], body["members"][0]["subject_id"]) for body in stub.bodies()]


def test_a_message_waits_until_its_receiver_takes_it(hooked, stub, row):
    stub.status = 500
    hooked.say(row("db", "breached"))
    assert hooked.deliver() == DeliveryReport(0, 1, 0, 1)
    assert hooked.deliver(after_s=1) == DeliveryReport(0, 0, 0, 1)  # it backs off
    assert hooked.service.alerts()[0].pending == 1
    stub.status = 200
    assert hooked.deliver(after_s=5) == DeliveryReport(1, 0, 0, 0)
    assert len({body["id"] for body in stub.bodies()}) == 1
    assert str(hooked.deliver()) == "delivered 0, retried 0, rejected 0, pending 0"


def test_what_ended_while_the_receiver_was_down_is_one_message(hooked, stub, row):
    stub.status = 503
    for status, severity in [("approaching", "info"), ("breached", "critical"), ("ok", "info")]:
        hooked.say(row("db", status, severity))
        hooked.deliver()
    stub.requests.clear()
    stub.status = 200
    assert hooked.deliver(after_s=600).delivered == 1
    [body] = stub.bodies()
    assert (body["kind"], body["members"][0]["is_untold"]) == ("resolved", True)


def test_retry_after_blocks_that_receiver_only(engine_at, stub, row, tmp_path):
    engine = engine_at(tmp_path, BOTH.format(url=stub.url))
    stub.status, stub.headers = 429, {"Retry-After": "120"}
    engine.say(row("a", "breached"))
    assert engine.deliver() == DeliveryReport(1, 1, 0, 1)
    stub.status, stub.headers = 200, {}
    engine.say(row("b", "breached"), rule="other")
    assert engine.deliver(after_s=100) == DeliveryReport(1, 0, 0, 2)
    assert len(stub.requests) == 1
    assert engine.deliver(after_s=25) == DeliveryReport(2, 0, 0, 0)


def test_an_endless_retry_after_is_an_hour_at_most(hooked, stub, row):
    stub.status, stub.headers = 429, {"Retry-After": "1e300"}
    hooked.say(row("a", "breached"))
    hooked.deliver()
    stub.status = 200
    assert hooked.deliver(after_s=3599).delivered == 0
    assert hooked.deliver(after_s=1).delivered == 1


def test_a_message_that_always_fails_does_not_hold_up_other_rules(hooked, stub, row):
    def answer(path, body):
        stub.status = 500 if body["rule"] == "poison" else 200
        return b""

    stub.answer = answer
    hooked.say(row("a", "breached"), rule="poison")
    hooked.deliver()
    hooked.say(row("b", "breached"), rule="good")
    assert hooked.deliver(after_s=1) == DeliveryReport(1, 0, 0, 1)


def test_a_hanging_receiver_neither_outlasts_the_budget_nor_slows_others(
    engine_at, stub, row, tmp_path
):
    engine = engine_at(tmp_path, BOTH.format(url=stub.url))
    stub.hang = threading.Event()
    for rule in ("r1", "r2", "r3"):
        engine.say(row("a", "breached"), rule=rule)
    began = time.monotonic()
    report = engine.deliver(budget_s=1.0)
    assert time.monotonic() - began < 1.6
    assert (report.delivered, report.retried) == (3, 1)
    assert len(engine.lines()) == 3


def test_a_slow_drip_does_not_outlast_the_budget(hooked, stub, row):
    def drip(path, body):
        time.sleep(3)
        return b""

    stub.answer = drip
    hooked.say(row("a", "breached"))
    began = time.monotonic()
    assert hooked.deliver(budget_s=0.6).retried == 1
    assert time.monotonic() - began < 1.5


def test_nothing_is_begun_without_time(hooked, row):
    hooked.say(row("a", "breached"))
    assert hooked.deliver(budget_s=0) == DeliveryReport(0, 0, 0, 1)


def test_two_couriers_do_not_send_the_same_message(hooked, stub, row):
    stub.hang = threading.Event()
    hooked.say(row("a", "breached"))
    first = threading.Thread(target=hooked.deliver)
    first.start()
    while not stub.requests:
        time.sleep(0.01)
    assert hooked.open().deliver(now=hooked.now, budget_s=1) == DeliveryReport(0, 0, 0, 1)
    stub.hang.set()
    first.join()
    assert len(stub.requests) == 1


def test_what_a_dead_courier_held_is_sent_after_its_lease(hooked, stub, row, monkeypatch):
    hooked.say(row("a", "breached"))
    with monkeypatch.context() as patched:
        patched.setattr("cbcr_assets.alerting.delivery.Courier._mark", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            hooked.deliver(budget_s=1)
    assert hooked.deliver(after_s=10).delivered == 0
    assert hooked.deliver(after_s=2).delivered == 1
    assert len(stub.requests) == 2


def test_a_clock_that_was_set_back_holds_nothing_up(hooked, stub, row):
    stub.status, hooked.boot_s = 500, 100.0
    hooked.now += timedelta(days=1)
    hooked.say(row("a", "breached"))
    hooked.deliver()
    stub.status = 200
    hooked.sleep(6, jump_s=-86_400)
    assert hooked.deliver().delivered == 1
    assert hooked.say(row("a", "ok")).resolved == 1


FALLBACK = HOOK + "fallback: log\n"


def test_a_refusal_is_final_visible_and_told_to_the_fallback(engine_at, stub, row, tmp_path):
    engine = engine_at(tmp_path, FALLBACK.format(url=stub.url))
    stub.status = 403
    engine.say(row("db", "breached"))
    assert engine.deliver() == DeliveryReport(1, 0, 1, 0)
    [line] = engine.lines()
    assert line["undelivered"] == {"receiver": "hook", "why": "HTTP 403"}
    assert "Meant for hook" in line["text"]
    assert engine.service.alerts()[0].dead == 1
    stub.status = 200
    assert [one["kind"] for one in engine.told(row("db", "ok"))] == ["resolved"]
    assert len(stub.requests) == 1  # the hook never heard the beginning


def test_without_a_fallback_a_refusal_stays_visible(hooked, stub, row):
    stub.status = 400
    hooked.say(row("db", "breached"))
    hooked.deliver()
    hooked.say(row("db", "ok"))
    assert hooked.deliver() == DeliveryReport(0, 0, 0, 0)
    [view] = hooked.service.alerts(only_open=False)
    assert (view.state, view.dead) == ("resolved", 1)


def test_an_end_that_was_queued_before_the_beginning_was_refused_goes_to_the_fallback(
    engine_at, stub, row, tmp_path
):
    engine = engine_at(tmp_path, FALLBACK.format(url=stub.url))
    stub.status = 500
    engine.say(row("a", "breached"), row("b", "breached"))
    engine.deliver()
    engine.say(row("a", "ok"), row("b", "ok"))
    stub.status = 403
    engine.deliver(after_s=60)
    engine.deliver(after_s=60)
    [line] = engine.lines()
    assert (line["kind"], [m["is_untold"] for m in line["members"]]) == ("resolved", [True] * 2)
    assert [body["kind"] for body in stub.bodies()] == ["opened", "resolved"]
    assert engine.deliver() == DeliveryReport(0, 0, 0, 0)


def test_an_end_says_whose_beginning_was_never_heard(hooked, stub, row):
    hooked.say(row("heard", "breached"))
    hooked.deliver()
    stub.status = 500
    hooked.say(row("heard", "breached"), row("lost", "breached"))
    hooked.deliver()
    hooked.say(row("heard", "ok"), row("lost", "ok"))
    stub.status = 403
    hooked.deliver(after_s=60, budget_s=5)
    last = stub.bodies()[-1]
    assert (last["kind"], last["total"], last["not_listed"]) == ("resolved", 2, 0)
    assert {m["subject_id"]: m["is_untold"] for m in last["members"]} == {
        "heard": False, "lost": True,
    }  # fmt: skip


def test_after_a_day_a_message_is_given_up(engine_at, stub, row, tmp_path):
    engine = engine_at(tmp_path, FALLBACK.format(url=stub.url))
    stub.status = 500
    engine.say(row("db", "breached"))
    engine.deliver()
    assert engine.deliver(after_s=23 * 3600).retried == 1
    assert engine.deliver(after_s=3600).rejected == 1
    assert len(engine.lines()) == 1


def test_a_receiver_that_left_the_policy_is_no_end_of_the_message(engine_at, stub, row, tmp_path):
    engine = engine_at(tmp_path, FALLBACK.format(url=stub.url))
    engine.say(row("db", "breached"))
    text = FALLBACK.format(url=stub.url)
    engine.use(text.replace("receiver: hook", "receiver: new").replace("name: hook", "name: new"))
    assert engine.deliver() == DeliveryReport(1, 0, 1, 0)
    assert engine.lines()[0]["undelivered"]["why"] == "alerting.yaml has no such receiver any more"


def test_a_faulty_channel_does_not_stop_the_others(engine_at, stub, row, tmp_path, monkeypatch):
    engine = engine_at(tmp_path, BOTH.format(url=stub.url))
    monkeypatch.setattr("cbcr_assets.alerting.receivers.webhook.post", lambda *_, **__: 1 / 0)
    engine.say(row("db", "breached"))
    assert engine.deliver() == DeliveryReport(1, 1, 0, 1)


def test_slack_gets_a_thread_and_its_mark(engine_at, stub, like_slack, row, tmp_path):
    stub.answer = like_slack
    engine = engine_at(
        tmp_path,
        f"""
route: {{receiver: slack}}
receivers:
  - {{name: slack, type: slack, token: env:T, channel: "#db", base_url: "{stub.url}/api"}}
""",
        environ={"T": "xoxb"},
    )
    engine.say(row("a", "breached"), row("b", "breached"))
    engine.deliver()
    engine.say(row("a", "ok"), row("b", "breached"))
    engine.deliver()
    assert len(stub.bodies("chat.update")) == 0
    engine.say(row("a", "ok"), row("b", "ok"))
    engine.deliver()
    first, second, third = stub.bodies("chat.postMessage")
    [mark] = stub.bodies("chat.update")
    assert "thread_ts" not in first
    assert second["thread_ts"] == third["thread_ts"] == mark["ts"]
    assert "all 2 are ok" in mark["text"]


def test_backoff_grows_from_five_seconds_to_five_minutes():
    assert [backoff_s(n, jitter=0) for n in range(1, 9)] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert backoff_s(10_000, jitter=1) == 225


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_backoff_stays_within_its_bounds(attempt, jitter):
    assert 5 <= backoff_s(attempt, jitter=jitter) <= 300


step = st.one_of(
    st.tuples(
        st.just("say"), st.sampled_from("ab"), st.sampled_from(["ok", "breached", "unknown"])
    ),
    st.tuples(st.just("deliver"), st.sampled_from(["ok", "retry", "reject"]), st.just("")),
    st.tuples(st.just("restart"), st.just(""), st.just("")),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(step, max_size=14))
@pytest.mark.slow
def test_whatever_happens_every_receiver_hears_sense(engine_at, tmp_path_factory, row, steps):
    # No end without its beginning, one open episode each, and nothing is lost but the refused.
    answers = {"ok": Delivered("x"), "retry": Retry(None, "down"), "reject": Rejected("no")}
    heard = []

    class Channel:
        answer = "ok"

        def send(self, outgoing, *, now, timeout_s):
            if self.answer == "ok":
                heard.append(outgoing.message)
            return answers[self.answer]

    channel = Channel()
    engine = engine_at(tmp_path_factory.mktemp("engine"))
    status = {"a": "ok", "b": "ok"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("cbcr_assets.alerting.delivery.build", lambda *_, **__: channel)
        for what, which, how in steps:
            if what == "say":
                status[which] = how
                engine.say(*(row(name, one) for name, one in status.items()))
            elif what == "deliver":
                channel.answer = which
                engine.deliver(after_s=301)
            else:
                engine.service = engine.open()
            is_open = {view.subject_id for view in engine.service.alerts()}
            assert is_open == {name for name, one in status.items() if one != "ok"}
        channel.answer = "ok"
        while engine.deliver(after_s=301).pending:
            continue
    last = {}
    for subject, episode, fact in facts_of(heard):
        if fact == "resolved":
            assert last[subject] == (episode, "firing")
        last[subject] = episode, "firing" if fact == "firing" else "over"
    if ("deliver", "reject") not in [step[:2] for step in steps]:
        newest = {view.subject_id: view.is_open for view in engine.service.alerts(only_open=False)}
        newest |= {view.subject_id: True for view in engine.service.alerts()}
        assert {name: how == "firing" for name, (_, how) in last.items()} == newest


def facts_of(messages):
    """Yield what was said about each episode: firing, resolved, or both at once."""
    for message in messages:
        ends, starts = message.members, message.others
        if message.kind != "resolved":
            ends, starts = starts, ends
        for member in ends:
            yield member.subject_id, member.episode, "both" if member.is_untold else "resolved"
        for member in starts:
            yield member.subject_id, member.episode, "firing"


def test_messages_are_plain_json_in_the_outbox(hooked, row, tmp_path):
    hooked.say(row("db", "breached"))
    con = sqlite3.connect(tmp_path / "alerts.db")
    [[payload]] = con.execute("select payload from outbox").fetchall()
    con.close()
    assert json.loads(payload)["rule"] == "rpo"
