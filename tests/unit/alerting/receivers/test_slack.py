"""Slack: threads, the first message that stays true, the button, and Block Kit."""

import json
from dataclasses import replace

import pytest

from cbcr_assets.alerting.message import Outgoing, Thread
from cbcr_assets.alerting.receivers.base import Delivered, Rejected, Retry
from cbcr_assets.alerting.receivers.blocks import blocks, over, summary
from cbcr_assets.alerting.receivers.signing import unseal

PARENT = json.dumps({"channel": "C1", "ts": "1.5"})


@pytest.fixture
def send(channel, server, good, at):
    def send_one(message, thread=None, **settings):
        server.answer = server.answer if settings.pop("as_is", False) else good("slack")
        return channel("slack", **settings).send(Outgoing(message, thread), now=at, timeout_s=5)

    return send_one


def texts(shown):
    """Every text of blocks, by its kind."""
    found = []

    def walk(value):
        if isinstance(value, dict):
            if value.get("type") in ("plain_text", "mrkdwn"):
                found.append((value["type"], value["text"]))
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                walk(each)

    walk(shown)
    return found


def test_a_beginning_is_posted_and_remembered(send, server, message, secret):
    outcome = send(message)
    assert json.loads(outcome.ref) == {"channel": "C7", "ts": "17.5"}
    [(path, headers, body)] = server.requests
    assert path == "/api/chat.postMessage"
    assert headers["authorization"] == f"Bearer {secret}"
    assert body["metadata"]["event_payload"] == {"id": "m1"}
    assert (body["channel"], body["mrkdwn"]) == ("#db", False)
    assert "thread_ts" not in body


@pytest.mark.parametrize("reason", ["opened", "repeat", "escalation"])
def test_what_goes_on_is_said_in_the_thread_and_in_the_channel(reason, send, server, message):
    outcome = send(
        replace(message, kind=reason, escalation_step=1), Thread(PARENT, 1, is_over=False)
    )
    [(path, _, body)] = server.requests
    assert path == "/api/chat.postMessage"
    assert (body["channel"], body["thread_ts"], body["reply_broadcast"]) == ("C1", "1.5", True)
    # The thread's beginning stays the reference.
    assert outcome == Delivered(PARENT)


def test_an_acknowledgement_changes_the_first_message(send, server, message, secret):
    told = replace(message, kind="acknowledged", by="Ann", incident="i")
    assert send(told, Thread(PARENT, 1, is_over=False), signing_secret="env:SECRET") == Delivered(
        PARENT
    )
    [(path, _, body)] = server.requests
    assert (path, body["channel"], body["ts"]) == ("/api/chat.update", "C1", "1.5")
    assert body["text"].startswith("👀 Ann takes care of rpo: orders-db")
    assert "button" not in json.dumps(body)


def test_an_end_is_said_in_the_thread_and_changes_the_first_message(send, server, resolved):
    outcome = send(resolved(), Thread(PARENT, 1, is_over=True))
    assert outcome == Delivered(PARENT)
    [(post, _, reply), (update, _, mark)] = server.requests
    assert (post, update) == ("/api/chat.postMessage", "/api/chat.update")
    assert (reply["thread_ts"], reply["reply_broadcast"]) == ("1.5", False)
    assert (mark["channel"], mark["ts"]) == ("C1", "1.5")
    assert mark["text"].startswith("✅ rpo: orders-db: it is ok since")


def test_nothing_is_marked_over_while_something_is_open(send, server, resolved):
    send(resolved(), Thread(PARENT, 2, is_over=False))
    assert [path for path, _, _ in server.requests] == ["/api/chat.postMessage"]


@pytest.mark.parametrize("word", ["thread_not_found", "message_not_found"])
@pytest.mark.parametrize("reason", ["acknowledged", "resolved", "escalation"])
def test_what_cannot_be_continued_is_said_openly(word, reason, send, server, message, good, at):
    def answer(path, body):
        if "thread_ts" in body or "update" in path:
            return json.dumps({"ok": False, "error": word}).encode()
        return good("slack")(path, body)

    server.answer = answer
    told = replace(message, kind=reason)
    assert isinstance(send(told, Thread(PARENT, 1, is_over=False), as_is=True), Delivered)
    assert server.bodies()[-1]["channel"] == "#db"
    assert "thread_ts" not in server.bodies()[-1]


def test_the_message_is_delivered_even_if_the_mark_fails(send, server, resolved, good):
    server.answer = lambda path, body: b"{" if "update" in path else good("slack")(path, body)
    outcome = send(resolved(), Thread(PARENT, 1, is_over=True), as_is=True)
    assert isinstance(outcome, Delivered)


@pytest.mark.parametrize("word", ["cant_update_message", "edit_window_closed"])
def test_what_cannot_be_changed_is_answered_in_the_thread(word, send, server, message, good):
    def answer(path, body):
        if "update" in path:
            return json.dumps({"ok": False, "error": word}).encode()
        return good("slack")(path, body)

    server.answer = answer
    told = replace(message, kind="acknowledged", by="Ann")
    assert send(told, Thread(PARENT, 1, is_over=False), as_is=True) == Delivered(PARENT)
    last = server.bodies()[-1]
    assert (last["thread_ts"], last["reply_broadcast"]) == ("1.5", False)


def test_a_button_that_cannot_be_sealed_stops_no_message(send, server, message):
    assert isinstance(send(message, signing_secret="env:NOWHERE"), Delivered)
    assert "actions" not in [block["type"] for block in server.bodies()[0]["blocks"]]


def test_a_failed_update_is_tried_again(send, server, message):
    server.status, server.headers = 429, {"Retry-After": "3"}
    told = replace(message, kind="acknowledged")
    assert send(told, Thread(PARENT, 1, is_over=False)) == Retry(3.0, "HTTP 429")


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
def test_slack_says_no(error, outcome, send, server, message):
    server.answer = lambda *_: json.dumps({"ok": False, "error": error}).encode()
    assert send(message, as_is=True) == outcome


@pytest.mark.parametrize("status", [429, 503])
def test_a_word_with_a_bad_status_is_passing(status, send, server, message):
    server.status, server.headers = status, {"Retry-After": "9"}
    server.answer = lambda *_: b'{"ok": false, "error": "oops"}'
    assert send(message, as_is=True) == Retry(9.0, "Slack says oops")


def test_a_webhook_names_the_error_only_if_it_is_one(channel, server, message, at):
    server.status, server.answer = 403, lambda *_: b"action_prohibited"
    outcome = channel("slack_webhook").send(Outgoing(message), now=at, timeout_s=5)
    assert outcome == Rejected("HTTP 403 action_prohibited")


def test_the_button_is_sealed_and_only_there_while_it_asks_for_something(
    send, server, message, resolved, secret
):
    setting = {"signing_secret": "env:SECRET"}
    told = replace(message, incident="i-7")
    send(told, **setting)
    actions = next(b for b in server.bodies()[0]["blocks"] if b["type"] == "actions")
    [button] = actions["elements"]
    assert unseal(secret, button["value"]) == "i-7"
    assert unseal("another", button["value"]) is None
    assert len(button["value"]) <= 2_000
    seen = replace(told, members=(replace(told.members[0], acked_by="Ann"),))
    for without in (
        seen,
        resolved(),
        replace(told, kind="digest"),
    ):
        send(without, **setting)
        assert "actions" not in [b["type"] for b in server.bodies()[-1]["blocks"]]
    send(told)
    assert "actions" not in [b["type"] for b in server.bodies()[-1]["blocks"]]


def test_blocks_of_one_breach(message, links):
    head, said, facts, places, foot = blocks(message, links)
    assert head["text"]["text"] == (
        "🔴 CRITICAL orders-db would lose 1 h 30 min of data, the objective is 1 h"
        " (rpo, team payments)"
    )
    assert said["text"]["text"] == (
        "Its newest recovery point is 2026-11-23 03:30:00 UTC (20261122-233000F)"
    )
    assert [field["text"] for field in facts["fields"]] == [
        "Since\n2026-11-23 04:30 UTC, 30 min ago",
        "How bad\n1 h 30 min, 150 % of the objective 1 h",
        "Verdict\nrpo breached",
        "Error code\n056",
    ]
    assert places["text"]["text"].startswith(
        "<https://wiki/rpo.md|What to do>  ·  <http://dash/instance?id=orders-db|Look at it>"
    )
    assert foot["elements"][0]["text"] == "Evaluated 2026-11-23 05:00:00 UTC"


@pytest.mark.parametrize("size", [10, 600, 5_000])
@pytest.mark.parametrize("character", ["x", "<", "🔴", "*"])
def test_sizes_hold_and_totals_stay_true(size, character, storm, links):
    shown = blocks(storm(50_000, summary=character * size, was=character * size), links)
    found = [text for _, text in texts(shown)]
    assert 3 < len(shown) <= 50
    assert max(len(text.encode("utf-16-le")) // 2 for text in found) <= 3_000
    assert sum(len(text.encode("utf-16-le")) // 2 for text in found) <= 10_000
    assert "50000 instances" in found[0]
    assert "50000 in all" in found[-1]
    left_out = 20 - sum(block["type"] == "section" for block in shown[:-2])
    assert (f"… {left_out} of these have no room here" in found[-1]) is (left_out > 0)


def test_what_is_over_replaces_the_first_message(resolved, links):
    text, shown = over(resolved(), Thread("ref", 1, is_over=True), links)
    assert text == "✅ rpo: orders-db: it is ok since 2026-11-23 05:00:00 UTC"
    assert len(shown) > 2
    text, shown = over(resolved(), Thread("ref", 500, is_over=True), links)
    assert text == "✅ rpo: all 500 are ok since 2026-11-23 05:00:00 UTC"
    assert len(shown) == 1


def test_a_notification_holds_no_control_sequence(message, member):
    hostile = replace(member, summary="<!channel> & <http://x|y>", subject_id="a<b")
    text = summary(replace(message, members=(hostile,)))
    assert "&lt;!channel&gt; &amp; &lt;http://x|y&gt;" in text
    assert not set("<>") & set(text)
