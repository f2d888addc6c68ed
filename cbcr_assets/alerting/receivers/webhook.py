"""Any HTTP endpoint that takes JSON (the body: see `body`).

Belongs here: the body and the headers. Does not belong here: the request itself (see `http`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cbcr_assets.alerting.message import Outgoing
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import Outcome, Retry, judge_status
from cbcr_assets.alerting.receivers.body import body
from cbcr_assets.alerting.receivers.http import encoded, post
from cbcr_assets.alerting.receivers.signing import signature
from cbcr_assets.config.receivers import WebhookReceiver
from cbcr_assets.config.values import SecretRef


@dataclass(frozen=True)
class Webhook:
    """Posts each message; every 2xx is a receipt."""

    config: WebhookReceiver
    links: Links
    environ: Mapping[str, str] = field(repr=False)

    def send(self, outgoing: Outgoing, *, now: datetime, timeout_s: float) -> Outcome:
        """Post one message once."""
        try:
            url = self._value(self.config.url)
            bearer = self._value(self.config.bearer or "")
            secret = self._value(self.config.signing_secret or "")
        except ValueError as error:
            return Retry(None, str(error))
        headers = {"Idempotency-Key": outgoing.message.id}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        content = encoded(body(outgoing.message, self.links))
        if secret:
            # Naive UTC: its seconds since 1970 are not those of the machine's zone.
            at_s = int(now.replace(tzinfo=UTC).timestamp())
            headers["X-CBCR-Signature"] = signature(secret, content, at_s=at_s)
        answer = post(url, content, headers=headers, timeout_s=timeout_s)
        if isinstance(answer, Retry):
            return answer
        return judge_status(answer.status_code, answer.headers, now=now)

    def _value(self, value: SecretRef | str) -> str:
        return value.resolve(self.environ) if isinstance(value, SecretRef) else value


def build(config: WebhookReceiver, *, links: Links, environ: Mapping[str, str]) -> Webhook:
    """Build the channel."""
    return Webhook(config, links, environ)
