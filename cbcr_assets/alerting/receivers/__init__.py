"""Receivers: one file for each channel.

Belongs here: how a message looks in a channel, and how the channel's answer is read.
Does not belong here: retries, order and state (see `outbox`).

A receiver never waits, never retries and never logs, so it cannot log a secret.
"""

from collections.abc import Callable, Mapping
from importlib import import_module

from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import Channel
from cbcr_assets.config.alerting import Receiver

_MODULES = {
    "slack": "slack",
    "slack_webhook": "slack_webhook",
    "webhook": "webhook",
    "file": "file",
    "console": "console",
}


def build(config: Receiver, *, links: Links, environ: Mapping[str, str]) -> Channel:
    """Build the channel of a receiver; only its own libraries are imported.

    Args:
        config: The receiver in alerting.yaml.
        links: Where people find more.
        environ: Where references to secrets lead.
    """
    module = import_module(f"{__name__}.{_MODULES[config.type]}")
    make: Callable[..., Channel] = module.build
    return make(config, links=links, environ=environ)
