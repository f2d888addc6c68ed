"""Slack's Web API: posts, answers in threads, and keeps the first message true.

Belongs here: calls and the reading of Slack's answers. Does not belong here: blocks.

Not through slack_sdk: it follows redirects and takes the token along, sends a second time by itself
after a broken connection, and takes any `ok` for a receipt.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

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
from cbcr_assets.alerting.receivers.blocks import Block, blocks, over, summary
from cbcr_assets.alerting.receivers.http import Answer, post
from cbcr_assets.alerting.receivers.signing import seal
from cbcr_assets.config.receivers import SlackReceiver

# Slack's own trouble; every other error of an answer will be the same next time.
_PASSING = frozenset(
    {
        "ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error",
        "service_unavailable", "request_timeout", "team_added_to_org", "accesslimited",
    }
)  # fmt: skip
_LOST = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message"})
_FIXED = frozenset({"cant_update_message", "edit_window_closed"})
# What nobody should miss although it stands in a thread.
_BROADCAST = frozenset({"firing", "repeat", "escalation"})
_WORD = re.compile(r"[a-z_]{1,60}")


@dataclass(frozen=True)
class Slack:
    """Posts to one channel."""

    config: SlackReceiver
    links: Links
    environ: Mapping[str, str] = field(repr=False)

    def send(self, outgoing: Outgoing, *, now: datetime, timeout_s: float) -> Outcome:
        """Say one message once: in the channel, in its thread, or by changing the first message."""
        try:
            token = self.config.token.resolve(self.environ)
        except ValueError as error:
            return Retry(None, str(error))
        button = self._button(outgoing)
        slack = _Caller(self.config.base_url, token, now, time.monotonic() + timeout_s)
        parent = _parent(outgoing.thread)
        if parent and outgoing.message.told_as == "acknowledged":
            seen = summary(outgoing.message), blocks(outgoing.message, self.links)
            outcome, said = self._update(slack, parent, seen)
            if said in _FIXED:
                outcome, said = self._post(slack, outgoing, parent, button)
        else:
            outcome, said = self._post(slack, outgoing, parent, button)
        if said in _LOST and parent:
            return self._post(slack, outgoing, None, button)[0]
        if isinstance(outcome, Delivered) and parent and outgoing.thread and outgoing.ends_incident:
            # The reply has said it, so a failure of this is none of the message.
            shown = over(outgoing.message, outgoing.thread, self.links)
            self._update(slack, parent, shown)
        return outcome

    def _post(
        self,
        slack: "_Caller",
        outgoing: Outgoing,
        parent: Mapping[str, str] | None,
        button: str,
    ) -> tuple[Outcome, str]:
        message = outgoing.message
        asks = message.told_as in _BROADCAST and any(not m.acked_by for m in message.members)
        call: dict[str, Any] = {
            "channel": parent["channel"] if parent else self.config.channel,
            "text": summary(message),
            "blocks": blocks(message, self.links, button=button if asks else ""),
            "metadata": {"event_type": "cbcr_alert", "event_payload": {"id": message.id}},
            "mrkdwn": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if parent:
            call["thread_ts"] = parent["ts"]
            call["reply_broadcast"] = message.told_as in _BROADCAST
        answer = slack.call("chat.postMessage", call)
        if isinstance(answer, tuple):
            return answer
        ts, channel = answer.get("ts"), answer.get("channel")
        if not (isinstance(ts, str) and isinstance(channel, str)):
            return Retry(None, "the answer is not Slack's"), ""
        # A thread has one beginning: what comes later goes there as well.
        ref = parent or {"channel": channel, "ts": ts}
        return Delivered(json.dumps({"channel": ref["channel"], "ts": ref["ts"]})), ""

    def _update(
        self, slack: "_Caller", parent: Mapping[str, str], shown: tuple[str, list[Block]]
    ) -> tuple[Outcome, str]:
        text, about = shown
        call = {"channel": parent["channel"], "ts": parent["ts"], "text": text, "blocks": about}
        answer = slack.call("chat.update", call)
        return answer if isinstance(answer, tuple) else (Delivered(json.dumps(dict(parent))), "")

    def _button(self, outgoing: Outgoing) -> str:
        secret = self.config.signing_secret
        try:
            return seal(secret.resolve(self.environ), outgoing.incident) if secret else ""
        except ValueError:
            # `Policy.missing_secrets` says so; the message is worth more than its button.
            return ""


@dataclass(frozen=True)
class _Caller:
    """Calls methods until a moment."""

    base_url: str
    token: str = field(repr=False)
    now: datetime
    until: float

    def call(self, method: str, content: Mapping[str, Any]) -> dict[str, Any] | tuple[Outcome, str]:
        """Return Slack's answer if it is good, else the outcome and Slack's word for it."""
        left_s = self.until - time.monotonic()
        if left_s <= 0:
            return Retry(None, "no answer: no time is left"), ""
        answer = post(
            self.base_url + method,
            content,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout_s=left_s,
        )
        if isinstance(answer, Retry):
            return answer, ""
        said = answer.json()
        if answer.status_code == 200 and said.get("ok") is True:
            return said
        return _judge(answer, said, self.now)


def build(config: SlackReceiver, *, links: Links, environ: Mapping[str, str]) -> Slack:
    """Build the channel."""
    return Slack(config, links, environ)


def _parent(thread: Thread | None) -> dict[str, str] | None:
    try:
        ref = json.loads(thread.ref) if thread else None
    except ValueError:
        return None
    if not isinstance(ref, dict):
        return None
    channel, ts = ref.get("channel"), ref.get("ts")
    if isinstance(channel, str) and isinstance(ts, str):
        return {"channel": channel, "ts": ts}
    return None


def _judge(answer: Answer, said: Mapping[str, Any], now: datetime) -> tuple[Outcome, str]:
    word = str(said.get("error", ""))
    error = word if _WORD.fullmatch(word) else ""
    if error in _PASSING or (error and (answer.status_code == 429 or answer.status_code >= 500)):
        return Retry(retry_after_s(answer.headers, now=now), f"Slack says {error}"), error
    if error:
        return Rejected(f"Slack says {error}"), error
    outcome = judge_status(answer.status_code, answer.headers, now=now)
    if isinstance(outcome, Delivered):
        return Retry(None, "the answer is not Slack's"), ""
    return outcome, ""
