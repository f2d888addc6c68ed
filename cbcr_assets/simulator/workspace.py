"""A fleet as a user's folder: configuration, the inbox that tools have filled, a SQLite catalog.

Belongs here: which file says what, and when it was said. Does not belong here: tools' formats
(see `write_*`), the text of the configuration (see `write_config`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.transports.envelope import write_envelope
from cbcr_assets.simulator.incidents import DEAD_SOURCE, DIED_AGO
from cbcr_assets.simulator.machinery import METRICS, machinery_of
from cbcr_assets.simulator.model import Attempt, BackupSet, Database, Drill, Fleet
from cbcr_assets.simulator.sources import DATABASE_FILE, Source, sources
from cbcr_assets.simulator.write_cbcr import (
    TORN_LINE,
    drill,
    entries,
    events,
    job_log,
    log_archive,
    storage,
)
from cbcr_assets.simulator.write_config import write_config
from cbcr_assets.simulator.write_info import VERSION, Catalog, stanza
from cbcr_assets.simulator.write_logs import backup_log, expire_log, restore_log
from cbcr_assets.simulator.write_metrics import range_answers
from cbcr_assets.simulator.write_sql import write_catalog

_ASKED = timedelta(seconds=2)
# A set lives for a week at least, so each of them is in one of these snapshots.
_SNAPSHOT_EVERY = timedelta(days=6)
_LINES_A_PIECE = 50_000
_AGENTS = "agents"


def write_workspace(fleet: Fleet, directory: Path) -> Path:
    """Write a fleet's configuration, inbox and catalog database.

    Args:
        fleet: A simulated fleet.
        directory: Made when missing; files of the same name are replaced, an inbox is added to.

    Returns:
        The path of cbcr.yaml.
    """
    directory.mkdir(parents=True, exist_ok=True)
    physical = {d.source for d in fleet.databases if d.method == "physical"}
    configured = sources(physical)
    config = write_config(fleet, configured, directory)
    grouped = _Grouped(fleet)
    for source in configured:
        inbox = _Inbox(directory / "inbox", source)
        if source.tool == "pgbackrest":
            _write_physical(grouped, inbox, source.source_id)
        elif source.source_id == "drills":
            inbox.put("drill", [drill(one) for one in fleet.drills], at=fleet.now)
        elif source.source_id == METRICS:
            for kind, payload in range_answers(machinery_of(fleet.spec, now=fleet.now)).items():
                inbox.put(kind, payload, at=fleet.now)
        elif source.source_id in (_AGENTS, DEAD_SOURCE):
            _write_agents(grouped, inbox, source.source_id)
        else:
            _write_database(grouped, source.source_id, directory / DATABASE_FILE)
    return config


class _Grouped:
    """A fleet, with what belongs to each database and each source at hand."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.attempts: dict[str, list[Attempt]] = {d.instance_id: [] for d in fleet.databases}
        self.sets: dict[str, list[BackupSet]] = {d.instance_id: [] for d in fleet.databases}
        self.clones: dict[str, list[Drill]] = {d.instance_id: [] for d in fleet.databases}
        for attempt in fleet.attempts:
            self.attempts[attempt.instance_id].append(attempt)
        for one in fleet.sets:
            self.sets[one.instance_id].append(one)
        for clone in fleet.clones:
            self.clones[clone.instance_id].append(clone)

    def databases(self, source: str) -> list[Database]:
        return [d for d in self.fleet.databases if d.source == source]

    def entries(self, source: str, at: datetime) -> list[dict[str, Any]]:
        return [
            entry
            for database in self.databases(source)
            for entry in entries(self.sets[database.instance_id], repo=database.volume, at=at)
        ]

    def events(self, source: str) -> Iterator[tuple[datetime, dict[str, Any]]]:
        databases = self.databases(source)
        own = (a for d in databases for a in self.attempts[d.instance_id])
        yield from events(databases, own)


class _Inbox:
    """Writes the envelopes of one source; names sort in the order of writing."""

    def __init__(self, folder: Path, source: Source) -> None:
        self._folder = folder / source.source_id
        self._source = source
        self._count = 0

    def put(self, kind: str, payload: object, *, at: datetime, stream: str = "") -> None:
        """Write what was said at a moment."""
        self._count += 1
        is_info = kind == "info"
        envelope = Envelope(
            self._source.source_id, kind, "", "", at - _ASKED, at, self._source.timezone,
            stream=stream, host="backup01",
            tool_version=VERSION if self._source.tool == "pgbackrest" else "",
        )  # fmt: skip
        write_envelope(
            self._folder / kind, envelope, payload, tool=self._source.tool,
            command=("pgbackrest", "info", "--output=json") if is_info else (),
            stamp=at + timedelta(microseconds=self._count),
        )  # fmt: skip


def _write_physical(grouped: _Grouped, inbox: _Inbox, source: str) -> None:
    fleet, databases = grouped.fleet, grouped.databases(source)
    catalog = Catalog(databases, (s for d in databases for s in grouped.sets[d.instance_id]))
    at = fleet.now - timedelta(days=fleet.spec.days) + _SNAPSHOT_EVERY
    while at < fleet.now:
        inbox.put("info", catalog.info(at), at=at)
        at += _SNAPSHOT_EVERY
    for database in databases:
        own = database.instance_id
        logs = (
            ("backup", backup_log(database, grouped.attempts[own])),
            ("expire", expire_log(database, grouped.sets[own])),
            ("restore", restore_log(database, grouped.clones[own])),
        )
        for command, text in logs:
            if text:
                name = f"{stanza(own)}-{command}.log"
                inbox.put(f"{command}_log", text, at=fleet.now, stream=name)
    inbox.put("info", catalog.info(fleet.now), at=fleet.now)


def _write_agents(grouped: _Grouped, inbox: _Inbox, source: str) -> None:
    """Write what agents beside the databases report: job log, catalog, samples."""
    fleet = grouped.fleet
    at = fleet.now - DIED_AGO if source == DEAD_SOURCE else fleet.now
    told = list(grouped.events(source))
    document: dict[str, Any] = {"complete": True, "backups": grouped.entries(source, at)}
    lines = []
    if source == _AGENTS:
        told += events((), fleet.strangers)
        lines = [TORN_LINE]
        document["storage"] = storage(fleet.storage)
        document["log_archive"] = log_archive(fleet.archives)
    lines += job_log(told)
    for first in range(0, len(lines), _LINES_A_PIECE):
        piece = "".join(f"{line}\n" for line in lines[first : first + _LINES_A_PIECE])
        inbox.put("job_log", piece, at=at, stream="jobs")
    inbox.put("catalog", document, at=at)


def _write_database(grouped: _Grouped, source: str, path: Path) -> None:
    told = sorted(grouped.events(source), key=lambda pair: (pair[0], pair[1]["run_id"]))
    rows = grouped.entries(source, grouped.fleet.now)
    write_catalog(path, rows, [event for _, event in told])
