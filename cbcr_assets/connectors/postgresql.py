"""PostgreSQL's own view of its archive: pg_stat_archiver, with what waits for it.

Belongs here: kind archiver, the JSON of the query in docs/tools/postgresql.md.
Does not belong here: what lies in the archive (the backup tool knows it).

Choices:
- `last_archived_time` is a lower bound: what was written since is not in the archive. On an idle
  server it grows old although nothing is at risk. So the archive reaches the present when nothing
  waits and nothing was written after it: the newest commit is older (`last_commit_time`, with
  track_commit_timestamp), or the current segment is still empty.
- The archiver never skips a segment: it tries the oldest again until it succeeds. So there is no
  start of the stretch to tell, and a base backup of any age is continued.
"""

from datetime import datetime

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.reading.dispatch import dispatch
from cbcr_assets.connectors.reading.document import json_document
from cbcr_assets.connectors.reading.record import Harvest, Record, Row

_HEADER_BYTES = 40  # of a segment in which nothing was written yet
_HISTORY_FILE = ".backup"
_SEGMENT = 24  # characters of a segment's name


class PostgreSql:
    """Reads pg_stat_archiver (docs/tools/postgresql.md)."""

    tool = "postgresql"
    kinds = frozenset({"archiver"})

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        del carry  # whole documents only
        return dispatch(envelope, {"archiver": _archiver}, tool=self.tool)


def _archiver(envelope: Envelope) -> Parsed:
    """Read one look, or a list of looks at several servers."""
    document = json_document(envelope)
    harvest = Harvest(envelope)
    server = envelope.host or envelope.source_id
    for position, item in enumerate(document if isinstance(document, list) else [document]):
        harvest.take(item, f"[{position}]", lambda record: _look(record, server))
    return harvest.parsed()


def _look(record: Record, server: str) -> tuple[str, Row]:
    sampled = record.past("sampled_at") or record.said_at
    archived = record.past("last_archived_time")
    waiting = record.whole("ready_files")
    return "log_archive", {
        "native_instance": record.optional_name("instance") or server,
        "sampled_at": sampled,
        "kind": "wal",
        "last_archived_at": archived,
        "pending_count": waiting,
        "failed_count": record.whole("failed_count"),
        "archived_to_at": sampled if _is_all_archived(record, archived, waiting) else archived,
    }


def _is_all_archived(record: Record, archived: datetime | None, waiting: int | None) -> bool:
    """Nothing waits, and nothing was written since: what is known of it must say so."""
    if archived is None or waiting != 0:
        return False
    failed = record.past("last_failed_time")
    if failed is not None and failed > archived:
        return False
    committed, offset = record.past("last_commit_time"), record.whole("current_offset")
    if committed is not None and committed <= archived:
        return True
    return offset is not None and offset <= _HEADER_BYTES and _is_next(record)


def _is_next(record: Record) -> bool:
    """The empty segment must be the one right behind the archived one."""
    last, current = record.optional_name("last_archived_wal"), record.optional_name("current_wal")
    if last is None or current is None or len(current) != _SEGMENT:
        return False
    try:
        before, now = (int(name[8:16] + name[22:24], 16) for name in (last, current))
    except ValueError:
        return False
    return last[:8] == current[:8] and now - before == 1
