"""Teams, webhook, Alertmanager, Apprise, file, console: what is their own."""

import hashlib
import hmac
import json
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from cbcr_assets.alerting import Links
from cbcr_assets.alerting.message import Outgoing
from cbcr_assets.alerting.receivers import apprise_url, build, say_again
from cbcr_assets.alerting.receivers.base import Delivered, Rejected, Retry
from cbcr_assets.config.receivers import ConsoleReceiver, FileReceiver


@pytest.fixture
def send(channel, server, good, at):
    def send_one(kind, message, thread=None, **settings):
        server.answer = good(kind)
        return channel(kind, **settings).send(Outgoing(message, thread), now=at, timeout_s=5)

    return send_one


def test_a_webhook_gets_facts_and_an_idempotency_key(send, server, message, secret):
    send("webhook", message)
    [(_, headers, body)] = server.requests
    assert headers["idempotency-key"] == body["id"] == "m1"
    assert headers["authorization"] == f"Bearer {secret}"
    assert (body["version"], body["kind"], body["reason"]) == (1, "opened", "firing")
    assert (body["total"], body["not_listed"]) == (1, 0)
    assert body["evaluated_at"] == "2026-11-23T05:00:00.000Z"
    assert body["members"][0]["link"] == "http://dash/instance?id=orders-db"


def test_a_webhook_is_signed(send, server, message, secret):
    send("webhook", message)
    [(_, headers, _)] = server.requests
    moment, _, signed = headers["x-cbcr-signature"].partition(",v1=")
    assert moment == "t=1795410000"  # 2026-11-23T05:00:00Z
    content = b"1795410000." + server.raw[0]
    assert signed == hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def test_a_webhook_without_a_secret_is_not_signed(send, server, message):
    send("webhook", message, signing_secret=None, bearer=None)
    [(_, headers, _)] = server.requests
    assert "x-cbcr-signature" not in headers
    assert "authorization" not in headers


def test_teams_gets_a_card(send, server, message):
    assert send("teams", message) == Delivered()
    [body] = server.bodies()
    card = body["attachments"][0]["content"]
    runs = ["".join(run["text"] for run in block["inlines"]) for block in card["body"]]
    assert runs[0].startswith("🔴 CRITICAL orders-db would lose")
    assert "How bad: 1 h 30 min, 150 % of the objective 1 h" in runs
    assert card["actions"][0] == {
        "type": "Action.OpenUrl", "title": "What to do", "url": "https://wiki/rpo.md",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "said", "is_receipt"),
    [(202, b"", True), (202, b"<html>", True), (200, b"1", True), (200, b"", True),
     (200, b"Webhook message delivery failed with error: HTTP error 429", False)],
)  # fmt: skip
def test_teams_tells_some_failures_with_a_200(
    status, said, is_receipt, channel, server, message, at
):
    server.status, server.answer = status, lambda *_: said
    outcome = channel("teams").send(Outgoing(message), now=at, timeout_s=5)
    assert isinstance(outcome, Delivered if is_receipt else Retry)


def test_a_card_that_is_too_large_lists_fewer_and_counts_all(send, server, storm):
    send("teams", storm(700, summary="ü" * 900))
    [body] = server.bodies()
    assert len(server.raw[0]) <= 28_000
    runs = [run["text"] for block in body["attachments"][0]["content"]["body"]
            for run in block["inlines"]]  # fmt: skip
    listed = sum("ü" in run for run in runs)
    assert 0 < listed < 20
    assert f"… {20 - listed} of these have no room here, 700 in all" in runs[-1]


def alerts_by_severity(body):
    return {alert["labels"]["severity"]: alert for alert in body}


def test_alertmanager_holds_what_is_open_and_ends_other_severities(send, server, message, at):
    assert send("alertmanager", message) == Delivered()
    [(path, _, body)] = server.requests
    assert path.endswith("/api/v2/alerts")
    found = alerts_by_severity(body)
    assert set(found) == {"critical", "warning", "info"}
    assert found["critical"]["endsAt"] == "2026-11-30T05:00:00.000Z"
    assert found["warning"]["endsAt"] == found["info"]["endsAt"] == "2026-11-23T05:00:00.000Z"
    assert found["critical"]["startsAt"] == "2026-11-23T04:30:00.000Z"
    labels = found["critical"]["labels"]
    assert (labels["alertname"], labels["team"], labels["subject_id"]) == (
        "rpo", "payments", "orders-db",
    )  # fmt: skip
    assert "newest recovery point" in found["critical"]["annotations"]["summary"]


def test_alertmanager_is_told_the_end(send, server, resolved):
    send("alertmanager", resolved())
    assert {alert["endsAt"] for alert in server.bodies()[0]} == {"2026-11-23T05:00:00.000Z"}


def test_the_labels_of_beginning_and_end_are_the_same(send, server, message, resolved):
    send("alertmanager", message)
    send("alertmanager", resolved())
    begun, ended = (alerts_by_severity(body)["critical"] for body in server.bodies())
    assert begun["labels"] == ended["labels"]


def test_alertmanager_refuses_no_batch_for_a_name(send, server, message, member):
    labels = {"error-code": "1", "9x": "2", "größe": "3", "": "4", "empty": ""}
    send("alertmanager", replace(message, members=(replace(member, labels=labels),)))
    names = server.bodies()[0][0]["labels"]
    assert {"error_code", "_9x", "gr__e", "_"} <= set(names)
    assert "empty" not in names


def test_alertmanager_is_told_of_those_that_are_not_listed(channel, send, server, storm, at):
    send("alertmanager", storm(500))
    extra = alerts_by_severity(
        alert for alert in server.bodies()[0] if alert["labels"]["alertname"] == "cbcr_not_listed"
    )
    assert "480 not listed" in extra["critical"]["annotations"]["summary"]
    assert extra["critical"]["endsAt"] == "2026-11-30T05:00:00.000Z"
    channel("alertmanager").channel.heartbeat([], now=at, timeout_s=5)
    ended = alerts_by_severity(server.bodies()[1])
    assert ended["critical"]["labels"] == extra["critical"]["labels"]
    assert {alert["endsAt"] for alert in ended.values()} == {"2026-11-23T05:00:00.000Z"}


def test_a_heartbeat_says_again_how_all_things_stand_in_batches(channel, server, member, at):
    server.answer = lambda *_: b""
    owned = replace(member, rule="rpo", team="t", summary="half a \ud800")
    members = [replace(owned, subject_id=f"db{i}") for i in range(399)]
    members.append(replace(owned, subject_id="over", status="ok"))
    later = at + timedelta(hours=1)
    alertmanager = channel("alertmanager", hold="2h").channel
    assert alertmanager.heartbeat(members, now=later, timeout_s=5) == Delivered()
    assert [len(body) for body in server.bodies()] == [500, 500, 203]
    alerts = [alert for body in server.bodies() for alert in body]
    held = [alert for alert in alerts if alert["endsAt"] == "2026-11-23T08:00:00.000Z"]
    ended = [alert for alert in alerts if alert["endsAt"] == "2026-11-23T06:00:00.000Z"]
    assert len(held) == 399
    assert len(ended) == len(alerts) - 399


def test_only_who_forgets_is_told_again(channel, server, member, at, links):
    server.answer = lambda *_: b""
    environ = {"URL": server.url, "SECRET": "s"}
    ask = {"links": links, "environ": environ, "now": at, "timeout_s": 5}
    assert say_again(channel("alertmanager").config, [member], **ask) == Delivered()
    assert say_again(channel("slack").config, [member], **ask) is None
    assert [path for path, _, _ in server.requests] == ["/api/v2/alerts"]


def test_a_heartbeat_that_takes_too_long_says_how_far_it_came(channel, server, member, at):
    server.answer = lambda *_: time.sleep(0.3) or b""
    members = [replace(member, subject_id=f"db{i}") for i in range(400)]
    outcome = channel("alertmanager").channel.heartbeat(members, now=at, timeout_s=0.4)
    assert isinstance(outcome, Retry)


def test_alertmanager_keeps_no_acknowledgements(send, server, message):
    assert send("alertmanager", replace(message, kind="acknowledged")) == Delivered()
    assert server.requests == []


def test_apprise_gets_text_with_true_counts(send, server, storm):
    assert send("apprise", storm(700)) == Delivered()
    [body] = server.bodies()
    assert body["title"].startswith("🔴 CRITICAL rpo: 700 instances")
    assert body["type"] == "failure"
    assert len(body["message"]) <= 3_000
    assert "of these have no room here, 700 in all" in body["message"]


@pytest.mark.parametrize("url", ["nothing://x", "json://a, json://b", "http://x", "::"])
def test_apprise_needs_one_url_that_it_knows(url, channel, message, at, server):
    outcome = channel("apprise", environ={"APPRISE": url}).send(
        Outgoing(message), now=at, timeout_s=5
    )
    assert isinstance(outcome, Rejected)
    assert server.requests == []


def test_apprise_that_loads_too_long_sends_nothing_late(channel, server, message, at, monkeypatch):
    load = apprise_url._service
    monkeypatch.setattr(apprise_url, "_service", lambda url: time.sleep(0.4) or load(url))
    outcome = channel("apprise").send(Outgoing(message), now=at, timeout_s=0.4)
    assert outcome == Retry(None, "Apprise took too long to load")
    assert server.requests == []


def test_apprise_is_loaded_only_by_those_who_use_it(channel, server, good, message, at):
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from cbcr_assets.alerting.receivers import build\n"
        "from cbcr_assets.alerting.receivers import apprise_url, slack\n"
        "print('apprise' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_file_gets_one_line_a_message(tmp_path, message, at):
    config = FileReceiver(name="f", type="file", path=tmp_path / "deep" / "alerts.jsonl")
    channel = build(config, links=Links("d", "g"), environ={})
    for _ in range(2):
        assert channel.send(Outgoing(message), now=at, timeout_s=1) == Delivered()
    lines = [json.loads(line) for line in config.path.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["m1", "m1"]
    assert lines[0]["sent_at"] == "2026-11-23T05:00:00.000Z"


def test_a_file_that_cannot_be_written_waits(tmp_path, message, at):
    config = FileReceiver(name="f", type="file", path=tmp_path)
    outcome = build(config, links=Links("d", "g"), environ={}).send(
        Outgoing(message), now=at, timeout_s=1
    )
    assert isinstance(outcome, Retry)
    assert "cannot be written" in outcome.why


def test_the_console_prints_on_standard_error(capsys, message, at):
    channel = build(ConsoleReceiver(name="c", type="console"), links=Links("d", "g"), environ={})
    assert channel.send(Outgoing(message), now=at, timeout_s=1) == Delivered()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("🔴 CRITICAL orders-db would lose 1 h 30 min of data")
