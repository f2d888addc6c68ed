"""PagerDuty and Opsgenie: one incident there for one here, from beginning to end."""

import json
from dataclasses import replace

import pytest

from cbcr_assets.alerting.message import Outgoing, Thread
from cbcr_assets.alerting.receivers.base import Delivered, Rejected


@pytest.fixture
def send(channel, server, good, at):
    def send_one(kind, message, thread=None, **settings):
        server.answer = good(kind)
        return channel(kind, **settings).send(Outgoing(message, thread), now=at, timeout_s=5)

    return send_one


def test_pagerduty_is_told_what_a_phone_reads_out(send, server, message, secret):
    assert send("pagerduty", message) == Delivered("f0-3")
    [(path, _, body)] = server.requests
    assert path == "/v2/enqueue"
    assert (body["routing_key"], body["event_action"]) == (secret, "trigger")
    assert body["dedup_key"] == "f0-3"
    payload = body["payload"]
    assert payload["summary"].startswith("🔴 CRITICAL orders-db would lose 1 h 30 min of data")
    assert (payload["source"], payload["severity"]) == ("orders-db", "critical")
    assert (payload["component"], payload["group"], payload["class"]) == (
        "instance", "payments", "rpo",
    )  # fmt: skip
    assert payload["timestamp"] == "2026-11-23T04:30:00.000Z"
    assert [link["text"] for link in body["links"]] == [
        "What to do", "Look at it", "Dashboard", "Dagster",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["pagerduty", "opsgenie"])
def test_all_messages_of_an_incident_have_its_key(kind, send, server, message, resolved):
    told = replace(message, incident="i-7")
    ref = send(kind, told).ref
    thread = Thread(ref, 1, is_over=False)
    send(kind, replace(told, id="m2", kind="repeat"), thread)
    send(kind, replace(told, id="m3", kind="acknowledged", by="Ann"), thread)
    send(kind, resolved(incident="i-7"), replace(thread, is_over=True))
    assert ref == "i-7"
    if kind == "pagerduty":
        actions = [(body["event_action"], body["dedup_key"]) for body in server.bodies()]
        words = ["trigger", "trigger", "acknowledge", "resolve"]
        assert actions == [(word, "i-7") for word in words]
    else:
        assert [body.get("alias") for body in server.bodies()] == ["i-7", "i-7", None, None]
        assert [path for path, _, _ in server.requests] == [
            "/v2/alerts", "/v2/alerts",
            "/v2/alerts/i-7/acknowledge?identifierType=alias",
            "/v2/alerts/i-7/close?identifierType=alias",
        ]  # fmt: skip


@pytest.mark.parametrize("kind", ["pagerduty", "opsgenie"])
def test_an_engine_without_incidents_ends_what_it_began(kind, send, server, storm, resolved):
    ref = send(kind, storm(3)).ref
    assert ref == "m1"
    send(kind, resolved(total=3, counts={"ok": 3}), Thread(ref, 3, is_over=True))
    path, _, last = server.requests[-1]
    assert last.get("dedup_key") == ref or f"/{ref}/close" in path


def test_what_is_over_in_part_pages_nobody(send, server, resolved):
    thread = Thread("i-7", 3, is_over=False)
    assert send("pagerduty", resolved(), thread) == Delivered("i-7")
    assert server.requests == []
    assert send("opsgenie", resolved(), thread) == Delivered("i-7")
    [(path, _, body)] = server.requests
    assert path == "/v2/alerts/i-7/notes?identifierType=alias"
    assert body["note"].startswith("✅ Resolved rpo: orders-db")


def test_a_resolve_that_leaves_something_open_ends_nothing(send, server, resolved, member):
    one_is_open = resolved(members=(member,), counts={"breached": 1})
    send("opsgenie", one_is_open, Thread("i-7", 1, is_over=True))
    assert "/close" not in server.requests[0][0]


def test_pagerduty_names_the_error_only_if_it_is_one(channel, server, message, at, secret):
    server.status = 400
    server.answer = lambda *_: json.dumps({"status": "invalid event", "errors": [secret]}).encode()
    outcome = channel("pagerduty").send(Outgoing(message), now=at, timeout_s=5)
    assert outcome == Rejected("HTTP 400 invalid event")


def test_opsgenie_gets_an_alert(send, server, message, secret):
    assert send("opsgenie", message, responders=["dba", "storage"]) == Delivered("f0-3")
    [(path, headers, body)] = server.requests
    assert (path, headers["authorization"]) == ("/v2/alerts", f"GenieKey {secret}")
    assert len(body["message"]) <= 130
    assert body["message"].startswith("🔴 CRITICAL orders-db would lose 1 h 30 min of data")
    assert (body["priority"], body["entity"], body["alias"]) == ("P1", "orders-db", "f0-3")
    assert body["tags"] == ["rpo", "payments", "critical"]
    assert body["responders"] == [
        {"type": "team", "name": "dba"}, {"type": "team", "name": "storage"},
    ]  # fmt: skip
    assert "What to do: https://wiki/rpo.md" in body["description"]
    assert body["details"]["error_code"] == "056"


@pytest.mark.parametrize(
    ("severity", "priority"), [("critical", "P2"), ("warning", "P3"), ("info", "P5")]
)
def test_priorities_can_be_chosen(severity, priority, send, server, message):
    send("opsgenie", replace(message, severity=severity), priorities={"critical": "P2"})
    assert server.bodies()[0]["priority"] == priority


def test_an_alias_with_anything_in_it_stays_one_part_of_the_path(send, server, message):
    told = replace(message, kind="acknowledged", incident="a/b?c#d e")
    send("opsgenie", told)
    assert server.requests[0][0] == (
        "/v2/alerts/a%2Fb%3Fc%23d%20e/acknowledge?identifierType=alias"
    )


def test_who_acknowledged_is_told(send, server, message):
    send("opsgenie", replace(message, kind="acknowledged", by="Ann"))
    assert server.bodies()[0]["user"] == "Ann"
