"""Receivers: one file for each channel.

Belongs here: how a message looks in a channel, and how the channel's answer is read.
Does not belong here: retries, order and state (see `outbox`).

A receiver never waits, never retries and never logs, so it cannot log a secret. Every one is built
here, so what is true of all is done once: texts are clean, five seconds are the most, and an
outcome names no secret.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib import import_module
from typing import Any

from cbcr_assets.alerting.message import Member, Outgoing
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import Channel, Outcome, Rejected, Retry
from cbcr_assets.alerting.receivers.plain import clean, tidy, with_runbooks
from cbcr_assets.config.receivers import AlertmanagerReceiver, Receiver
from cbcr_assets.config.values import SecretRef

_MODULES = {
    "slack": "slack",
    "slack_webhook": "slack_webhook",
    "pagerduty": "pagerduty",
    "opsgenie": "opsgenie",
    "teams": "teams",
    "email": "mail",
    "webhook": "webhook",
    "alertmanager": "alertmanager",
    "apprise": "apprise_url",
    "file": "file",
    "console": "console",
}
_LONGEST_S = 5.0
_LONGEST_WHY = 300


@dataclass(frozen=True)
class Careful:
    """A channel with what is true of all.

    Attributes:
        channel: The channel itself.
        config: The receiver in alerting.yaml.
        links: Where people find more.
        environ: Where references to secrets lead.
    """

    channel: Any
    config: Receiver
    links: Links
    environ: Mapping[str, str] = field(repr=False)

    def send(self, outgoing: Outgoing, *, now: datetime, timeout_s: float) -> Outcome:
        """Send one message once."""
        outgoing = replace(outgoing, message=with_runbooks(tidy(outgoing.message), self.links))
        limit_s = min(timeout_s, _LONGEST_S)
        outcome: Outcome = self.channel.send(outgoing, now=now, timeout_s=limit_s)
        if isinstance(outcome, Retry | Rejected):
            return replace(outcome, why=clean(self._without_secrets(outcome.why), _LONGEST_WHY))
        return outcome

    def _without_secrets(self, why: str) -> str:
        for _, value in self.config:
            if isinstance(value, SecretRef):
                try:
                    secret = value.resolve(self.environ)
                except ValueError:
                    continue
                why = why.replace(secret, "•••")
        return why


def build(config: Receiver, *, links: Links, environ: Mapping[str, str]) -> Channel:
    """Build the channel of a receiver; only its own libraries are imported.

    Args:
        config: The receiver in alerting.yaml.
        links: Where people find more.
        environ: Where references to secrets lead.
    """
    module = import_module(f"{__name__}.{_MODULES[config.type]}")
    return Careful(module.build(config, links=links, environ=environ), config, links, environ)


def say_again(
    config: Receiver,
    members: Iterable[Member],
    *,
    links: Links,
    environ: Mapping[str, str],
    now: datetime,
    timeout_s: float,
) -> Outcome | None:
    """Tell a receiver that forgets, an Alertmanager, how all things stand.

    Args:
        config: The receiver in alerting.yaml.
        members: All that is open, and what has ended lately; each with its rule and team.
        links: Where people find more.
        environ: Where references to secrets lead.
        now: Present, naive UTC.
        timeout_s: When to give up, seconds.

    Returns:
        What came of it; None: this receiver forgets nothing.
    """
    if not isinstance(config, AlertmanagerReceiver):
        return None
    from cbcr_assets.alerting.receivers.alertmanager import Alertmanager

    manager = Alertmanager(config, links, environ)
    return manager.heartbeat(members, now=now, timeout_s=min(timeout_s, _LONGEST_S))
