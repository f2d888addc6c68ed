"""What stands before every request: who may ask at all, and what a browser may do with the answer.

Belongs here: hosts, origins, the proxy's secret, security headers. Pure ASGI.
Does not belong here: logging in (Streamlit does), roles (see `access`).
"""

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PROXY_HEADER = "x-cbcr-proxy"
HEALTH = "/_stcore/health"
_METRICS = "/_stcore/metrics"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY_VIOLATION = 1008

# Streamlit's page draws with inline styles, compiles readers and charts from blobs, WebAssembly
# and text. Nothing comes from, or goes to, anywhere else.
_POLICY = (
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval' {scripts}",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self' data: blob:",
    "worker-src 'self' blob:",
    "frame-src 'self' data: blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)
_HEADERS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Rules:
    """Which requests are answered.

    Attributes:
        hosts: Names under which the server is reached; `*.` at the start stands for any part.
        scripts: Scripts that may stand in a page, as a content security policy names them.
        local_only: Nobody logs in, so only this machine is served.
        proxy_secret: What the proxy in front sends; empty: there is none.
        proxy_says: Headers in which it says who somebody is; each may come once only.
        is_https: Browsers reach it over TLS, so cookies are for TLS alone.
        hides_metrics: Streamlit's own counters are for this machine alone.
    """

    hosts: frozenset[str]
    scripts: tuple[str, ...] = ()
    local_only: bool = True
    proxy_secret: str = field(default="", repr=False)
    proxy_says: tuple[str, ...] = ()
    is_https: bool = False
    hides_metrics: bool = False


class Guard:
    """ASGI middleware that refuses, and adds headers to what is answered."""

    def __init__(self, app: Any, rules: Rules) -> None:
        """Stand before an ASGI app."""
        self._app = app
        self._rules = rules
        policy = "; ".join(_POLICY).format(scripts=" ".join(rules.scripts))
        own = {**_HEADERS, "content-security-policy": policy}
        self._own = {name.encode(): value.encode() for name, value in own.items()}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = reason_to_refuse(self._rules, scope)
        if refusal is None:
            await self._app(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": refusal})
        else:
            body = refusal.encode()
            headers = [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(body)).encode()),
            ]
            start = {"type": "http.response.start", "status": 403, "headers": headers}
            await self._with_headers(send)(start)
            await send({"type": "http.response.body", "body": body})

    def _with_headers(self, send: Any) -> Any:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": list(self._headers(message["headers"]))}
            await send(message)

        return sending

    def _headers(self, given: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
        for name, value in given:
            if name.lower() == b"set-cookie" and self._rules.is_https:
                yield name, _for_tls(value)
            elif name.lower() not in self._own:
                yield name, value
        yield from self._own.items()


def reason_to_refuse(rules: Rules, scope: Any) -> str | None:
    """Return why a request is not answered, in words that give nothing away; None: it is."""
    path = scope["path"]
    if path == HEALTH:
        return None  # it says no more than that the process lives; probes know no names
    if rules.local_only and not _is_here(scope):
        return "Without a login only this machine is served: docs/access.md says how to have one."
    host = _only(scope, "host")
    if host is None or not _is_named(host, rules.hosts):
        return "This server is not known by that name: see allowed_hosts in docs/access.md."
    if rules.proxy_secret and not _came_through(rules, scope):
        return "Only the proxy in front may ask."
    if not _is_same_origin(scope, host):
        return "Another site may not ask."
    if path.startswith(_METRICS) and rules.hides_metrics:
        return "These counters are not for everybody."
    return None


def _is_here(scope: Any) -> bool:
    """Tell whether both ends of a connection are on this machine."""
    return all(_is_loopback(scope.get(end)) for end in ("client", "server"))


def _is_loopback(end: Any) -> bool:
    try:
        address = ipaddress.ip_address(end[0])
    except (TypeError, ValueError, IndexError):
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _is_named(host: str, hosts: Iterable[str]) -> bool:
    try:
        parts = urlsplit(f"//{host}")
        name, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return False
    return any(
        name.endswith(known[1:]) if known.startswith("*.") else name == known for known in hosts
    )


def _came_through(rules: Rules, scope: Any) -> bool:
    said = _only(scope, PROXY_HEADER) or ""
    if not hmac.compare_digest(said.encode("latin-1"), rules.proxy_secret.encode()):
        return False
    return all(len(_values(scope, name)) <= 1 for name in rules.proxy_says)


def _is_same_origin(scope: Any, host: str) -> bool:
    """Tell whether a page of this very server asks; who is no browser says nothing and may."""
    if scope["type"] == "http" and scope["method"] in _SAFE:
        return True  # another site may not read the answer
    values = _values(scope, "origin")
    return not values or (len(values) == 1 and urlsplit(values[0]).netloc.lower() == host.lower())


def _only(scope: Any, name: str) -> str | None:
    values = _values(scope, name)
    return values[0] if len(values) == 1 else None


def _values(scope: Any, name: str) -> list[str]:
    key = name.lower().encode()
    return [value.decode("latin-1") for known, value in scope["headers"] if known.lower() == key]


def _for_tls(cookie: bytes) -> bytes:
    has = any(part.strip().lower() == b"secure" for part in cookie.split(b";")[1:])
    return cookie if has else cookie + b"; Secure"
