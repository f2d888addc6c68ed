"""The words of a what-if question: read exactly, or refused with an example."""

import pytest

from cbcr_assets.reports.capacity import parse_bytes, parse_days, parse_share


@pytest.mark.parametrize(
    ("text", "days"), [("+14d", 14), ("-7d", -7), ("2w", 14), ("-1 W", -7), ("0d", 0)]
)
def test_days(text: str, days: int) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize(
    ("text", "share"), [("+20%", 0.2), ("-50%", -0.5), ("0%", 0.0), ("12.5 %", 0.125)]
)
def test_shares(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "size"),
    [("10TB", 10**13), ("-500GB", -5 * 10**11), ("1GiB", 2**30), ("1.5 tb", 15 * 10**11)],
)
def test_bytes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "14", "two days", "1.5d", "9999d", "+14h", "1d2", "٣d٤"])
def test_wrong_days_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write \+14d"):
        parse_days(text)


@pytest.mark.parametrize("text", ["", "20", "x%", "20%%", "2000%", "nan%"])
def test_wrong_shares_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write \+20%"):
        parse_share(text)


@pytest.mark.parametrize("text", ["", "10", "10XB", "TB", "1e3GB", "2000PB", "infGB"])
def test_wrong_bytes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 10TB"):
        parse_bytes(text)
