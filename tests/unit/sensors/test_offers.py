"""Offers are repeated until the work is done, with growing pauses, and never under the same key."""

from datetime import datetime, timedelta

import pytest

from sensors.offers import Offer, next_offer

NOW = datetime(2026, 1, 1)


def test_new_work_is_offered_at_once() -> None:
    offer = next_offer(None, "w1", now=NOW)
    assert offer is not None
    assert offer.run_key == "w1:1"
    newer = next_offer(offer.dump(), "w2", now=NOW)
    assert newer is not None
    assert newer.run_key == "w2:1"


def test_the_same_work_is_offered_again_under_another_key_after_a_pause() -> None:
    first = next_offer(None, "w", now=NOW)
    assert first is not None
    assert next_offer(first.dump(), "w", now=NOW + timedelta(seconds=19)) is None
    again = next_offer(first.dump(), "w", now=NOW + timedelta(seconds=20))
    assert again is not None
    assert again.run_key == "w:2"


def test_pauses_grow_but_not_for_ever() -> None:
    count = 50
    offer = Offer("w", count, NOW.isoformat())
    assert next_offer(offer.dump(), "w", now=NOW + timedelta(minutes=4)) is None
    assert next_offer(offer.dump(), "w", now=NOW + timedelta(minutes=5)) is not None


@pytest.mark.parametrize("cursor", ["", "garbage", "{}", "[1]", '{"watermark": "w"}'])
def test_a_cursor_of_another_release_is_forgotten(cursor: str) -> None:
    assert next_offer(cursor, "w", now=NOW) is not None
