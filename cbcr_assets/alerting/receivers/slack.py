"""Slack's Web API through slack_sdk, without its retry handlers: waiting belongs to the outbox.

Belongs here: the call and the mapping of its four families of errors.
Does not belong here: how the message looks (see `blocks`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from cbcr_assets.alerting.receivers.base import Delivered, Rejected, Retry, wait_s
from cbcr_assets.alerting.receivers.blocks import blocks, fallback_text
from cbcr_assets.config.alerting import SlackReceiver

_TIMEOUT_S = 5
# Slack's words for trouble that passes; everything else needs a person.
_PASSING = {"ratelimited", "rate_limited", "service_unavailable", "internal_error", "fatal_error",
            "request_timeout", "team_added_to_org"}  # fmt: skip


@dataclass(frozen=True)
class SlackSender:
    """Posts to one channel."""

    receiver: SlackReceiver
    environ: Mapping[str, str]

    def send(self, content: Mapping[str, Any], *, key: str) -> Delivered | Retry | Rejected:
        """Post the message; its key travels in the metadata."""
        # slack_sdk costs a third of a second of import: only who delivers to Slack pays it.
        from slack_sdk import WebClient
        from slack_sdk.errors import SlackApiError, SlackClientError

        try:
            token = self.receiver.token.resolve(self.environ)
        except ValueError as error:
            return Rejected(str(error))
        client = WebClient(
            token=token, base_url=self.receiver.base_url, timeout=_TIMEOUT_S, retry_handlers=[]
        )
        try:
            answer = client.chat_postMessage(
                channel=self.receiver.channel,
                text=fallback_text(content),
                blocks=blocks(content),
                metadata={"event_type": "cbcr_alert", "event_payload": {"key": key}},
            )
        except SlackApiError as error:
            return _refused(error)
        except SlackClientError as error:
            return Retry(None, f"Slack's client failed ({type(error).__name__})")
        except (OSError, HTTPException, ValueError) as error:
            return Retry(None, f"Slack is not reachable ({type(error).__name__})")
        return Delivered(str(answer.get("ts", "")))


def _refused(error: Any) -> Retry | Rejected:
    response = error.response
    status = getattr(response, "status_code", 200)
    headers = {
        name.lower(): value for name, value in (getattr(response, "headers", {}) or {}).items()
    }
    word = response.get("error") if hasattr(response, "get") else None
    if status == 429 or status >= 500 or word in _PASSING or not isinstance(word, str):
        after = headers.get("retry-after")
        return Retry(
            wait_s(after[0] if isinstance(after, list) else after), f"Slack: {word or status}"
        )
    return Rejected(f"Slack: {word}")
