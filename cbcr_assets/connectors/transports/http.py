"""HTTP: one GET with a deadline for everything, tried again where that may help.

Belongs here: the request, its bearer token, what is transient, and errors without secrets.
Does not belong here: what the answer means, or building Prometheus queries (`prometheus`).

Redirects are not followed: a token must not travel to another host, and a monitored address that
moved should be told, not guessed.
"""

import random
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from cbcr_assets.connectors.transports.answer import Answer, Piece
from cbcr_assets.connectors.transports.envelope import MAX_BYTES
from cbcr_assets.connectors.transports.json_text import sha256
from cbcr_assets.connectors.transports.text import clean

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 8.0
_BRIEF = 200
_OK = 200


class HttpProblem(Exception):
    """There is no answer; the message is safe to show."""

    def __init__(self, reason: str, *, retry_after_s: float | None = None) -> None:
        """Say why, and after how long to try again; None: never."""
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Target:
    """Where to ask.

    Attributes:
        url: Address without credentials.
        bearer: Token, never shown.
        ca_file: PEM file of the authority to trust instead of the system's.
        deadline: Monotonic clock: when to give up, retries included.
        max_bytes: A longer answer is an error.
    """

    url: str
    bearer: str | None
    ca_file: str | None
    deadline: float
    max_bytes: int = MAX_BYTES // 2


def read_http(target: Target, *, kind: str, last_sha256: str | None) -> Answer:
    """Read one document; the same one again is no news.

    Args:
        target: Where to ask.
        kind: Feed kind; of `metrics` the answers are one stream, for rates need the one before.
        last_sha256: Hash of the document that was sent last.
    """
    began = time.monotonic()
    try:
        text = fetch(target)
    except HttpProblem as problem:
        return Answer(error=f"{target.url}: {problem}", elapsed_s=time.monotonic() - began)
    stream = f"{kind}:{target.url}" if kind == "metrics" else ""
    piece = Piece(text, stream=stream, cursor={"sha256": sha256(text)})
    fresh = piece.cursor != {"sha256": last_sha256}
    return Answer(
        news=(piece,) if fresh else (),
        heartbeat=None if stream else piece,
        cursor=piece.cursor or {},
        elapsed_s=time.monotonic() - began,
    )


def fetch(target: Target, params: Mapping[str, str] | None = None) -> str:
    """Return the text behind an address.

    Raises:
        HttpProblem: It could not be had before the deadline.
    """
    wait = _FIRST_WAIT_S
    while True:
        try:
            return _once(target, params)
        except HttpProblem as problem:
            if problem.retry_after_s is None:
                raise
            pause = max(problem.retry_after_s, wait * random.uniform(0.5, 1.0))
            if time.monotonic() + pause >= target.deadline:
                raise HttpProblem(f"{problem}, until its time was up") from None
            time.sleep(pause)
            wait = min(wait * 2, _LONGEST_WAIT_S)


def _once(target: Target, params: Mapping[str, str] | None) -> str:
    left = target.deadline - time.monotonic()
    if left <= 0:
        raise HttpProblem("its time was up")
    headers = {"authorization": f"Bearer {target.bearer}"} if target.bearer else {}
    try:
        verify = ssl.create_default_context(cafile=target.ca_file)
        with (
            httpx.Client(timeout=left, verify=verify, follow_redirects=False) as client,
            client.stream("GET", target.url, params=params, headers=headers) as response,
        ):
            return _read(response, target)
    except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as error:
        if isinstance(error.__cause__, ssl.SSLError) or "CERTIFICATE" in str(error):
            raise HttpProblem(f"its certificate is not trusted ({_shown(error)})") from None
        raise HttpProblem(f"no answer ({type(error).__name__})", retry_after_s=0.0) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise HttpProblem(f"cannot be asked ({type(error).__name__})") from None


def _read(response: httpx.Response, target: Target) -> str:
    body = bytearray()
    for block in response.iter_bytes():
        body += block
        if len(body) > target.max_bytes:
            raise HttpProblem(f"more than {target.max_bytes} bytes; ask for less at a time")
        if time.monotonic() > target.deadline:
            raise HttpProblem("its answer did not end in time")
    text = bytes(body).decode("utf-8", "backslashreplace")
    if response.status_code == _OK:
        return text
    if response.is_redirect:
        raise HttpProblem(f"status {response.status_code}: it moved; configure its new address")
    first = text.strip().partition("\n")[0]
    reason = clean(f"status {response.status_code}: {_hidden(first, target)[:_BRIEF]}")
    wait = _wait_of(response) if response.status_code in _TRANSIENT else None
    raise HttpProblem(reason, retry_after_s=wait)


def _wait_of(response: httpx.Response) -> float:
    told = response.headers.get("retry-after", "")
    return float(told) if told.isascii() and told.isdigit() else 0.0


def _hidden(text: str, target: Target) -> str:
    return text.replace(target.bearer, "***") if target.bearer else text


def _shown(error: Exception) -> str:
    return clean(str(error))[:_BRIEF]
