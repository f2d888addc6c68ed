"""What a source said about one attempt, cut out of what it said about everything.

Belongs here: finding an attempt's lines in a log or document. Does not belong here: reading facts
out of them (connectors do), queries.
"""

import re
from collections.abc import Iterable

from cbcr_assets.connectors.transports.text import redact

MOST_LINES = 80
_WIDEST = 700
_BEFORE = 200
_SEPARATOR = re.compile(r"^-{5,}.*-{5,}$")


def names(attempt_key: str, label: str | None, error_text: str | None) -> list[str]:
    """Return what an attempt may be called in its source's own words, the surest first."""
    last = re.split(r"[:/]", attempt_key)[-1]
    told = (error_text or "").split("\n")[0].strip()
    return list(dict.fromkeys(name for name in (attempt_key, last, label, told) if name))


def excerpt(payload: str, called: Iterable[str]) -> str:
    """Return the lines about one attempt, secrets hidden; empty when there are none.

    A line of a log brings the lines that follow it, up to the blank line that ends its command; a
    JSON record stands for itself.

    Args:
        payload: What the source said.
        called: What the attempt may be called; the first name that is found counts.
    """
    lines = payload.split("\n")
    for name in called:
        hits = [number for number, line in enumerate(lines) if name in line]
        if hits:
            chosen = sorted({one for hit in hits for one in _command(lines, hit)})[:MOST_LINES]
            return redact("\n".join(_narrow(lines[one], name) for one in chosen))
    return ""


def _command(lines: list[str], hit: int) -> Iterable[int]:
    yield hit
    if lines[hit].lstrip().startswith(("{", "[")):
        return
    for number in range(hit + 1, min(hit + MOST_LINES, len(lines))):
        if not lines[number].strip() or _SEPARATOR.match(lines[number]):
            return
        yield number


def _narrow(line: str, name: str) -> str:
    """Return a line, or of a very long one the part around a name."""
    if len(line) <= _WIDEST:
        return line
    begin = max(line.find(name) - _BEFORE, 0)
    part = line[begin : begin + _WIDEST]
    return ("… " if begin else "") + part + (" …" if begin + _WIDEST < len(line) else "")
