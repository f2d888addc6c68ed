"""Every HTTP receiver against every fault of a real server."""

import json
import logging
import socket
import time
from dataclasses import replace

import pytest

from cbcr_assets.alerting.message import Outgoing, Thread
from cbcr_assets.alerting.receivers.base import Delivered, Rejected, Retry, retry_after_s

KINDS = ["slack", "slack_webhook", "pagerduty", "opsgenie", "teams", "webhook", "alertmanager"]
WITH_APPRISE = [*KINDS, "apprise"]
# Whatever they get with a 2xx is no receipt unless it is theirs; a webhook's is its status.
STRICT = [kind for kind in KINDS if kind != "webhook"]


@pytest.fixture
def send(channel, server, good, message, at):
    """Send a message over a kind of channel; the server answers as its service would."""

    def send_one(kind, outgoing=None, *, timeout_s=5.0, answer=None, **settings):
        server.answer = answer or good(kind)
        built = channel(kind, **settings)
        return built.send(outgoing or Outgoing(message), now=at, timeout_s=timeout_s)

    return send_one


@pytest.mark.parametrize("kind", WITH_APPRISE)
def test_a_message_arrives_and_says_the_whole_sentence(kind, send, server, message):
    assert isinstance(send(kind), Delivered)
    [(_, headers, body)] = server.requests
    assert "newest recovery point is 2026-11-23 03:30:00 UTC" in json.dumps(body)
    assert "json" in headers["content-type"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (429, {"Retry-After": "7"}, Retry(7.0, "HTTP 429")),
        (429, {"retry-after": "Mon, 23 Nov 2026 05:02:00 GMT"}, Retry(120.0, "HTTP 429")),
        (429, {}, Retry(None, "HTTP 429")),
        (429, {"Retry-After": "soon"}, Retry(None, "HTTP 429")),
        (500, {}, Retry(None, "HTTP 500")),
        (503, {"Retry-After": "30"}, Retry(30.0, "HTTP 503")),
        (408, {}, Retry(None, "HTTP 408")),
        (403, {}, Rejected("HTTP 403")),
        (404, {}, Rejected("HTTP 404")),
    ],
)
def test_an_http_status_is_read(kind, status, headers, outcome, send, server):
    server.status, server.headers = status, headers
    assert send(kind, answer=lambda *_: b"<html>no</html>") == outcome


@pytest.mark.parametrize("kind", STRICT)
@pytest.mark.parametrize("garbage", [b"<html>please log in</html>", b"\xff\xfe\x00", b"[" * 9999])
def test_an_answer_that_is_not_the_services_is_no_receipt(kind, garbage, send):
    outcome = send(kind, answer=lambda *_: garbage)
    assert isinstance(outcome, Retry)
    assert outcome.why.startswith("the answer is not ")


@pytest.mark.parametrize("kind", ["slack", "pagerduty", "opsgenie"])
@pytest.mark.parametrize("said", [{"ok": False}, {"ok": True}, {}, {"status": "failed"}, ["x"]])
def test_a_200_that_says_no_is_no_receipt(kind, said, send):
    assert isinstance(send(kind, answer=lambda *_: json.dumps(said).encode()), Retry)


@pytest.mark.parametrize("kind", WITH_APPRISE)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(kind, status, send, server):
    server.status, server.headers = status, {"Location": f"{server.url}/elsewhere"}
    outcome = send(kind, answer=lambda *_: b"")
    expected = Retry(None, "Apprise says failure") if kind == "apprise" else None
    assert outcome == (expected or Rejected(f"HTTP {status}"))
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", WITH_APPRISE)
@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_an_answer_that_does_not_end_is_left_in_time(kind, fault, send, server):
    # Apprise reads whole answers without a limit; its own deadline holds.
    server.fault = fault
    began = time.monotonic()
    outcome = send(kind, timeout_s=0.4)
    assert time.monotonic() - began < 2
    assert isinstance(outcome, Retry)
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", STRICT)
def test_an_endless_answer_is_cut_off(kind, send, server):
    server.fault = "endless"
    began = time.monotonic()
    assert isinstance(send(kind), Retry)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("kind", WITH_APPRISE)
def test_a_connection_that_breaks_is_not_tried_again_by_itself(kind, send, server):
    server.fault = "reset"
    outcome = send(kind)
    assert isinstance(outcome, Retry)
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_listens(kind, channel, message, at, secret, server):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server.port = probe.getsockname()[1]
        outcome = channel(kind).send(Outgoing(message), now=at, timeout_s=2)
    assert outcome == Retry(None, "no answer: ConnectError")


@pytest.mark.parametrize("kind", WITH_APPRISE)
def test_a_certificate_that_nobody_vouches_for_is_refused(kind, send, server, tls):
    server.tls, server.scheme = tls, "https"
    outcome = send(kind)
    expected = (
        "Apprise says failure"
        if kind == "apprise"
        else ("no answer: the certificate cannot be trusted")
    )
    assert outcome == Retry(None, expected)
    assert server.requests == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_of_the_companys_own_authority_is_taken(
    kind, send, server, tls, certificate, monkeypatch
):
    server.tls, server.scheme = tls, "https"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert isinstance(send(kind), Delivered)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_speaks_no_tls(kind, send, server):
    server.scheme = "https"
    outcome = send(kind)
    assert isinstance(outcome, Retry)
    assert outcome.why.startswith("no answer: TLS: ")


@pytest.mark.parametrize("kind", WITH_APPRISE)
def test_a_secret_that_is_not_there_waits(kind, channel, server, message, at):
    outcome = channel(kind, environ={}).send(Outgoing(message), now=at, timeout_s=1)
    assert isinstance(outcome, Retry)
    assert "not set" in outcome.why
    assert server.requests == []


@pytest.mark.parametrize("kind", WITH_APPRISE)
@pytest.mark.parametrize("status", [200, 302, 403, 429, 500])
def test_no_secret_is_ever_logged_or_told(
    kind, status, channel, server, message, at, secret, caplog, capfd
):
    caplog.set_level(1)
    for name in ("httpx", "httpcore", "apprise", "urllib3", "requests"):
        caplog.set_level(1, logger=name)
    # The server gives back what it got, as some do in their errors.
    server.status = status
    server.answer = lambda path, body: json.dumps({"error": path, "status": secret}).encode()
    built = channel(kind)
    outcome = built.send(Outgoing(message), now=at, timeout_s=5)
    nobody = {"SECRET": secret, "URL": f"http:///{secret}", "APPRISE": f"nothing://{secret}"}
    broken = channel(kind, environ=nobody, **_nowhere(kind, secret))
    told = [repr(outcome), repr(broken.send(Outgoing(message), now=at, timeout_s=1))]
    told += [repr(built), str(built), repr(broken), *capfd.readouterr()]
    told += [record.getMessage() + str(record.args) for record in caplog.records]
    assert secret not in "\n".join(told)


def test_a_channel_that_tells_a_secret_is_corrected(channel, message, at, secret):
    class Talkative:
        def send(self, *_, **__):
            return Retry(None, f"HTTP 500: no {secret} today\n\x1b[31m" + "x" * 999)

    careful = replace(channel("slack"), channel=Talkative())
    outcome = careful.send(Outgoing(message), now=at, timeout_s=1)
    assert outcome.why.startswith("HTTP 500: no ••• today [31mx")
    assert len(outcome.why) == 300


def test_nobody_gets_more_than_five_seconds(channel, message, at):
    given = []

    class Patient:
        def send(self, *_, timeout_s, **__):
            given.append(timeout_s)
            return Delivered()

    replace(channel("slack"), channel=Patient()).send(Outgoing(message), now=at, timeout_s=60)
    assert given == [5.0]


def _nowhere(kind, secret):
    return {"base_url": "http://127.0.0.1:1/"} if kind in ("slack", "pagerduty", "opsgenie") else {}


def test_others_may_log_their_own_requests(caplog):
    caplog.set_level(logging.INFO)
    logging.getLogger("httpx").info("about somebody else")
    logging.getLogger("apprise").info("about somebody else")
    assert len(caplog.records) == 2


@pytest.mark.parametrize("kind", WITH_APPRISE)
@pytest.mark.parametrize("ref", ["", "garbage", "[]", "{}", '{"channel": 1, "ts": 2}', "x" * 9999])
def test_a_strange_reference_is_borne(kind, ref, send, resolved):
    assert isinstance(send(kind, Outgoing(resolved(), Thread(ref, 1, is_over=True))), Delivered)


@pytest.mark.parametrize("kind", WITH_APPRISE)
@pytest.mark.parametrize(
    "reason", ["opened", "repeat", "escalation", "digest", "acknowledged", "resolved"]
)
def test_every_reason_can_be_told(kind, reason, send, message, resolved):
    base = resolved() if reason == "resolved" else message
    told = replace(base, kind=reason, incident="i-7", escalation_step=2, by="Ann", groups=4)
    assert isinstance(send(kind, Outgoing(told)), Delivered)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("1.5", 1.5), ("-3", 0.0), ("soon", None), ("nan", None), ("inf", None), ("", None),
     ("Mon, 23 Nov 2026 04:00:00 GMT", 0.0), ("Mon, 23 Nov 2026 06:01:00 +0100", 60.0),
     ("Mon, 99 Nov 2026 06:01:00 GMT", None)],
)  # fmt: skip
def test_retry_after_is_read(header, seconds, at):
    assert retry_after_s({"RETRY-after": header}, now=at) == seconds
    assert retry_after_s({}, now=at) is None
