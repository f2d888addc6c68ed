"""Barman's catalog: the list of backups, one backup, and the backup.info file behind both.

Belongs here: kinds backups, backup and backup_info, to attempts and restorable sets.
Does not belong here: attempts that leave no row, such as one whose server is down (`log`).

Choices:
- An instance, and its repository, is Barman's server: ids are unique within one only.
- The list tells the end of a finished backup and nothing of the others, so the start of an attempt
  is its id, which is local time (the source's zone). `backup` and `backup_info` tell it exactly.
- STARTED stays for ever after a kill: running, until CBCR's clock calls it lost.
- WAITING_FOR_WALS cannot be restored yet: running, too.
- A finished backup brings back the data of its end, as its log is archived.
- A whole list proves what is gone, of the servers that it names without a row that was refused.
  An empty one proves nothing: Barman also prints it, with exit code 0, when its home is not mounted
  or may not be read. If all are empty, the answer is not ok.
"""

from datetime import datetime, timedelta
from typing import Any

from cbcr_assets.connectors.base import CatalogScope, Envelope, Parsed
from cbcr_assets.connectors.reading.document import json_document
from cbcr_assets.connectors.reading.record import Harvest, Record, Row, in_order
from cbcr_assets.connectors.reading.refusal import Refused, brief
from cbcr_assets.connectors.transports.stamps import to_utc
from cbcr_assets.connectors.transports.text import first_error_line
from cbcr_assets.records import BackupState, BackupType, Integrity, Lifecycle

_STATES = {
    "EMPTY": BackupState.QUEUED,
    "STARTED": BackupState.RUNNING,
    "SYNCING": BackupState.RUNNING,
    "WAITING_FOR_WALS": BackupState.RUNNING,
    "DONE": BackupState.SUCCEEDED,
    "FAILED": BackupState.FAILED,
}
_EMPTY = (
    "no server has a backup; check that barman_home is mounted and readable: Barman says the same"
    " when it is not; nothing that is absent from this list is taken for expired"
)
_ID_ROUNDING = timedelta(seconds=1)
_SIZES = {"size": "disk_usage_bytes", "deduplicated_size": "incremental_size_bytes"}


def attempt_key(server: str, backup_id: str) -> str:
    """Return the key of an attempt, the same by catalog and by log."""
    return f"{server}/{backup_id}"


def servers_of(envelope: Envelope, shape: type[Any]) -> dict[str, Any]:
    """Return what Barman says by server.

    Raises:
        Refused: It is no object of servers of that shape.
    """
    document = json_document(envelope)
    if isinstance(document, dict):
        servers = {name: value for name, value in document.items() if not name.startswith("_")}
        if servers and all(isinstance(value, shape) for value in servers.values()):
            return servers
    reason = f"it is no object of servers, but {brief(document)}; call barman with -f json"
    raise Refused("type", reason)


def parse_list(envelope: Envelope) -> Parsed:
    """Read `barman -f json list-backups all`: an object of servers with their backups."""
    document = servers_of(envelope, list)
    harvest, scopes = Harvest(envelope), []
    for server, rows in document.items():
        before = len(harvest.rejects)
        for position, item in enumerate(rows):
            _take(harvest, server, item, f"{server}[{position}]")
        if rows and len(harvest.rejects) == before:
            scopes.append(CatalogScope(server, server))
    if not any(document.values()):
        return harvest.parsed(ok=False, error=_EMPTY)
    return harvest.parsed(scopes=tuple(scopes))


def parse_shown(envelope: Envelope) -> Parsed:
    """Read `barman -f json show-backup SERVER ID`: an object of servers with one backup each."""
    harvest = Harvest(envelope)
    for server, shown in servers_of(envelope, dict).items():
        base, catalog = shown.get("base_backup_information"), shown.get("catalog_information")
        flat = {**(base if isinstance(base, dict) else {}), **shown}
        if isinstance(catalog, dict):
            flat["previous_backup"] = catalog.get("previous_backup")
        _take(harvest, server, flat, server)
    return harvest.parsed()


def parse_backup_info(envelope: Envelope) -> Parsed:
    """Read backup.info files, each after a line `backup_id=ID`: the name of its folder."""
    head, *files = ("\n" + envelope.payload).split("\nbackup_id=")
    if head.strip() or not files:
        reason = "each backup.info needs a line backup_id=ID before it, the name of its folder"
        raise Refused("missing", reason)
    harvest = Harvest(envelope)
    for text in files:
        pairs = (line.partition("=") for line in f"backup_id={text}".splitlines())
        values: dict[str, Any] = {
            key: value for key, mark, value in pairs if mark and value != "None"
        }
        for name, column in _SIZES.items():
            size = values.get(name, "")
            if size.isascii() and size.isdigit():
                values[column] = int(size)
        _take(harvest, str(values.get("server_name")), values, str(values["backup_id"])[:80])
    return harvest.parsed()


def _take(harvest: Harvest, server: str, item: Any, place: str) -> None:
    """Read one backup: an attempt, and a set once it is whole."""
    taken = harvest.take(item, place, lambda record: _attempt(record, server))
    if taken is not None and taken["state"] is BackupState.SUCCEEDED:
        harvest.take(item, place, lambda record: _set(record, server))


def _attempt(record: Record, server: str) -> tuple[str, Row]:
    backup_id, state = record.name("backup_id"), _state(record)
    begun, ended = _moments(record)
    error = record.values.get("error")
    return "backup_jobs", {
        "attempt_key": attempt_key(server, backup_id),
        "native_instance": server,
        "tool": "barman",
        "repo": server,
        "backup_type": BackupType.FULL,
        "state": state,
        "started_at": begun or _local(backup_id, record, ended),
        "finished_at": ended,
        "duration_s": record.seconds("copy_time_seconds"),
        "error_text": first_error_line(error) if isinstance(error, str) else None,
        "backup_label": backup_id,
        "source_bytes": record.whole("disk_usage_bytes"),
        "evidence": "catalog",
    }


def _set(record: Record, server: str) -> tuple[str, Row]:
    begun, ended = _moments(record)
    if ended is None:
        raise Refused("missing", "end_time is missing; which moment does this backup bring back?")
    backup_id = record.name("backup_id")
    size = record.whole("disk_usage_bytes")
    return "backup_sets", {
        "repo": server,
        "label": backup_id,
        "native_instance": server,
        "backup_type": BackupType.FULL,
        "started_at": begun or _local(backup_id, record, ended),
        "finished_at": ended,
        "recovery_point_at": ended,
        "log_start": record.optional_name("begin_wal"),
        "log_stop": record.optional_name("end_wal"),
        "source_bytes": size,
        # The list tells the size with the log of its base, and only that.
        "repo_bytes": record.whole("size_bytes") or size,
        "repo_delta_bytes": record.whole("incremental_size_bytes"),
        "integrity": Integrity.UNCHECKED,
        "lifecycle": Lifecycle.AVAILABLE,
    }


def _state(record: Record) -> BackupState:
    status = record.name("status")
    state = _STATES.get(status)
    if state is None:
        raise Refused("enum", f"status {brief(status)} is none of: {', '.join(_STATES)}")
    return state


def _moments(record: Record) -> tuple[datetime | None, datetime | None]:
    """Return begin and end: exact text with an offset first, else epoch seconds."""
    begun, ended = (_moment(record, name) for name in ("begin_time", "end_time"))
    in_order((("begin_time", begun), ("end_time", ended)), "order")
    return begun, ended


def _moment(record: Record, name: str) -> datetime | None:
    text = record.values.get(name)
    if isinstance(text, str) and text[:4].isdigit() and text[-6:-5] in ("+", "-"):
        return record.past(name)
    epoch = record.values.get(f"{name}_timestamp")
    if isinstance(epoch, str) and epoch.isascii() and epoch.isdigit() and len(epoch) < 12:
        return Record({name: int(epoch)}, "UTC", record.latest, record.said_at).past(name)
    return None


def _local(backup_id: str, record: Record, ended: datetime | None) -> datetime | None:
    """Read an id as the start, which cannot be after the end or lie ahead."""
    try:
        begun = to_utc(backup_id, tz=record.tz)
    except ValueError:
        return None
    if begun > (record.latest if ended is None else ended + _ID_ROUNDING):
        raise Refused(
            "order",
            f"backup_id {brief(backup_id)} is {begun} (UTC), later than its end or than now;"
            " set the source's timezone to that of Barman's host",
        )
    return begun if ended is None else min(begun, ended)
