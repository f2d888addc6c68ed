"""Slack's Web API: posts, answers in threads, and marks what is over.

Belongs here: calls and the reading of Slack's answers. Does not belong here: blocks.
"""

import http.client
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from cbcr_assets.alerting.message import Outgoing, Thread
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import (
    Delivered,
    Outcome,
    Rejected,
    Retry,
    judge_status,
    retry_after_s,
)
from cbcr_assets.alerting.receivers.blocks import blocks, over, summary
from cbcr_assets.config.alerting import SlackReceiver

# Slack's own trouble; every other error of an answer will be the same next time.
_PASSING = frozenset(
    {
        "ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error",
        "service_unavailable", "request_timeout", "team_added_to_org", "accesslimited",
    }
)  # fmt: skip
_LOST_THREAD = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message"})
_WORD = re.compile(r"[a-z_]{1,60}")
# The SDK logs requests and whole answers; neither belongs into our logs.
_SILENT = logging.getLogger(f"{__name__}.silent")
_SILENT.disabled = True


@dataclass(frozen=True)
class Slack:
    """Posts to one channel."""

    config: SlackReceiver
    links: Links
    environ: Mapping[str, str] = field(repr=False)

    def send(self, outgoing: Outgoing, *, now: datetime, timeout_s: float) -> Outcome:
        """Post one message once; the end of something goes into its thread."""
        try:
            token = self.config.token.resolve(self.environ)
        except ValueError as error:
            return Retry(None, str(error))
        thread = outgoing.thread
        # A reply, a second try outside of a lost thread or an update: two calls at most.
        one_call_s = timeout_s / 2 if thread else timeout_s
        client = WebClient(token, self.config.base_url, retry_handlers=[], logger=_SILENT)
        client.timeout = one_call_s  # type: ignore[assignment]  # urllib takes fractions
        outcome, said = self._post(client, outgoing, _parent(thread), now)
        if said in _LOST_THREAD and thread is not None:
            outcome, _ = self._post(client, outgoing, None, now)
        elif isinstance(outcome, Delivered) and thread is not None and thread.is_over:
            self._mark_over(client, outgoing, thread)
        return outcome

    def _post(
        self, client: WebClient, outgoing: Outgoing, parent: Mapping[str, str] | None, now: datetime
    ) -> tuple[Outcome, str]:
        message = outgoing.message
        call: dict[str, Any] = {
            "channel": parent["channel"] if parent else self.config.channel,
            "text": summary(message),
            "blocks": blocks(message, self.links),
            "metadata": {"event_type": "cbcr_alert", "event_payload": {"id": message.id}},
            "unfurl_links": False,
        }
        if parent:
            call["thread_ts"] = parent["ts"]
        try:
            answer = client.chat_postMessage(**call)
        except SlackApiError as failure:
            return _judge(failure, now)
        except (SlackClientError, OSError, http.client.HTTPException, ValueError) as failure:
            return Retry(None, f"no answer: {type(failure).__name__}"), ""
        ts, channel = answer.get("ts"), answer.get("channel")
        return Delivered(json.dumps({"channel": channel, "ts": ts}) if ts and channel else ""), ""

    def _mark_over(self, client: WebClient, outgoing: Outgoing, thread: Thread) -> None:
        parent = _parent(thread)
        if parent is None:
            return
        text, shown = over(outgoing.message, thread, self.links)
        try:
            client.chat_update(channel=parent["channel"], ts=parent["ts"], text=text, blocks=shown)
        except (SlackClientError, OSError, http.client.HTTPException, ValueError):
            # The reply has said it; the mark is only a convenience.
            return


def build(config: SlackReceiver, *, links: Links, environ: Mapping[str, str]) -> Slack:
    """Build the channel."""
    return Slack(config, links, environ)


def _parent(thread: Thread | None) -> Mapping[str, str] | None:
    try:
        ref = json.loads(thread.ref) if thread else None
    except ValueError:
        return None
    return ref if isinstance(ref, dict) and ref.keys() >= {"channel", "ts"} else None


def _judge(failure: SlackApiError, now: datetime) -> tuple[Outcome, str]:
    response = failure.response
    status = getattr(response, "status_code", 0)
    headers = getattr(response, "headers", {})
    data = getattr(response, "data", None)
    said = str(data.get("error", "")) if isinstance(data, dict) else ""
    error = said if _WORD.fullmatch(said) else ""
    if status != 200 and not error:
        outcome = judge_status(status, headers, now=now)
        return (Retry(None, f"HTTP {status}") if isinstance(outcome, Delivered) else outcome), ""
    if not error:
        return Retry(None, "the answer is not Slack's"), ""
    if error in _PASSING or status == 429 or status >= 500:
        return Retry(retry_after_s(headers, now=now), f"Slack says {error}"), error
    return Rejected(f"Slack says {error}"), error
