"""One POST of JSON with httpx, for channels that are nothing but that.

Belongs here: the request, its failures, and keeping its URL out of logs.
Does not belong here: what the body says and what the answer means.

A redirect is never followed: it would carry a token to whoever the answer names.
"""

import json
import logging
import os
import ssl
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

from cbcr_assets.alerting.receivers.base import Retry
from cbcr_assets.config.values import SecretRef

_LONGEST_ANSWER = 65_536
_is_ours: ContextVar[bool] = ContextVar("is_ours", default=False)


class _HideUrl(logging.Filter):
    """httpx and httpcore log every URL and header; that of a webhook is a secret."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the base's
        """Let through what is not about a request of ours."""
        return not _is_ours.get()


for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
    logging.getLogger(_name).addFilter(_HideUrl(_name))


@dataclass(frozen=True)
class Answer:
    """What the other side said.

    Attributes:
        status_code: HTTP status.
        headers: Headers, in any case.
        text: The beginning of the body; never shown, for it may hold what we sent.
    """

    status_code: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> dict[str, Any]:
        """Return the body if it is a JSON object, else an empty one."""
        try:
            found = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def encoded(body: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Return JSON values as the bytes that `post` sends."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()


def _trust() -> ssl.SSLContext:
    """Return whom to trust, as the environment says it now."""
    return _trusted(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _trusted(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Read certificates once: doing it for each message costs more than the message."""
    return httpx.create_ssl_context()


def post(
    url: str,
    body: Mapping[str, Any] | Sequence[Any] | bytes,
    *,
    headers: Mapping[str, str],
    timeout_s: float,
) -> Answer | Retry:
    """Post JSON once; a failure on the way is a Retry, any answer is returned.

    Args:
        url: Where to.
        body: JSON values, or their bytes.
        headers: More headers.
        timeout_s: When to give up, seconds.
    """
    token = _is_ours.set(True)
    try:
        content = body if isinstance(body, bytes) else encoded(body)
        return _exchange(url, content, headers, timeout_s)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        # The text of these errors may hold the URL; their kind says enough.
        return Retry(None, f"no answer: {_kind(error)}")
    finally:
        _is_ours.reset(token)


def post_to(
    place: SecretRef,
    environ: Mapping[str, str],
    body: Mapping[str, Any],
    *,
    timeout_s: float,
) -> Answer | Retry:
    """Post JSON once to an address that is a secret; one that is not there is a Retry.

    Args:
        place: Where the address is.
        environ: Where references to secrets lead.
        body: JSON values.
        timeout_s: When to give up, seconds.
    """
    try:
        url = place.resolve(environ)
    except ValueError as error:
        return Retry(None, str(error))
    return post(url, body, headers={}, timeout_s=timeout_s)


def _exchange(
    url: str, content: bytes, headers: Mapping[str, str], timeout_s: float
) -> Answer | Retry:
    deadline = time.monotonic() + timeout_s
    ours = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "cbcr", **headers}
    with (
        httpx.Client(timeout=timeout_s, follow_redirects=False, verify=_trust()) as client,
        client.stream("POST", url, content=content, headers=ours) as response,
    ):
        received = b""
        for chunk in response.iter_bytes():
            received += chunk
            if time.monotonic() > deadline:
                # A limit of each read alone would never end an answer that drips.
                return Retry(None, "no answer: it did not end in time")
            if len(received) >= _LONGEST_ANSWER:
                break
        text = received[:_LONGEST_ANSWER].decode("utf-8", "replace")
        return Answer(response.status_code, dict(response.headers), text)


def _kind(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "the certificate cannot be trusted"
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason or 'broken off'}"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
