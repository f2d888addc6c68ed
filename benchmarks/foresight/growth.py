"""Real growth: what the people of Debian wrote into their changelogs, day by day.

Belongs here: taking it from a machine (`python -m benchmarks.foresight.growth`), and reading what
was taken. Does not belong here: what is made of it (see `series`).

A changelog only ever grows, by entries of very different length, in the rhythm of people and their
releases: the growth of an append-only store. `data/growth.csv.gz` holds, for each source package,
the day of each entry and its bytes; nothing of the texts.
"""

import csv
import gzip
import hashlib
import re
from collections import defaultdict
from datetime import date
from email.utils import parsedate_to_datetime
from pathlib import Path

TAKEN = Path(__file__).parent / "data" / "growth.csv.gz"
_DOCS = Path("/usr/share/doc")
_SIGNED = re.compile(r"^ -- .*?  (\w{3}, +\d+ \w{3} \d{4} .*)$")
_EPOCH = date.fromisoformat("1970-01-01")
_LEAST_ENTRIES = 40

Growth = dict[str, dict[int, int]]
"""Bytes by day number (days since 1970), by source package."""


def entries(path: Path) -> tuple[str, dict[int, int]]:
    """Read one changelog: its source package, and bytes by day."""
    found: dict[int, int] = defaultdict(int)
    source, size = "", 0
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            source = source or line.partition(" ")[0]
            size += len(line.encode())
            if signed := _SIGNED.match(line):
                try:
                    day = (parsedate_to_datetime(signed[1]).date() - _EPOCH).days
                except ValueError:
                    continue
                found[day] += size
                size = 0
    return source, dict(found)


def take(docs: Path = _DOCS) -> Growth:
    """Read all changelogs of a machine, one a source package."""
    found: Growth = {}
    for path in sorted(docs.glob("*/changelog.Debian.gz")):
        source, days = entries(path)
        if len(days) >= _LEAST_ENTRIES and source not in found:
            found[source] = days
    return found


def read() -> Growth:
    """Read what was taken."""
    found: Growth = defaultdict(dict)
    with gzip.open(TAKEN, "rt", encoding="utf-8") as lines:
        for source, day, size in csv.reader(lines):
            found[source][int(day)] = int(size)
    return dict(found)


def is_for_tuning(source: str) -> bool:
    """Say whether a package may be looked at while choosing a method: half of them may."""
    return hashlib.sha256(source.encode()).digest()[0] % 2 == 0


def main() -> None:
    """Take the growth of this machine."""
    rows = [
        (source, day, size) for source, days in take().items() for day, size in sorted(days.items())
    ]
    TAKEN.parent.mkdir(exist_ok=True)
    with TAKEN.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        out.write("".join(f"{s},{d},{b}\n" for s, d, b in rows).encode())
    print(f"{len(rows)} entries of {len({s for s, _, _ in rows})} packages")


if __name__ == "__main__":
    main()
