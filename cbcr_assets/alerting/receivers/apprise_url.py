"""Whatever else Apprise speaks: Telegram, Discord, Mattermost, Matrix, SMS gateways and more.

Belongs here: handing a plain text to Apprise, and the reading of what it tells.
Does not belong here: channels with a file of their own, which do more.

Apprise tells only whether it worked: not what was answered, not how long to wait, no reference. So
every failure is tried again for a day. It is loaded at its first message, for that takes a second.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cbcr_assets.alerting import render
from cbcr_assets.alerting.message import Message, Outgoing
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import Delivered, Outcome, Rejected, Retry
from cbcr_assets.alerting.receivers.plain import shorten
from cbcr_assets.config.receivers import AppriseReceiver

_BODY = 3_000
_SPARE = 100
_LEAST_S = 0.2


class _Quiet(logging.Filter):
    """Apprise and what it sends with log URLs, with tokens in them, from threads of their own."""

    def __init__(self) -> None:
        super().__init__()
        self._lock, self._sending = threading.Lock(), 0

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the base's
        """Let through what is said while we send nothing."""
        return self._sending == 0

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Be quiet for a while."""
        with self._lock:
            self._sending += 1
        try:
            yield
        finally:
            with self._lock:
                self._sending -= 1


_QUIET = _Quiet()
for _name in ("apprise", "urllib3.connectionpool", "urllib3.util.retry", "requests"):
    logging.getLogger(_name).addFilter(_QUIET)


@dataclass(frozen=True)
class AppriseUrl:
    """Sends to one service."""

    config: AppriseReceiver
    links: Links
    environ: Mapping[str, str] = field(repr=False)

    def send(
        self,
        outgoing: Outgoing,
        *,
        now: datetime,  # noqa: ARG002 - the protocol's
        timeout_s: float,
    ) -> Outcome:
        """Send one message once."""
        deadline = time.monotonic() + timeout_s
        try:
            url = self.config.url.resolve(self.environ)
        except ValueError as error:
            return Retry(None, str(error))
        with _QUIET.sending():
            service = _service(url)
            if service is None:
                return Rejected("the reference does not hold one URL that Apprise knows")
            left_s = deadline - time.monotonic()
            if left_s < _LEAST_S:
                return Retry(None, "Apprise took too long to load")
            return _notify(service, outgoing.message, self.links, left_s)


def build(config: AppriseReceiver, *, links: Links, environ: Mapping[str, str]) -> AppriseUrl:
    """Build the channel."""
    return AppriseUrl(config, links, environ)


def _service(url: str) -> Any:
    from apprise import Apprise, AppriseAsset

    asset = AppriseAsset()
    # A redirect would carry a token to whoever the answer names.
    asset.http_redirects = False
    apprise = Apprise(asset=asset)
    return apprise if apprise.add(url) and len(apprise) == 1 else None


def _notify(apprise: Any, message: Message, links: Links, timeout_s: float) -> Outcome:
    from apprise import NotifyFormat, NotifyType

    kinds = {"critical": NotifyType.FAILURE, "warning": NotifyType.WARNING}
    kind = NotifyType.SUCCESS if message.is_over else kinds.get(message.severity, NotifyType.INFO)
    [service] = apprise
    service.socket_connect_timeout = service.socket_read_timeout = timeout_s
    longest = max(min(_BODY, service.body_maxlen - _SPARE), _SPARE)
    title, _, body = render.text(message, links, longest=longest).partition("\n")
    try:
        result = apprise.notify(
            title=shorten(title, service.title_maxlen or longest),
            body=body,
            notify_type=kind,
            body_format=NotifyFormat.TEXT,
            timeout=timeout_s,
        )
    except Exception as error:  # noqa: BLE001 - any of 170 plugins may raise anything
        return Retry(None, f"Apprise failed: {type(error).__name__}")
    if result:
        return Delivered()
    status = getattr(getattr(result, "status", None), "name", "FAILURE")
    return Retry(None, f"Apprise says {str(status).lower()}")
