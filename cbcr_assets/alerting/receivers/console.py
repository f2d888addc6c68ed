"""Standard error of the process that delivers: for a first try, and for logs that are collected.

Belongs here: printing. Does not belong here: words (see `render`).
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cbcr_assets.alerting import render
from cbcr_assets.alerting.message import Outgoing
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import Delivered, Outcome, Retry
from cbcr_assets.config.receivers import ConsoleReceiver


@dataclass(frozen=True)
class Console:
    """Prints each message."""

    links: Links

    def send(
        self,
        outgoing: Outgoing,
        *,
        now: datetime,  # noqa: ARG002 - the protocol's
        timeout_s: float,  # noqa: ARG002 - the protocol's
    ) -> Outcome:
        """Print one message."""
        try:
            sys.stderr.write(render.text(outgoing.message, self.links) + "\n")
            sys.stderr.flush()
        except OSError as error:
            return Retry(None, f"standard error cannot be written: {error.strerror}")
        return Delivered()


def build(
    config: ConsoleReceiver,  # noqa: ARG001 - every channel is built alike
    *,
    links: Links,
    environ: Mapping[str, str],  # noqa: ARG001 - every channel is built alike
) -> Console:
    """Build the channel."""
    return Console(links)
