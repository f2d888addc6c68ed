"""HTTP feeds against a server of their own: retries, deadlines, and secrets that stay secret."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cbcr_assets.connectors.transports.http import Target, read_http
from cbcr_assets.connectors.transports.prometheus import (
    OVERLAP,
    POINTS,
    QUERIES,
    STEP_S,
    WINDOWS,
    read_prometheus,
)

TOKEN = "tell-nobody"
Replies = list[tuple[int, dict[str, str], bytes]]


class Server:
    """Gives the replies in turn, the last one again and again; remembers what was asked."""

    def __init__(self, replies: Replies) -> None:
        self.asked: list[tuple[str, str | None]] = []
        outer, left = self, list(replies)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("authorization")))
                status, headers, body = left.pop(0) if len(left) > 1 else left[0]
                time.sleep(float(headers.get("x-sleep", "0")))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):  # who asked may have given up
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def target(self, seconds: float = 5.0, **facts: Any) -> Target:
        return Target(
            self.url, facts.pop("bearer", TOKEN), None, time.monotonic() + seconds, **facts
        )

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*replies: tuple[int, dict[str, str], bytes]) -> Server:
        servers.append(Server(list(replies)))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def test_a_document_is_read_with_its_token_and_again_is_no_news(serve: Any) -> None:
    server = serve((200, {}, b"[]"))
    first = read_http(server.target(), kind="snapshots", last_sha256=None)
    assert [piece.payload for piece in first.news] == ["[]"]
    assert server.asked == [("/", f"Bearer {TOKEN}")]
    again = read_http(server.target(), kind="snapshots", last_sha256=first.cursor["sha256"])
    assert (again.news, again.error) == ((), None)
    assert again.heartbeat is not None


def test_what_passes_is_tried_again(serve: Any) -> None:
    server = serve((503, {}, b"busy"), (429, {"retry-after": "0"}, b""), (200, {}, b"{}"))
    answer = read_http(server.target(), kind="list", last_sha256=None)
    assert (answer.error, len(server.asked)) == (None, 3)


@pytest.mark.parametrize("status", [401, 403, 404, 400])
def test_what_does_not_pass_is_told_at_once_without_the_token(serve: Any, status: int) -> None:
    server = serve((status, {}, f"no: {TOKEN}".encode()))
    answer = read_http(server.target(), kind="list", last_sha256=None)
    assert len(server.asked) == 1
    assert f"status {status}: no: ***" in (answer.error or "")
    assert TOKEN not in repr(answer)


def test_a_redirect_is_told_and_not_followed(serve: Any) -> None:
    other = serve((200, {}, b"stolen"))
    server = serve((302, {"location": other.url}, b""))
    answer = read_http(server.target(), kind="list", last_sha256=None)
    assert "moved" in (answer.error or "")
    assert other.asked == []


def test_the_deadline_holds_with_retries_and_for_the_slow(serve: Any) -> None:
    for reply in ((503, {}, b""), (503, {"retry-after": "60"}, b""), (200, {"x-sleep": "3"}, b"x")):
        server = serve(reply)
        began = time.monotonic()
        answer = read_http(server.target(0.8), kind="list", last_sha256=None)
        assert answer.error is not None
        assert time.monotonic() - began < 2


def test_nobody_there_and_too_much(serve: Any) -> None:
    server = serve((200, {}, b"x" * 2_000))
    answer = read_http(server.target(max_bytes=1_000), kind="list", last_sha256=None)
    assert "more than 1000 bytes" in (answer.error or "")
    gone = serve((200, {}, b""))
    gone.stop()
    refused = read_http(gone.target(0.5), kind="list", last_sha256=None)
    assert "no answer" in (refused.error or "")


def test_metrics_are_a_stream(serve: Any) -> None:
    server = serve((200, {}, b"a 1\n"))
    answer = read_http(server.target(), kind="metrics", last_sha256=None)
    assert answer.news[0].stream == f"metrics:{server.url}"


def asked_windows(server: Server) -> list[tuple[str, int, int]]:
    found = []
    for path, _ in server.asked:
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        found.append((query["query"], int(query["start"]), int(query["end"])))
    return found


def test_prometheus_is_asked_in_windows_on_the_step_and_overlaps(serve: Any, now: datetime) -> None:
    empty = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": []}})
    server = serve((200, {}, empty.encode()))
    first = read_prometheus(server.target(), kind="queue", cursor={}, now=now)
    assert first.error is None
    windows = [w[1:] for w in asked_windows(server) if w[0] == "backup_queue_depth"]
    assert all(start % STEP_S == end % STEP_S == 0 for start, end in windows)
    assert all((end - start) // STEP_S < POINTS for start, end in windows)
    assert len(windows) <= WINDOWS
    assert (
        windows[-1][1]
        == first.cursor["end"]
        == int((now - datetime(1970, 1, 1)).total_seconds()) // 60 * 60
    )
    server.asked.clear()
    read_prometheus(server.target(), kind="queue", cursor=first.cursor, now=now)
    assert asked_windows(server)[0][1] == first.cursor["end"] - OVERLAP * STEP_S


def test_a_prometheus_that_fails_half_way_keeps_what_it_said(serve: Any, now: datetime) -> None:
    empty = json.dumps({"status": "success", "data": {"result": []}}).encode()
    asked = 2 * (len(QUERIES["queue"]) + 1)  # two windows, each with `up`
    server = serve(*[(200, {}, empty)] * asked, (400, {}, b"too many"))
    answer = read_prometheus(server.target(), kind="queue", cursor={}, now=now)
    assert "too many" in (answer.error or "")
    assert len(answer.news) == 2
    assert answer.cursor == answer.news[-1].cursor
