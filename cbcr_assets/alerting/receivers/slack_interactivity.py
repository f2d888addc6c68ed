"""Where Slack reports that somebody pressed the Acknowledge button.

Belongs here: what comes from Slack is checked and read, and a small server for it.
Does not belong here: what an acknowledgement does (the caller's `acknowledge`).

It listens on loopback unless told otherwise: put it behind a reverse proxy with TLS. Every request
must carry Slack's signature of the last five minutes, and every button one of ours, so neither a
stranger nor another app can acknowledge anything. Pressing twice acknowledges twice, which changes
nothing.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from cbcr_assets.alerting.receivers.blocks import ACKNOWLEDGE
from cbcr_assets.alerting.receivers.plain import clean
from cbcr_assets.alerting.receivers.signing import is_from_slack, unseal

Acknowledge = Callable[[str, str], None]
_LONGEST = 100_000
# Slack waits three seconds.
_PATIENCE_S = 5.0
_NAME = 80
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Interactivity:
    """Reads what Slack sends.

    Attributes:
        signing_secret: The app's signing secret.
        acknowledge: Is called with the incident and the name of who acknowledges it.
    """

    signing_secret: str = field(repr=False)
    acknowledge: Acknowledge

    def answer(self, headers: Mapping[str, str], body: bytes, *, now_s: float) -> int:
        """Take one request and return the HTTP status for Slack.

        Args:
            headers: Headers of the request, in any case.
            body: Its bytes.
            now_s: Seconds since 1970, UTC.
        """
        lower = {name.lower(): value for name, value in headers.items()}
        stamp = lower.get("x-slack-request-timestamp", "")
        signed = lower.get("x-slack-signature", "")
        secret = self.signing_secret
        if not secret or not is_from_slack(secret, body, stamp=stamp, signed=signed, now_s=now_s):
            return 401
        payload = _payload(body)
        if payload is None:
            return 400
        incidents = [unseal(secret, value) for value in _pressed(payload)]
        if any(incident is None for incident in incidents):
            return 403
        try:
            for incident in incidents:
                self.acknowledge(str(incident), _who(payload))
        except Exception as error:  # noqa: BLE001 - whoever pressed must see that it failed
            _LOG.error("an acknowledgement from Slack failed: %s", type(error).__name__)
            return 500
        return 200


@contextmanager
def serving(
    interactivity: Interactivity, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[int]:
    """Serve until the block ends; gives the port.

    Args:
        interactivity: What answers.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.

    Raises:
        OSError: The port is taken.
    """
    handler = type("_Bound", (_Handler,), {"interactivity": interactivity})
    server = ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(_PATIENCE_S)


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    interactivity: Interactivity
    timeout = _PATIENCE_S
    server_version, sys_version = "cbcr", ""

    def do_POST(self) -> None:
        """Read, check, answer."""
        length = self.headers.get("content-length", "")
        if not length.isascii() or not length.isdigit():
            self._end(411)
        elif int(length) > _LONGEST:
            self._end(413)
        else:
            body = self.rfile.read(int(length))
            headers = dict(self.headers.items())
            self._end(self.interactivity.answer(headers, body, now_s=time.time()))

    def _end(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a stranger could fill the log."""

    def handle(self) -> None:
        """Bear a connection that breaks."""
        try:
            super().handle()
        except OSError:
            return


def _payload(body: bytes) -> dict[str, Any] | None:
    try:
        fields = parse_qs(body.decode(), strict_parsing=True, max_num_fields=10)
        found = json.loads(fields["payload"][0])
    except (ValueError, KeyError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _pressed(payload: Mapping[str, Any]) -> list[str]:
    """Return the values of our buttons that were pressed; everything else is none of ours."""
    actions = payload.get("actions")
    if payload.get("type") != "block_actions" or not isinstance(actions, list):
        return []
    return [
        str(action.get("value", ""))
        for action in actions
        if isinstance(action, dict) and action.get("action_id") == ACKNOWLEDGE
    ]


def _who(payload: Mapping[str, Any]) -> str:
    user = payload.get("user")
    known = user if isinstance(user, dict) else {}
    names = (known.get(key) for key in ("name", "username", "id"))
    name = next((name for name in names if isinstance(name, str) and name), "somebody")
    return clean(name, _NAME) + " (Slack)"
