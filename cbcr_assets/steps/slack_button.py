"""What a press of Slack's Acknowledge button does.

Belongs here: which secrets count, acknowledging, and showing it in the channel at once.
Does not belong here: what Slack sends (see `alerting.receivers.slack_interactivity`).
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from cbcr_assets.alerting import Ack
from cbcr_assets.config import Policy
from cbcr_assets.config.receivers import SlackReceiver
from cbcr_assets.steps.platform import Platform

# Slack gives up after three seconds.
_WAIT_S = 2.0
_BUDGET_S = 5.0
_LOG = logging.getLogger(__name__)

Clock = Callable[[], datetime]


class NoSecretError(Exception):
    """Anybody could press; the message says what to write where."""


def signing_secrets(policy: Policy) -> tuple[str, ...]:
    """Return the signing secrets of the Slack apps whose messages have a button.

    Raises:
        NoSecretError: There is none, or a reference leads nowhere.
    """
    found = []
    for name, receiver in policy.receivers.items():
        if not isinstance(receiver, SlackReceiver) or receiver.signing_secret is None:
            continue
        try:
            found.append(receiver.signing_secret.resolve(policy.environ))
        except ValueError as error:
            raise NoSecretError(f"receiver {name}: signing_secret: {error}") from None
    if not found:
        raise NoSecretError(
            "no receiver of type slack has a signing_secret, so no message has a button and"
            " no request could be trusted; write signing_secret: env:SLACK_SIGNING_SECRET"
        )
    return tuple(dict.fromkeys(found))


@contextmanager
def presses(platform: Platform, clock: Clock) -> Iterator[Callable[[str, str], int]]:
    """Give what takes a press, and show in the channels what was pressed, until the block ends.

    Args:
        platform: Where the alert engine is.
        clock: Tells the present, naive UTC.
    """
    due, over = threading.Event(), threading.Event()

    def acknowledge(incident: str, by: str) -> int:
        service = platform.alerts(wait_s=_WAIT_S)
        count = service.say(Ack((), by, incident=incident), now=clock())
        if count:
            due.set()
        return count

    def show() -> None:
        while due.wait() and not over.is_set():
            due.clear()
            try:
                platform.alerts().deliver(now=clock(), budget_s=_BUDGET_S)
            except Exception as error:  # noqa: BLE001 - alert_tick delivers what stays behind
                _LOG.error("what was pressed is shown later: %s", type(error).__name__)

    courier = threading.Thread(target=show, daemon=True, name="slack_button")
    courier.start()
    try:
        yield acknowledge
    finally:
        over.set()
        due.set()
        courier.join(_BUDGET_S)
