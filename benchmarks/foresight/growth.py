"""Real growth: what people wrote into the changelogs of programs, day by day.

Belongs here: taking it from a machine (`python -m benchmarks.foresight.growth`), and reading what
was taken. Does not belong here: what is made of it (see `series`).

A changelog only ever grows, by entries of very different length, in the rhythm of people and their
releases: the growth of an append-only store. `data/growth.csv.gz` holds what Debian's maintainers
wrote, a row for the bytes of a day; `data/upstream.csv.gz` what the authors of the programs wrote,
by source package, too; nothing of the texts.
"""

import csv
import gzip
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from email.utils import parsedate_to_datetime
from pathlib import Path

_DATA = Path(__file__).parent / "data"
DEBIAN, UPSTREAM = _DATA / "growth.csv.gz", _DATA / "upstream.csv.gz"
_DOCS = Path("/usr/share/doc")
_SIGNED = re.compile(r"^ -- .*?  (\w{3}, +\d+ \w{3} \d{4} .*)$")
# "2021-03-04  A Name" and "Thu Mar 4 12:00:00 2021  A Name", both also after "Date: "
_ISO = re.compile(r"^[=#* ]{0,4}(?:commit .*|Date: +)?((?:19|20)\d\d-[01]\d-[0-3]\d)\b")
_WORDS = re.compile(
    r"^(?:Date: +)?\w{3} (\w{3}) +(\d+) \d\d:\d\d:\d\d +(?:[A-Z+-]\S* )?((?:19|20)\d\d)"
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_EPOCH = date.fromisoformat("1970-01-01")
_LEAST_ENTRIES = 40
_UPSTREAM = "upstream/"

Growth = dict[str, dict[int, int]]
"""Bytes by day number (days since 1970), by source package; those of authors have a prefix."""


def entries(path: Path) -> tuple[str, dict[int, int]]:
    """Read one changelog of Debian's: its source package, and bytes by day."""
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


def logged(lines: Iterable[str]) -> dict[int, int]:
    """Read a changelog of a program's authors, whose entries begin with a date: bytes by day."""
    found: dict[int, int] = defaultdict(int)
    day: int | None = None
    for line in lines:
        day = _dated(line) or day
        if day is not None:
            found[day] += len(line.encode())
    return dict(found)


def _dated(line: str) -> int | None:
    try:
        if iso := _ISO.match(line):
            return (date.fromisoformat(iso[1]) - _EPOCH).days
        if (words := _WORDS.match(line)) and words[1] in _MONTHS:
            month = _MONTHS.index(words[1]) + 1
            return (date(int(words[3]), month, int(words[2])) - _EPOCH).days
    except ValueError:  # the 31st of a short month: a slip of the pen, not a day
        return None
    return None


def take(docs: Path = _DOCS) -> tuple[Growth, Growth]:
    """Read all changelogs of a machine: Debian's and the authors', one each a source package."""
    debian: Growth = {}
    authors: Growth = defaultdict(dict)
    for path in sorted(docs.glob("*/changelog.Debian.gz")):
        source, days = entries(path)
        if len(days) >= _LEAST_ENTRIES and source not in debian:
            debian[source] = days
        for other in sorted(path.parent.glob("[cC]hange[lL]og*.gz")):
            if other != path and not other.is_symlink():
                with gzip.open(other, "rt", encoding="utf-8", errors="replace") as lines:
                    # what several binary packages of one source bring is the same text
                    authors[_UPSTREAM + source].update(logged(lines))
    return debian, {source: days for source, days in authors.items() if len(days) >= _LEAST_ENTRIES}


def read() -> Growth:
    """Read what was taken."""
    found: Growth = defaultdict(dict)
    for path in (DEBIAN, UPSTREAM):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for source, day, size in csv.reader(lines):
                found[source][int(day)] = int(size)
    return dict(found)


def is_for_tuning(source: str, growth: Growth) -> bool:
    """Say whether a package may be looked at while choosing a method.

    All of Debian's changelogs may: those that once were held out have been measured on more than
    once. So may the authors' changelogs of the same packages, and half of the others.
    """
    name = source.removeprefix(_UPSTREAM)
    return name in growth or hashlib.sha256(name.encode()).digest()[0] % 2 == 0


def _write(path: Path, growth: Growth) -> None:
    rows = [(source, day, size) for source, days in growth.items() for day, size in days.items()]
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        out.write("".join(f"{s},{d},{b}\n" for s, d, b in sorted(rows)).encode())
    print(f"{path.name}: {len(rows)} days of {len(growth)} packages")


def main() -> None:
    """Take the growth of this machine."""
    for path, growth in zip((DEBIAN, UPSTREAM), take(), strict=True):
        _write(path, growth)


if __name__ == "__main__":
    main()
