"""What every channel promises.

Belongs here: the outcome types and the reading of HTTP answers. No channel's own knowledge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

_LONGEST_WAIT_S = 3600.0


@dataclass(frozen=True)
class Delivered:
    """The channel has it.

    Attributes:
        ref: The channel's own name of the message, may be empty.
    """

    ref: str = ""


@dataclass(frozen=True)
class Retry:
    """Not now.

    Attributes:
        after_s: Seconds the channel asked us to wait; None: our own back-off.
        why: What happened, without secrets.
    """

    after_s: float | None
    why: str


@dataclass(frozen=True)
class Rejected:
    """Never like this.

    Attributes:
        why: What must be mended, without secrets.
    """

    why: str


class Sender(Protocol):
    """One channel."""

    def send(self, content: Mapping[str, Any], *, key: str) -> Delivered | Retry | Rejected:
        """Send one message; `key` is its identity for channels that can deduplicate."""
        ...


def wait_s(header: str | None) -> float | None:
    """Read a Retry-After header in seconds, at most an hour; None when it says nothing usable."""
    try:
        return min(max(float(header or ""), 0.0), _LONGEST_WAIT_S)
    except ValueError:
        return None


def judge(status: int, retry_after: str | None) -> Retry | Rejected | None:
    """Read an HTTP status; None is success."""
    if 200 <= status < 300:
        return None
    if status == 429 or status >= 500 or status == 408:
        return Retry(wait_s(retry_after), f"HTTP {status}")
    return Rejected(f"HTTP {status}")
