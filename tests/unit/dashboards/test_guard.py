"""What stands before every request."""

import asyncio
from typing import Any

import pytest

from streamlit_app.guard import Guard, Rules, reason_to_refuse

HERE = frozenset({"localhost", "127.0.0.1", "::1"})
LOCAL = Rules(hosts=HERE)
LOGIN = Rules(hosts=frozenset({"cbcr.example.org", "*.example.net"}), local_only=False,
              is_https=True, hides_metrics=True)  # fmt: skip
PROXY = Rules(hosts=frozenset({"cbcr.example.org"}), local_only=False, proxy_secret="s" * 32,
              proxy_says=("X-Forwarded-User",))  # fmt: skip


def request(
    *headers: tuple[str, str], path: str = "/", kind: str = "http", method: str = "GET",
    client: str = "127.0.0.1", server: str = "127.0.0.1",
) -> dict[str, Any]:  # fmt: skip
    return {
        "type": kind, "path": path, "method": method, "client": (client, 5), "server": (server, 1),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("host", "is_answered"),
    [
        ("127.0.0.1:8501", True), ("localhost", True), ("LOCALHOST:1", True), ("[::1]:8501", True),
        ("localhost.", True), ("evil.example", False), ("127.0.0.1.evil.example", False),
        ("", False), ("localhost:x", False), ("a@localhost", False), ("localhost/x", False),
    ],
)  # fmt: skip
def test_hosts(host: str, is_answered: bool) -> None:
    assert (reason_to_refuse(LOCAL, request(("host", host))) is None) is is_answered


def test_no_host_and_two_hosts_are_none() -> None:
    assert reason_to_refuse(LOCAL, request()) is not None
    twice = request(("host", "localhost"), ("Host", "localhost"))
    assert reason_to_refuse(LOCAL, twice) is not None


@pytest.mark.parametrize("end", ["client", "server"])
@pytest.mark.parametrize(
    ("address", "is_answered"),
    [
        ("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.7", False),
        ("::ffff:10.0.0.7", False), ("testclient", False),
    ],
)  # fmt: skip
def test_without_a_login_both_ends_are_on_this_machine(
    end: str, address: str, is_answered: bool
) -> None:
    ends: dict[str, Any] = {end: address}
    asked = request(("host", "localhost"), **ends)
    assert (reason_to_refuse(LOCAL, asked) is None) is is_answered


def test_a_connection_without_ends_is_refused() -> None:
    asked = {**request(("host", "localhost")), "client": None}
    assert reason_to_refuse(LOCAL, asked) is not None


def test_with_a_login_others_are_answered_under_its_names() -> None:
    for host, is_answered in (("cbcr.example.org", True), ("a.example.net", True),
                              ("example.net", False), ("127.0.0.1", False)):  # fmt: skip
        asked = request(("host", host), client="203.0.113.9", server="10.0.0.2")
        assert (reason_to_refuse(LOGIN, asked) is None) is is_answered, host


@pytest.mark.parametrize(
    ("kind", "method", "origin", "is_answered"),
    [
        ("websocket", "", "https://cbcr.example.org", True),
        ("websocket", "", None, True),
        ("websocket", "", "https://evil.example", False),
        ("websocket", "", "https://cbcr.example.org:8443", False),
        ("websocket", "", "null", False),
        ("http", "GET", "https://evil.example", True),
        ("http", "PUT", "https://evil.example", False),
        ("http", "PUT", "https://cbcr.example.org", True),
    ],
)
def test_origins(kind: str, method: str, origin: str | None, is_answered: bool) -> None:
    headers = [("host", "cbcr.example.org")] + ([("origin", origin)] if origin else [])
    asked = request(*headers, kind=kind, method=method)
    assert (reason_to_refuse(LOGIN, asked) is None) is is_answered


def test_only_the_proxy_may_ask_and_says_each_thing_once() -> None:
    host, secret = ("host", "cbcr.example.org"), ("X-CBCR-Proxy", "s" * 32)
    user = ("x-forwarded-user", "ann")
    assert reason_to_refuse(PROXY, request(host, secret, user)) is None
    assert reason_to_refuse(PROXY, request(host, user)) is not None
    assert reason_to_refuse(PROXY, request(host, ("x-cbcr-proxy", "guess"), user)) is not None
    assert reason_to_refuse(PROXY, request(host, ("x-cbcr-proxy", "\xe9"), user)) is not None
    assert reason_to_refuse(PROXY, request(host, secret, secret, user)) is not None
    assert reason_to_refuse(PROXY, request(host, secret, user, user)) is not None
    assert "s" * 32 not in repr(PROXY)


def test_probes_need_no_name_and_counters_are_hidden_behind_a_login() -> None:
    for rules in (LOCAL, LOGIN, PROXY):
        asked = request(path="/_stcore/health", client="10.0.0.9", server="10.0.0.1")
        assert reason_to_refuse(rules, asked) is None
    metrics = request(("host", "cbcr.example.org"), path="/_stcore/metrics")
    assert reason_to_refuse(LOGIN, metrics) is not None


def answer_of(rules: Rules, scope: dict[str, Any]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"set-cookie", b"a=1; HttpOnly"), (b"set-cookie", b"b=2; Secure"),
                   (b"X-Frame-Options", b"ALLOWALL")]  # fmt: skip
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"page"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(Guard(app, rules)(scope, None, send))
    return sent


def test_every_answer_carries_the_headers_once_and_cookies_are_for_tls() -> None:
    start, _ = answer_of(LOGIN, request(("host", "cbcr.example.org")))
    headers = [(name.lower(), value) for name, value in start["headers"]]
    assert [v for n, v in headers if n == b"x-frame-options"] == [b"DENY"]
    assert [v for n, v in headers if n == b"set-cookie"] == [
        b"a=1; HttpOnly; Secure",
        b"b=2; Secure",
    ]
    assert len(dict(headers)[b"content-security-policy"]) > 100


def test_a_refusal_says_nothing_of_the_page_and_carries_the_headers() -> None:
    start, body = answer_of(LOCAL, request(("host", "evil.example<script>")))
    assert start["status"] == 403
    assert dict(start["headers"])[b"x-content-type-options"] == b"nosniff"
    assert b"evil" not in body["body"]
    assert b"page" not in body["body"]
    closed = answer_of(LOCAL, request(("host", "evil.example"), kind="websocket"))
    assert [(m["type"], m["code"]) for m in closed] == [("websocket.close", 1008)]
