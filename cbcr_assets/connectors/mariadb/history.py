"""mariadb-backup's history table, and the info file inside a backup: successes only.

Belongs here: kinds history and info, to attempts and restorable sets.
Does not belong here: failures, which only the tool's log tells (`log`).

A partial backup (of some databases or tables) brings back no instance: it is an attempt with a
warning, and no set.
"""

from collections.abc import Iterable, Mapping

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
    bases = _Bases(values for _, values, _ in rows if values)
    return harvest(envelope, rows, lambda row: _backup(row, server, bases))


class _Bases:
    """What an incremental may build on: a backup before it, whose log ended where its own begins.

    Where nothing was written in between several end at the same place, itself among them.
    """

    def __init__(self, rows: Iterable[Mapping[str, str]]) -> None:
        ordered = sorted(enumerate(rows), key=lambda item: (self._start(item[1]), item[0]))
        self._places = {self._uuid(row): place for place, (_, row) in enumerate(ordered)}
        self._ends: dict[str, list[str]] = {}
        for _, row in ordered:
            self._ends.setdefault(row.get("innodb_to_lsn", "").strip(), []).append(self._uuid(row))

    def of(self, uuid: str, first: int | None) -> str | None:
        """Return the newest of them."""
        before = self._places.get(uuid, 0)
        found = (u for u in reversed(self._ends.get(str(first), [])) if self._places[u] < before)
        return next(found, None)

    @staticmethod
    def _uuid(row: Mapping[str, str]) -> str:
        return storable(row.get("uuid", "").strip())

    @staticmethod
    def _start(row: Mapping[str, str]) -> tuple[str, bool]:
        """The tool counts whole seconds: of two in one the full one came first."""
        return row.get("start_time", ""), row.get("incremental", "").strip() == "Y"


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


def _backup(row: ExportRow, server: str, bases: _Bases) -> Built:
    """Build attempt and set; an incremental begins where the log of its base ended."""
    uuid = row.name("uuid")
    first, last = row.whole("innodb_from_lsn"), row.whole("innodb_to_lsn")
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
        "parent_label": bases.of(uuid, first) if is_incremental else None,
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
