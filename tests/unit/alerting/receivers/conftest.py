"""Fixtures for receivers: servers with every fault, channels of every kind, messages."""

import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from apprise import Apprise
from pydantic import TypeAdapter

from cbcr_assets.alerting import Links
from cbcr_assets.alerting.message import Member, Message
from cbcr_assets.alerting.receivers import build
from cbcr_assets.config.receivers import Receiver

AT = datetime.fromisoformat("2026-11-23T05:00:00")
SECRET = "s3cr3t-v4lue"
LINKS = Links("http://dash", "http://dagster")
MEMBER = Member(
    fingerprint="f0", episode=3, subject_kind="instance", subject_id="orders-db",
    status="breached", severity="critical", value=5400.0, objective=3600.0, unit="s",
    started_at=datetime.fromisoformat("2026-11-23T04:30:00"),
    summary="orders-db would lose 1 h 30 min of data, the objective is 1 h; its newest recovery"
    " point is 2026-11-23 03:30:00 UTC (20261122-233000F)",
    was="", runbook="https://wiki/rpo.md", labels={"tier": "1", "error_code": "056"},
)  # fmt: skip
MESSAGE = Message(
    id="m1", kind="opened", rule="rpo", team="payments", severity="critical", total=1,
    counts={"breached": 1}, members=(MEMBER,), evaluation_id="e1", evaluated_at=AT,
)  # fmt: skip


def resolved_message(**facts: Any) -> Message:
    over = replace(MEMBER, status="ok", summary="orders-db is fine", was=MEMBER.summary)
    base = replace(MESSAGE, id="m2", kind="resolved", members=(over,), counts={"ok": 1})
    return replace(base, **facts)


def storm_message(total: int = 500, **facts: Any) -> Message:
    members = tuple(
        replace(MEMBER, fingerprint=f"f{i}", subject_id=f"db{i}", **facts) for i in range(20)
    )
    counts = {"breached": total - 3, "unknown": 3}
    return replace(MESSAGE, total=total, members=members, counts=counts)


@pytest.fixture
def at() -> datetime:
    return AT


@pytest.fixture
def secret() -> str:
    return SECRET


@pytest.fixture
def links() -> Links:
    return LINKS


@pytest.fixture
def member() -> Member:
    return MEMBER


@pytest.fixture
def message() -> Message:
    """A message about one breach."""
    return MESSAGE


@pytest.fixture
def resolved() -> Callable[..., Message]:
    """Make the message that it is over."""
    return resolved_message


@pytest.fixture
def storm() -> Callable[..., Message]:
    """Make a message about many."""
    return storm_message


@dataclass
class Server:
    """A loopback HTTP server whose every answer a test decides.

    `fault` is one of hang, reset, drip, endless, or empty for a proper answer.
    """

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    answer: Callable[[str, Any], bytes] = lambda path, body: b"ok"
    fault: str = ""
    scheme: str = "http"
    tls: ssl.SSLContext | None = None
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"

    def speak(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        if self.tls is not None:
            connection = self.tls.wrap_socket(connection, server_side=True)
        with connection, connection.makefile("rb") as reader:
            method, path, *_ = reader.readline().decode().split()
            headers = {}
            while line := reader.readline().strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            raw = reader.read(int(headers.get("content-length", 0)))
            self.raw.append(raw)
            self.requests.append((path, headers, json.loads(raw) if raw else None))
            self._answer(connection, path, method)

    def _answer(self, connection: socket.socket, path: str, method: str) -> None:
        if self.fault == "hang":
            self.ended.wait(10)
        elif self.fault == "reset":
            # With no time to linger, closing sends a reset instead of a goodbye.
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        elif self.fault == "drip":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            while not self.ended.wait(0.02):
                connection.sendall(b"x")
        elif self.fault == "endless":
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while not self.ended.is_set():
                connection.sendall(b"x" * 65536)
        else:
            data = self.answer(path, self.requests[-1][2])
            head = "".join(f"{k}: {v}\r\n" for k, v in self.headers.items())
            connection.sendall(
                f"HTTP/1.1 {self.status} Whatever\r\n{head}content-length: {len(data)}\r\n"
                "connection: close\r\n\r\n".encode()
                + data
            )

    def bodies(self, path: str = "") -> list[Any]:
        return [body for where, _, body in self.requests if path in where]


def _serve(speak: Callable[[socket.socket], None]) -> tuple[socket.socket, Callable[[], None]]:
    """Accept connections in threads until the returned function is called."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        try:
            speak(connection)
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=one, args=(connection,), daemon=True)
            thread.start()
            threads.append(thread)

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()

    def stop() -> None:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for thread in threads:
            thread.join(5)

    return listener, stop


@pytest.fixture
def serve() -> Callable[..., Any]:
    """Accept connections on a free loopback port; gives the listener, and what ends it."""
    return _serve


@pytest.fixture
def server() -> Iterator[Server]:
    """Serve HTTP on a free loopback port."""
    server = Server()
    listener, stop = _serve(lambda connection: server.speak(connection))
    server.port = listener.getsockname()[1]
    yield server
    server.ended.set()
    stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of localhost and its key, in one file."""
    if shutil.which("openssl") is None:
        missing = "openssl is not installed (apt-get install openssl)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key", "-out",
         "certificate"],
        cwd=folder, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_bytes((folder / "key").read_bytes() + (folder / "certificate").read_bytes())
    return both


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """A server's context with the self-signed certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def good_answer(kind: str) -> Callable[[str, Any], bytes]:
    """Return what the real service of a kind answers when all is well."""
    answers: dict[str, Any] = {
        "slack": {"ok": True, "channel": "C7", "ts": "17.5"},
        "pagerduty": {"status": "success", "message": "Event processed", "dedup_key": "x"},
        "opsgenie": {"result": "Request will be processed", "took": 0.1, "requestId": "4c1"},
    }
    if kind in answers:
        return lambda path, body: json.dumps(answers[kind]).encode()
    return lambda path, body: b"ok" if kind == "slack_webhook" else b""


@pytest.fixture
def good() -> Callable[[str], Callable[[str, Any], bytes]]:
    """Look up what a service answers when all is well."""
    return good_answer


@pytest.fixture
def channel(server: Server) -> Callable[..., Any]:
    """Build a channel of an HTTP kind that talks to the server."""

    def make(kind: str, *, environ: dict[str, str] | None = None, **settings: Any) -> Any:
        secret_url = {"url": "env:URL"}
        base = {"base_url": f"{server.url}/"}
        defaults: dict[str, dict[str, Any]] = {
            "slack": {"token": "env:SECRET", "channel": "#db", "base_url": f"{server.url}/api/"},
            "slack_webhook": secret_url,
            "teams": secret_url,
            "pagerduty": {"routing_key": "env:SECRET", **base},
            "opsgenie": {"api_key": "env:SECRET", **base},
            "webhook": {**secret_url, "bearer": "env:SECRET", "signing_secret": "env:SECRET"},
            "alertmanager": {**secret_url, "bearer": "env:SECRET"},
            "apprise": {"url": "env:APPRISE"},
        }
        if kind == "apprise":
            # Loading it is no part of what these tests time.
            Apprise().add("json://localhost")
        scheme = "jsons" if server.scheme == "https" else "json"
        known = {
            "SECRET": SECRET,
            "URL": f"{server.url}/services/{SECRET}",
            "APPRISE": f"{scheme}://localhost:{server.port}/{SECRET}",
        }
        written = {"name": kind, "type": kind, **defaults[kind], **settings}
        config = TypeAdapter(Receiver).validate_python(written)
        found = known if environ is None else environ
        return build(config, links=LINKS, environ=found)

    return make
