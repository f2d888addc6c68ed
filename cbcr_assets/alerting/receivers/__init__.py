"""Receivers: one file for each channel.

Belongs here: how a message looks in a channel and how its answer is read.
Does not belong here: retries, order, state (see the outbox).

A sender returns Delivered, Retry (perhaps with the wait the channel asked for) or Rejected, and
never raises for what the other side does. It never logs, so it cannot log a secret.
"""

import os
from collections.abc import Mapping

from cbcr_assets.alerting.receivers.base import Delivered, Rejected, Retry, Sender
from cbcr_assets.alerting.receivers.file import ConsoleSender, FileSender
from cbcr_assets.alerting.receivers.slack import SlackSender
from cbcr_assets.alerting.receivers.webhook import SlackWebhookSender, WebhookSender
from cbcr_assets.config import Policy
from cbcr_assets.config.alerting import (
    FileReceiver,
    Receiver,
    SlackReceiver,
    SlackWebhookReceiver,
    WebhookReceiver,
)

__all__ = ["Delivered", "Rejected", "Retry", "Sender", "senders"]


def senders(policy: Policy, environ: Mapping[str, str] = os.environ) -> dict[str, Sender]:
    """Build the sender of each receiver; secrets are resolved when they are first needed."""
    return {receiver.name: _sender(receiver, environ) for receiver in policy.receivers}


def _sender(receiver: Receiver, environ: Mapping[str, str]) -> Sender:
    match receiver:
        case SlackReceiver():
            return SlackSender(receiver, environ)
        case SlackWebhookReceiver():
            return SlackWebhookSender(receiver, environ)
        case WebhookReceiver():
            return WebhookSender(receiver, environ)
        case FileReceiver():
            return FileSender(receiver.path)
        case _:
            return ConsoleSender()
