"""Receivers against a real HTTP server: what they send and how they read the answer."""

import json
import logging
import socket
import threading
import time
from datetime import datetime, timedelta

import pytest

from cbcr_assets.alerting import Links
from cbcr_assets.alerting.message import Member, Message, Outgoing, Thread
from cbcr_assets.alerting.receivers import build
from cbcr_assets.alerting.receivers.base import Delivered, Rejected, Retry, retry_after_s
from cbcr_assets.config.alerting import (
    ConsoleReceiver,
    FileReceiver,
    SlackReceiver,
    SlackWebhookReceiver,
    WebhookReceiver,
)

AT = datetime.fromisoformat("2026-11-23T05:00:00")
SECRET = "s3cr3t-value"
MEMBER = Member(
    fingerprint="f", episode=1, subject_kind="instance", subject_id="db", status="breached",
    severity="critical", value=1.0, objective=2.0, unit="s", started_at=AT, summary="late",
    was="", runbook="", labels={},
)  # fmt: skip
MESSAGE = Message(
    id="m1", kind="opened", rule="rpo", team="t", severity="critical", total=1,
    counts={"breached": 1}, members=(MEMBER,), evaluation_id="e", evaluated_at=AT,
)  # fmt: skip
PARENT = json.dumps({"channel": "C7", "ts": "1.5"})


@pytest.fixture
def channel(stub):
    """Build a channel of each HTTP kind that talks to the stub."""
    environ = {"SECRET": SECRET, "URL": f"{stub.url}/services/{SECRET}"}
    configs = {
        "slack": {"model": SlackReceiver, "token": "env:SECRET", "channel": "#db",
                  "base_url": f"{stub.url}/api/"},
        "slack_webhook": {"model": SlackWebhookReceiver, "url": "env:URL"},
        "webhook": {"model": WebhookReceiver, "url": "env:URL", "bearer": "env:SECRET"},
    }  # fmt: skip

    def make(kind, environ=environ, **facts):
        config = {**configs[kind], **facts, "name": kind, "type": kind}
        model = config.pop("model").model_validate(config)
        return build(model, links=Links("http://dash", "http://dagster"), environ=environ)

    return make


@pytest.fixture
def send(channel, stub, like_slack):
    """Send a message over a channel; the stub answers what that channel expects."""

    def send_one(kind, outgoing=None, timeout_s=5.0, **facts):
        if kind == "slack":
            stub.answer = stub.answer or like_slack
        outgoing = outgoing or Outgoing(MESSAGE)
        return channel(kind, **facts).send(outgoing, now=AT, timeout_s=timeout_s)

    return send_one


KINDS = ["slack", "slack_webhook", "webhook"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_arrives(kind, send, stub):
    assert isinstance(send(kind), Delivered)
    [(_, headers, body)] = stub.requests
    assert "db breached: late" in json.dumps(body, ensure_ascii=False)
    assert (headers.get("Authorization") == f"Bearer {SECRET}") == (kind != "slack_webhook")


def test_a_webhook_gets_facts_and_an_idempotency_key(send, stub):
    send("webhook")
    [(_, headers, body)] = stub.requests
    assert headers["Idempotency-Key"] == body["id"] == "m1"
    assert (body["version"], body["kind"], body["total"], body["not_listed"]) == (1, "opened", 1, 0)
    assert body["evaluated_at"] == "2026-11-23T05:00:00.000Z"
    assert body["members"][0]["link"] == "http://dash/instance?id=db"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (429, {"Retry-After": "7"}, Retry(7.0, "HTTP 429")),
        (429, {"retry-after": "Mon, 23 Nov 2026 05:02:00 GMT"}, Retry(120.0, "HTTP 429")),
        (429, {}, Retry(None, "HTTP 429")),
        (500, {}, Retry(None, "HTTP 500")),
        (503, {"Retry-After": "30"}, Retry(30.0, "HTTP 503")),
        (404, {}, Rejected("HTTP 404")),
    ],
)
def test_an_http_status_is_read(kind, status, headers, outcome, send, stub):
    stub.status, stub.headers, stub.answer = status, headers, lambda *_: b"<html>no</html>"
    assert send(kind) == outcome


@pytest.mark.parametrize("kind", ["slack_webhook", "webhook"])
def test_a_secret_is_not_carried_elsewhere(kind, send, stub):
    stub.status, stub.headers = 307, {"Location": f"{stub.url}/elsewhere"}
    stub.answer = lambda *_: b""
    assert send(kind) == Rejected("HTTP 307")
    assert len(stub.requests) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_listens(kind, channel):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    facts = {"base_url": f"http://127.0.0.1:{port}/"} if kind == "slack" else {}
    environ = {"SECRET": SECRET, "URL": f"http://127.0.0.1:{port}/{SECRET}"}
    outcome = channel(kind, environ, **facts).send(Outgoing(MESSAGE), now=AT, timeout_s=2)
    assert isinstance(outcome, Retry)
    assert outcome.why.startswith("no answer: ")


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_hangs_is_left_in_time(kind, send, stub):
    stub.hang = threading.Event()
    began = time.monotonic()
    outcome = send(kind, timeout_s=0.3)
    assert time.monotonic() - began < 2
    assert isinstance(outcome, Retry)


@pytest.mark.parametrize("kind", ["slack", "slack_webhook"])
def test_an_answer_that_is_not_slacks_is_no_receipt(kind, send, stub):
    stub.answer = lambda *_: b"<html>please log in</html>"
    assert send(kind) == Retry(None, "the answer is not Slack's")


def test_slack_webhook_names_the_error_only_if_it_is_one(send, stub):
    stub.status, stub.answer = 403, lambda *_: b"action_prohibited"
    assert send("slack_webhook") == Rejected("HTTP 403 action_prohibited")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("channel_not_found", Rejected("Slack says channel_not_found")),
        ("invalid_auth", Rejected("Slack says invalid_auth")),
        ("ratelimited", Retry(None, "Slack says ratelimited")),
        ("internal_error", Retry(None, "Slack says internal_error")),
        ("<b>Oops", Retry(None, "the answer is not Slack's")),
    ],
)
def test_slack_says_no(error, outcome, send, stub):
    stub.answer = lambda *_: json.dumps({"ok": False, "error": error}).encode()
    assert send("slack") == outcome


def over(thread):
    return Outgoing(Message(**{**vars(MESSAGE), "kind": "resolved"}), thread)


def test_slack_answers_in_the_thread_and_marks_what_is_over(send, stub):
    outcome = send("slack", over(Thread(PARENT, 1, is_over=True)))
    assert isinstance(outcome, Delivered)
    [(post, _, reply), (update, _, mark)] = stub.requests
    assert (post, update) == ("/api/chat.postMessage", "/api/chat.update")
    assert (reply["channel"], reply["thread_ts"]) == ("C7", "1.5")
    assert (mark["channel"], mark["ts"]) == ("C7", "1.5")
    assert mark["text"].startswith("✅")


def test_slack_marks_nothing_while_something_is_open(send, stub):
    send("slack", over(Thread(PARENT, 2, is_over=False)))
    assert [path for path, _, _ in stub.requests] == ["/api/chat.postMessage"]


def test_slack_posts_openly_when_the_thread_is_gone(send, stub, like_slack):
    def answer(path, body):
        if "thread_ts" in body:
            return json.dumps({"ok": False, "error": "thread_not_found"}).encode()
        return like_slack(path, body)

    stub.answer = answer
    assert isinstance(send("slack", over(Thread(PARENT, 1, is_over=True))), Delivered)
    assert [body.get("thread_ts") for body in stub.bodies("chat.postMessage")] == ["1.5", None]


def test_slack_has_the_message_even_if_the_mark_fails(send, stub, like_slack):
    stub.answer = lambda path, body: b"{" if "update" in path else like_slack(path, body)
    assert isinstance(send("slack", over(Thread(PARENT, 1, is_over=True))), Delivered)


@pytest.mark.parametrize("ref", ["", "garbage", "[]", "{}"])
def test_slack_bears_a_strange_reference(ref, send, stub):
    assert isinstance(send("slack", over(Thread(ref, 1, is_over=True))), Delivered)
    assert [path for path, _, _ in stub.requests] == ["/api/chat.postMessage"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_that_is_not_there_waits(kind, channel, stub):
    outcome = channel(kind, {}).send(Outgoing(MESSAGE), now=AT, timeout_s=1)
    assert isinstance(outcome, Retry)
    assert "not set" in outcome.why
    assert stub.requests == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [200, 429, 403, 500])
def test_no_secret_is_ever_logged_or_told(kind, status, channel, send, stub, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    stub.status, stub.answer = status, lambda *_: b"garbage " + SECRET.encode()
    outcome = send(kind)
    nobody = {"SECRET": SECRET, "URL": f"http:///{SECRET}"}
    broken = channel(kind, nobody).send(Outgoing(MESSAGE), now=AT, timeout_s=1)
    told = [repr(outcome), repr(broken), repr(channel(kind)), *capfd.readouterr()]
    told += [record.getMessage() for record in caplog.records]
    assert SECRET not in "\n".join(told)


def test_a_file_gets_one_line_a_message(tmp_path):
    config = FileReceiver(name="f", type="file", path=tmp_path / "deep" / "alerts.jsonl")
    channel = build(config, links=Links("d", "g"), environ={})
    for _ in range(2):
        assert channel.send(Outgoing(MESSAGE), now=AT, timeout_s=1) == Delivered()
    lines = [json.loads(line) for line in config.path.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["m1", "m1"]
    assert lines[0]["sent_at"] == "2026-11-23T05:00:00.000Z"


def test_a_file_that_cannot_be_written_waits(tmp_path):
    config = FileReceiver(name="f", type="file", path=tmp_path)
    outcome = build(config, links=Links("d", "g"), environ={}).send(
        Outgoing(MESSAGE), now=AT, timeout_s=1
    )
    assert isinstance(outcome, Retry)
    assert "cannot be written" in outcome.why


def test_the_console_prints_on_standard_error(capsys):
    channel = build(ConsoleReceiver(name="c", type="console"), links=Links("d", "g"), environ={})
    assert channel.send(Outgoing(MESSAGE), now=AT, timeout_s=1) == Delivered()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("🔴 CRITICAL rpo: db breached")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("1.5", 1.5), ("-3", 0.0), ("soon", None), ("nan", None), ("inf", None), ("", None),
     ("Mon, 23 Nov 2026 04:00:00 GMT", 0.0), ("Mon, 23 Nov 2026 06:01:00 +0100", 60.0)],
)  # fmt: skip
def test_retry_after_is_read(header, seconds):
    assert retry_after_s({"RETRY-after": header}, now=AT) == seconds
    assert retry_after_s({}, now=AT + timedelta(days=1)) is None
