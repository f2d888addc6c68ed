"""The endpoint that a monitoring system scrapes.

Belongs here: HTTP, and who may ask. Does not belong here: what is served (`exposition`).
"""

import hmac
import ipaddress
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cbcr_assets.warehouse import WarehouseMissing

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def is_loopback(host: str) -> bool:
    """Tell whether an address can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class MetricsServer(ThreadingHTTPServer):
    """Serves /metrics and /healthz; call its `serve_forever`.

    Closing it waits for the scrapes under way: a thread that ended within DuckDB would abort.
    """

    daemon_threads = False

    def __init__(self, host: str, port: int, *, text: Callable[[], str], token: str | None) -> None:
        """Listen.

        Args:
            host: Address to listen on; any but a loopback one needs a token.
            port: 0 is any free one.
            text: Makes the exposition of each scrape.
            token: Bearer token that a scrape must bring.

        Raises:
            ValueError: Others could ask without a token.
            OSError: The address cannot be listened on.
        """
        if token is None and not is_loopback(host):
            reason = "can be reached by others: give --token, or listen on 127.0.0.1"
            raise ValueError(f"{host} {reason}")
        self.text, self.token = text, token
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    server_version = "cbcr"
    sys_version = ""
    timeout = 10  # seconds of silence on a connection, or closing would wait for ever

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/healthz":
            self._answer(HTTPStatus.OK, "ok\n", "text/plain")
        elif path != "/metrics":
            self._answer(HTTPStatus.NOT_FOUND, "ask for /metrics\n", "text/plain")
        elif not self._may_ask():
            self._answer(HTTPStatus.UNAUTHORIZED, "a bearer token is needed\n", "text/plain")
        else:
            self._scrape()

    def _may_ask(self) -> bool:
        if self.server.token is None:
            return True
        given = self.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self.server.token}".encode())

    def _scrape(self) -> None:
        # An empty answer would look like a fleet without instances.
        try:
            text = self.server.text()
        except WarehouseMissing as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n", "text/plain")
        except Exception as error:  # noqa: BLE001 - its text may hold what must not be shown
            reason = f"the state cannot be told: {type(error).__name__}; see cbcr doctor\n"
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, reason, "text/plain")
        else:
            self._answer(HTTPStatus.OK, text, CONTENT_TYPE)

    def _answer(self, status: HTTPStatus, body: str, content_type: str) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a scrape every few seconds is no news."""
