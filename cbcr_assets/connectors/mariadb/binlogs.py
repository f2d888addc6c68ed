"""Binary logs: which the server has, and which of them lie in the archive.

Belongs here: kind binlogs, to the state of continuous archiving.
Does not belong here: copying them.

The text is what SHOW BINARY LOGS prints, then what `ls -l --time-style=full-iso` prints of the
archive folder. The newest log of the server is still being written; every other one should lie in
the archive, as large as it is. A hole in the numbers ends the stretch that can be replayed.
"""

import re
from datetime import datetime
from typing import Any

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.mariadb.attempts import server_of
from cbcr_assets.connectors.reading.record import Harvest, Row
from cbcr_assets.connectors.reading.refusal import Refused
from cbcr_assets.connectors.transports.stamps import to_utc

_OF_SERVER = re.compile(r"\|?\s*(\S+\.\d{6,})\s*[|\t]\s*(\d{1,18})\s*(?:[|\t].*)?")
_IN_ARCHIVE = re.compile(
    r"-\S{9,}\s+\d+\s+\S+\s+\S+\s+(\d{1,18})\s+"
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) ([+-]\d{4})\s+(\S+\.\d{6,})"
)
_NO_DATA = re.compile(r"\s*|[+-]+|\|?\s*Log_name.*|total \d+|total [\d.]+[KMGT]?")


def parse_binlogs(envelope: Envelope) -> Parsed:
    """Read both lists: one look at the archive."""
    harvest = Harvest(envelope)
    on_server: dict[str, int] = {}
    archived: dict[str, tuple[int, datetime]] = {}
    for number, line in enumerate(envelope.payload.splitlines(), 1):
        if found := _OF_SERVER.fullmatch(line.strip()):
            on_server[found[1]] = int(found[2])
        elif found := _IN_ARCHIVE.fullmatch(line.strip()):
            archived[found[4]] = (int(found[1]), _moment(found[2] + found[3], envelope.tz))
        elif not _NO_DATA.fullmatch(line.strip()):
            reason = "neither a row of SHOW BINARY LOGS nor a file of ls -l --time-style=full-iso"
            harvest.seen += 1
            harvest.reject(str(number), "line", reason, line)
    if not on_server and not archived:
        raise Refused("table", "it lists no binary log; is log_bin on?")
    seen = {"native_instance": server_of(envelope), "sampled_at": envelope.finished_at}
    harvest.add("log_archive", _look(on_server, archived) | seen | {"kind": "binlog"})
    return harvest.parsed()


def _moment(text: str, tz: str) -> datetime:
    try:
        return to_utc(text, tz=tz)
    except ValueError as error:
        raise Refused("timestamp", str(error)) from None


def _look(on_server: dict[str, int], archived: dict[str, tuple[int, datetime]]) -> Row:
    writing = max(on_server, key=_position, default=None)
    due = [name for name in on_server if name != writing]
    whole = [name for name in due if name in archived and archived[name][0] >= on_server[name]]
    stretch = _stretch(archived)
    row: dict[str, Any] = {"pending_count": len(due) - len(whole) if on_server else None}
    if stretch:
        row |= {
            "last_archived_at": archived[stretch[-1]][1],
            "archived_from_at": archived[stretch[0]][1],
            "archived_to_at": archived[stretch[-1]][1],
        }
    return row


def _stretch(archived: dict[str, tuple[int, datetime]]) -> list[str]:
    """Return the newest logs without a hole in their numbers, oldest first."""
    names = sorted(archived, key=_position)
    start = len(names) - 1
    while start > 0 and _position(names[start - 1]) + 1 == _position(names[start]):
        start -= 1
    return names[start:] if names else []


def _position(name: str) -> int:
    return int(name.rpartition(".")[2])
