"""mariadb-backup's history table, and the info file inside a backup: successes only.

Belongs here: kinds history and info, to attempts and restorable sets.
Does not belong here: failures, which only the tool's log tells (`log`).

A partial backup (of some databases or tables) brings back no instance: it is an attempt with a
warning, and no set.
"""

from collections.abc import Mapping

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.mariadb.attempts import attempt_key, server_of
from cbcr_assets.connectors.reading.export_rows import Built, ExportRow, export_rows, harvest
from cbcr_assets.connectors.reading.refusal import Refused, brief, refused_whole
from cbcr_assets.connectors.transports.text import storable
from cbcr_assets.records import BackupState

_PARTIAL = "a partial backup: some databases or tables only, no recovery point of the instance"


def parse_history(envelope: Envelope) -> Parsed:
    """Read rows of the table, or the lines of one info file."""
    try:
        rows = _info(envelope) if envelope.kind == "info" else _history(envelope)
    except ValueError as error:
        return refused_whole(envelope, "table", str(error))
    server = server_of(envelope)
    ends = {values["innodb_to_lsn"].strip(): storable(values["uuid"].strip())
            for _, values, _ in rows
            if values and "innodb_to_lsn" in values and "uuid" in values}  # fmt: skip
    return harvest(envelope, rows, lambda row: _backup(row, server, ends))


def _info(envelope: Envelope) -> list[tuple[int, Mapping[str, str] | None, str]]:
    pairs = (line.partition(" = ") for line in envelope.payload.splitlines())
    values = {key.strip(): value for key, mark, value in pairs if mark}
    return [(1, values, values.get("uuid", ""))]


def _history(envelope: Envelope) -> list[tuple[int, Mapping[str, str] | None, str]]:
    header, rows = export_rows(envelope.payload)
    if "uuid" not in header:
        raise ValueError("no column uuid; the export needs its header line")
    # A refused row is shown by its id only: tool_command may hold a password.
    return [
        (n, dict(zip(header, r, strict=True)) if len(r) == len(header) else None, r[0])
        for n, r in enumerate(rows, 2)
    ]


def _backup(row: ExportRow, server: str, ends: Mapping[str, str]) -> Built:
    """Build attempt and set; an incremental begins where the log of its base ended."""
    uuid = row.name("uuid")
    first, last = row.whole("innodb_from_lsn"), row.whole("innodb_to_lsn")
    base = ends.get(str(first))
    instance = row.text("instance") or server
    started, finished = row.span("start_time", "end_time")
    if finished is None:
        raise Refused("missing", "end_time is missing; which moment does this backup bring back?")
    is_incremental = _yes(row, "incremental", default=bool(first))
    is_partial = _yes(row, "partial", default=False)
    common = {
        "native_instance": instance,
        "repo": "default",
        "backup_type": "incr" if is_incremental else "full",
        "started_at": started,
        "finished_at": finished,
    }
    attempt = {
        "attempt_key": uuid if started is None else attempt_key(instance, started),
        "tool": "mariadb",
        "state": BackupState.SUCCEEDED_WITH_WARNINGS if is_partial else BackupState.SUCCEEDED,
        "error_text": _PARTIAL if is_partial else None,
        "evidence": "catalog",
    }
    if is_partial:
        return [("backup_jobs", common | attempt | {"backup_label": uuid})]
    kept = {
        "label": uuid,
        "parent_label": base if common["backup_type"] == "incr" and base != uuid else None,
        "recovery_point_at": finished,
        "log_start": None if first is None else str(first),
        "log_stop": None if last is None else str(last),
        "integrity": "unchecked",
        "lifecycle": "available",
    }
    return [
        ("backup_jobs", common | attempt | {"backup_label": uuid}),
        ("backup_sets", common | kept),
    ]


def _yes(row: ExportRow, key: str, *, default: bool) -> bool:
    value = row.text(key)
    if value is None:
        return default
    if value not in ("Y", "N"):
        raise Refused("enum", f"{key} must be Y or N, not {brief(value)}")
    return value == "Y"
