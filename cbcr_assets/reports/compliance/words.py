"""How numbers and moments read on a page.

Belongs here: rounding and units. Does not belong here: where they stand.
"""

import math
from datetime import datetime

UNKNOWN = "unknown"
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_PERCENT_DIGITS = 3


def percent(share: float | None, *, fixed: bool = False) -> str:
    """Return a share as percent, rounded down: only what is whole reads as 100 %.

    Args:
        share: From 0 to 1; None: unknown.
        fixed: Always with all decimals, for columns.
    """
    if share is None:
        return UNKNOWN
    scale = 10**_PERCENT_DIGITS
    # A share such as 0.57 is a little less than that as a float, and still means it.
    floored = math.floor(round(share * 100 * scale, 6)) / scale
    if share < 1 and floored >= 100:
        floored = 100 - 1 / scale
    text = f"{floored:.{_PERCENT_DIGITS}f}"
    return (text if fixed else text.rstrip("0").rstrip(".")) + " %"


def duration(seconds: float | None, *, nothing: str = UNKNOWN) -> str:
    """Return seconds in the two largest units that they fill: `1 d 2 h`, `32 s`."""
    if seconds is None:
        return nothing
    if 0 < seconds < 1:
        return "< 1 s"
    left = round(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        if left >= size and len(parts) < 2:
            parts.append(f"{left // size} {unit}")
        elif parts:
            break
        left %= size
    return " ".join(parts) or "0 s"


def moment(at: datetime | None, *, nothing: str = "") -> str:
    """Return a naive UTC moment to the second."""
    return nothing if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def count(number: float | None) -> str:
    """Return a count with separators of thousands."""
    return UNKNOWN if number is None else f"{number:,.0f}"


def plain(value: object) -> str:
    """Return a text, or nothing."""
    return "" if value is None else str(value)
