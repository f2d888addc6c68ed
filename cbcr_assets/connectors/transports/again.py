"""Trying again where a moment later may do: with growing pauses, never beyond a feed's time-out.

Belongs here: pauses and the deadline. Does not belong here: what is transient (each transport).
"""

import random
import time
from collections.abc import Callable

from cbcr_assets.connectors.transports.answer import Answer

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0


def until_answered(read: Callable[[float], Answer], *, timeout_s: float) -> Answer:
    """Read a feed until its answer is none that a moment later may be another.

    Args:
        read: Reads it, within the given seconds.
        timeout_s: For all tries and pauses together.
    """
    deadline, pause = time.monotonic() + timeout_s, _FIRST_PAUSE_S
    while True:
        answer = read(deadline - time.monotonic())
        wait = pause * random.uniform(0.5, 1.0)
        if not answer.transient or time.monotonic() + wait >= deadline:
            return answer
        time.sleep(wait)
        pause = min(pause * 2, _LONGEST_PAUSE_S)
