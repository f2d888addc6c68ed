"""What every channel promises.

Belongs here: outcomes, and reading of answers that several channels share.
Does not belong here: any channel's own knowledge.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

from cbcr_assets.alerting.message import Outgoing


@dataclass(frozen=True)
class Delivered:
    """The channel has it.

    Attributes:
        ref: What the channel calls the message, may be empty.
    """

    ref: str = ""


@dataclass(frozen=True)
class Retry:
    """Not now.

    Attributes:
        after_s: Seconds that the channel asked for; None leaves it to our own back-off.
        why: What happened, without secrets.
    """

    after_s: float | None
    why: str


@dataclass(frozen=True)
class Rejected:
    """Never like this.

    Attributes:
        why: What happened, without secrets.
    """

    why: str


Outcome = Delivered | Retry | Rejected


class Channel(Protocol):
    """A way to a receiver."""

    def send(self, outgoing: Outgoing, *, now: datetime, timeout_s: float) -> Outcome:
        """Send one message once.

        Args:
            outgoing: The message and what it continues.
            now: Present, naive UTC.
            timeout_s: When to give up, seconds.
        """
        ...


def judge_status(status: int, headers: Mapping[str, str], *, now: datetime) -> Outcome:
    """Read the status of an HTTP answer.

    Args:
        status: The status.
        headers: Headers of the answer, in any case.
        now: Present, naive UTC.
    """
    if 200 <= status < 300:
        return Delivered()
    why = f"HTTP {status}"
    if status in (408, 425, 429) or status >= 500:
        return Retry(retry_after_s(headers, now=now), why)
    return Rejected(why)


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Return the seconds that `Retry-After` asks for: a number, or a date. None without one."""
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        seconds = (moment - now).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else None
