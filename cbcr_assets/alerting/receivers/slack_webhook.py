"""A Slack incoming webhook: no threads, and only the body `ok` is a receipt.

Belongs here: the request and the reading of Slack's answer. Does not belong here: blocks.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cbcr_assets.alerting.message import Outgoing
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import (
    Delivered,
    Outcome,
    Rejected,
    Retry,
    judge_status,
)
from cbcr_assets.alerting.receivers.blocks import blocks, summary
from cbcr_assets.alerting.receivers.http import post_to
from cbcr_assets.config.receivers import SlackWebhookReceiver

_WORD = re.compile(r"[a-z_]{1,60}")


@dataclass(frozen=True)
class SlackWebhook:
    """Posts to an incoming webhook."""

    config: SlackWebhookReceiver
    links: Links
    environ: Mapping[str, str] = field(repr=False)

    def send(self, outgoing: Outgoing, *, now: datetime, timeout_s: float) -> Outcome:
        """Post one message once."""
        message = outgoing.message
        content = {
            "text": summary(message),
            "blocks": blocks(message, self.links),
            "mrkdwn": False,
            "unfurl_links": False,
        }
        answer = post_to(self.config.url, self.environ, content, timeout_s=timeout_s)
        if isinstance(answer, Retry):
            return answer
        outcome = judge_status(answer.status_code, answer.headers, now=now)
        said = answer.text.strip()
        if isinstance(outcome, Delivered) and said != "ok":
            # Some proxy answered, not Slack.
            return Retry(None, "the answer is not Slack's")
        if isinstance(outcome, Rejected) and _WORD.fullmatch(said):
            return Rejected(f"{outcome.why} {said}")
        return outcome


def build(
    config: SlackWebhookReceiver, *, links: Links, environ: Mapping[str, str]
) -> SlackWebhook:
    """Build the channel."""
    return SlackWebhook(config, links, environ)
