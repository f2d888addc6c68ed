"""HTTP endpoints that take JSON: the generic webhook and Slack's incoming webhook.

Belongs here: the request and the reading of its answer. Does not belong here: retries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from cbcr_assets.alerting.receivers.base import Delivered, Rejected, Retry, judge
from cbcr_assets.alerting.receivers.blocks import blocks, fallback_text
from cbcr_assets.config.alerting import SlackWebhookReceiver, WebhookReceiver

_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class WebhookSender:
    """Posts the channel-neutral message."""

    receiver: WebhookReceiver
    environ: Mapping[str, str]

    def send(self, content: Mapping[str, Any], *, key: str) -> Delivered | Retry | Rejected:
        """Post the message; any 2xx is acceptance."""
        headers = {"idempotency-key": key}
        if self.receiver.bearer is not None:
            try:
                headers["authorization"] = f"Bearer {self.receiver.bearer.resolve(self.environ)}"
            except ValueError as error:
                return Rejected(str(error))
        return _post(self.receiver.url, {"key": key, **content}, headers, self.receiver.timeout)[0]


@dataclass(frozen=True)
class SlackWebhookSender:
    """Posts to an incoming webhook; its success is the word `ok`, not the status alone."""

    receiver: SlackWebhookReceiver
    environ: Mapping[str, str]

    def send(self, content: Mapping[str, Any], *, key: str) -> Delivered | Retry | Rejected:
        """Post the message."""
        try:
            url = self.receiver.url.resolve(self.environ)
        except ValueError as error:
            return Rejected(str(error))
        body = {"text": fallback_text(content), "blocks": blocks(content)}
        outcome, answer = _post(url, body, {}, _TIMEOUT_S)
        if isinstance(outcome, Delivered) and answer.strip() != "ok":
            return Retry(None, "the answer is not Slack's")
        return outcome


def _post(
    url: str, body: Mapping[str, Any], headers: Mapping[str, str], timeout_s: float
) -> tuple[Delivered | Retry | Rejected, str]:
    try:
        answer = httpx.post(url, json=body, headers=dict(headers), timeout=timeout_s)
    except httpx.TimeoutException:
        return Retry(None, f"no answer within {timeout_s:g} s"), ""
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        return Rejected("this is no URL that can be posted to"), ""
    except httpx.HTTPError as error:
        # Only the kind: the text of an error may hold the URL, which may be the secret.
        return Retry(None, f"not reachable ({type(error).__name__})"), ""
    problem = judge(answer.status_code, answer.headers.get("retry-after"))
    return problem or Delivered(), answer.text
