"""Asking again until it is done: the memory of a sensor that offers work.

Belongs here: the cursor that makes run keys, and the growing pause between repeated offers.
Does not belong here: what is offered (see `sources`, `deadlines`).

Dagster never runs a run key twice. An offer whose run failed is therefore made again under the next
number, after a pause, as long as the work is not done.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

_FIRST_PAUSE = timedelta(seconds=20)
_LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True)
class Offer:
    """The newest offer of a sensor.

    Attributes:
        watermark: Identity of the work.
        count: How often it was offered.
        offered_at: When it was offered last, naive UTC, ISO 8601.
    """

    watermark: str
    count: int
    offered_at: str

    @property
    def run_key(self) -> str:
        """Key of the run that should do the work."""
        return f"{self.watermark}:{self.count}"

    def dump(self) -> str:
        """Return the cursor."""
        return json.dumps(asdict(self))


def next_offer(cursor: str | None, watermark: str, *, now: datetime) -> Offer | None:
    """Return the offer to make now, or None while the last one of this work may still succeed.

    Args:
        cursor: Cursor of the sensor.
        watermark: Identity of the work that is to be done.
        now: Present, naive UTC.
    """
    last = _load(cursor)
    if last is None or last.watermark != watermark:
        return Offer(watermark, 1, now.isoformat())
    pause = min(_FIRST_PAUSE * 2 ** min(last.count - 1, 10), _LONGEST_PAUSE)
    if now - datetime.fromisoformat(last.offered_at) < pause:
        return None
    return Offer(watermark, last.count + 1, now.isoformat())


def _load(cursor: str | None) -> Offer | None:
    if not cursor:
        return None
    try:
        return Offer(**json.loads(cursor))
    except (ValueError, TypeError):
        return None
