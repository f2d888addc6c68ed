"""One POST of JSON with httpx, for channels that are nothing but that.

Belongs here: the request, its failures, and keeping its URL out of logs.
Does not belong here: what the body says and what the answer means.
"""

import logging
import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any

import httpx

from cbcr_assets.alerting.receivers.base import Retry

_is_ours: ContextVar[bool] = ContextVar("is_ours", default=False)


class _HideUrl(logging.Filter):
    """httpx logs every URL; that of a webhook is a secret."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the base's
        """Let through what is not about a request of ours."""
        return not _is_ours.get()


logging.getLogger("httpx").addFilter(_HideUrl("httpx"))


@cache
def _trust() -> ssl.SSLContext:
    """Read the trusted certificates once: doing it for each message costs more than the message."""
    return httpx.create_ssl_context()


def post(
    url: str, body: Mapping[str, Any], *, headers: Mapping[str, str], timeout_s: float
) -> httpx.Response | Retry:
    """Post JSON once; a failure on the way is a Retry, any answer is returned.

    Args:
        url: Where to.
        body: JSON values.
        headers: More headers.
        timeout_s: When to give up, seconds.
    """
    token = _is_ours.set(True)
    try:
        with httpx.Client(timeout=timeout_s, follow_redirects=False, verify=_trust()) as client:
            return client.post(url, json=body, headers=dict(headers))
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        # The text of these errors may hold the URL; their kind says enough.
        return Retry(None, f"no answer: {type(error).__name__}")
    finally:
        _is_ours.reset(token)
