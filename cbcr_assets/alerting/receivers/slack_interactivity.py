"""Where Slack reports that somebody pressed the Acknowledge button.

Belongs here: what comes from Slack is checked and read, and a small server for it.
Does not belong here: what an acknowledgement does (the caller's `acknowledge`).

It listens on loopback unless told otherwise: put it behind a reverse proxy with TLS. Every request
must carry Slack's signature of the last five minutes and counts once, and every button must be one
of ours, so neither a stranger nor another app nor who has listened can acknowledge anything.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from cbcr_assets.alerting.receivers.blocks import ACKNOWLEDGE
from cbcr_assets.alerting.receivers.plain import clean
from cbcr_assets.alerting.receivers.signing import TOLERANCE_S, is_from_slack, unseal

Acknowledge = Callable[[str, str], int]
HEALTH = "/health"
_LONGEST = 100_000
# Slack waits three seconds.
_PATIENCE_S = 5.0
_NAME = 80
_LOG = logging.getLogger(__name__)


class _Once:
    """Requests that were taken, for as long as their signatures hold."""

    def __init__(self) -> None:
        self._taken: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, signed: str, now_s: float) -> bool:
        """Tell whether a request comes for the first time; from now on it came."""
        with self._lock:
            # A clock that is off by the tolerance may sign a request for that much longer.
            held = {s: at for s, at in self._taken.items() if now_s - at <= 2 * TOLERANCE_S}
            is_first = signed not in held
            self._taken = held | {signed: held.get(signed, now_s)}
        return is_first


@dataclass(frozen=True)
class Interactivity:
    """Reads what Slack sends.

    Attributes:
        signing_secrets: Signing secrets of the apps whose buttons are shown.
        acknowledge: Is called with the incident and the name of who acknowledges it; returns how
            many alerts that were.
    """

    signing_secrets: Sequence[str] = field(repr=False)
    acknowledge: Acknowledge
    _once: _Once = field(default_factory=_Once, init=False, repr=False, compare=False)

    def answer(self, headers: Mapping[str, str], body: bytes, *, now_s: float) -> int:
        """Take one request and return the HTTP status for Slack.

        Args:
            headers: Headers of the request, in any case.
            body: Its bytes.
            now_s: Seconds since 1970, UTC.
        """
        lower = {name.lower(): value for name, value in headers.items()}
        signed = lower.get("x-slack-signature", "")
        secret = self._signer(lower.get("x-slack-request-timestamp", ""), signed, body, now_s)
        if secret is None:
            return 401
        if not self._once.take(signed, now_s):
            return 409
        payload = _payload(body)
        if payload is None:
            return 400
        pressed = [unseal(secret, value) for value in _pressed(payload)]
        incidents = [incident for incident in pressed if incident is not None]
        if len(incidents) < len(pressed):
            return 403
        try:
            counts = [self.acknowledge(incident, _who(payload)) for incident in incidents]
        except Exception as error:  # noqa: BLE001 - whoever pressed must see that it failed
            _LOG.error("an acknowledgement from Slack failed: %s", type(error).__name__)
            return 500
        # Of what is over there is nothing left to acknowledge; Slack shows that it did not work.
        return 200 if all(counts) else 404

    def _signer(self, stamp: str, signed: str, body: bytes, now_s: float) -> str | None:
        """Return the secret that signed a request."""
        for secret in filter(None, self.signing_secrets):
            if is_from_slack(secret, body, stamp=stamp, signed=signed, now_s=now_s):
                return secret
        return None


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

    def do_GET(self) -> None:
        """Tell who watches over the process that it lives."""
        self._end(200 if self.path == HEALTH else 404)

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
