"""When somebody must look although nothing arrived."""

from datetime import datetime, timedelta

import pytest

from cbcr_assets.steps.watch import NextChange
from sensors.deadlines import due_work

NOW = datetime(2026, 1, 1, 12)
HEARTBEAT = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (None, "first"),
        (NextChange(NOW, None), None),
        (NextChange(NOW, NOW + timedelta(seconds=1)), None),
        (NextChange(NOW, NOW), None),
        (NextChange(NOW, NOW - timedelta(microseconds=1)), "change:2026-01-01T11:59:59.999999"),
        (NextChange(NOW - HEARTBEAT, None), "heartbeat:2026-01-01T11:45:00"),
        (NextChange(NOW, None, "before"), "configuration::2026-01-01T12:00:00"),
    ],
)
def test_due_work(change: NextChange | None, expected: str | None) -> None:
    assert due_work(change, configuration="", heartbeat=HEARTBEAT, now=NOW) == expected


def test_what_people_asked_for_is_due_once_an_evaluation() -> None:
    def due(evaluated_at: datetime) -> str | None:
        change = NextChange(evaluated_at, None)
        return due_work(change, configuration="", heartbeat=HEARTBEAT, now=NOW, errand="e1")

    assert due(NOW) == "errand:e1:2026-01-01T12:00:00"
    assert due(NOW - timedelta(minutes=1)) != due(NOW)
