"""The recorder for engineers' own backup programs: facts to CBCR, metrics to OpenTelemetry.

Belongs here: what a program calls. Does not belong here: reading the facts back (`connectors`).

A completion becomes one envelope file of its own in the inbox, written, synced and then renamed:
any number of processes may record at once, and one that is killed leaves a whole record or none.
The instruments are those of OpenTelemetry's API: without an SDK they do nothing.
"""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from uuid import uuid4

from opentelemetry.metrics import Meter, get_meter

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.transports.envelope import write_envelope
from cbcr_assets.connectors.transports.json_text import canonical
from cbcr_assets.records import BackupType

Labels = Mapping[str, str | int | float | bool]

_DATABASE = "db.instance.id"
_TYPE = "backup.type"
_GAUGES = {
    "backup.last_success_age": ("s", "Seconds since the end of the newest good backup."),
    "network.utilization": ("1", "Share of a link's capacity in use."),
    "storage.utilization": ("1", "Share of a volume in use."),
}
_COUNTERS = {
    "backup.success": ("{backup}", "Backups that ended, by success."),
    "restore.success": ("{restore}", "Restores that ended, by success."),
}
_HISTOGRAMS = {
    "backup.duration": ("s", "How long backups took."),
    "backup.size": ("By", "Bytes that backups read."),
    "restore.duration": ("s", "How long restores took."),
}


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class MetricsCollector:
    """Records completions durably and emits OpenTelemetry metrics.

    Times are aware datetimes, or naive ones in UTC. Every method is safe to call from several
    threads and processes.
    """

    def __init__(
        self,
        inbox: Path | str,
        source_id: str,
        *,
        serving: Path | str | None = None,
        meter: Meter | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Record into a drop folder.

        Args:
            inbox: The `drop` folder of a source of tool `cbcr` in cbcr.yaml.
            source_id: The id of that source.
            serving: Folder of published snapshots (`serving` in cbcr.yaml): then ages are those of
                the whole fleet, whoever recorded its backups.
            meter: OpenTelemetry meter; the default is the global provider's.
            clock: The present, naive UTC.
        """
        self._folder = Path(inbox) / source_id / "job_log"
        self._source_id = source_id
        self._clock = clock
        self._serving = Path(serving) if serving is not None else None
        self._newest: dict[tuple[str, str], datetime] = {}
        self._lock = Lock()
        found = meter or get_meter("cbcr")
        self._gauges = {n: found.create_gauge(n, *about) for n, about in _GAUGES.items()}
        self._counters = {n: found.create_counter(n, *about) for n, about in _COUNTERS.items()}
        self._histograms = {
            name: found.create_histogram(name, *about) for name, about in _HISTOGRAMS.items()
        }
        self._meter = found

    def record_backup_completion(
        self,
        db_instance: str,
        start_time: datetime,
        end_time: datetime,
        size: int,
        success: bool,
        *,
        backup_type: str = "full",
    ) -> None:
        """Record a backup that ended.

        Args:
            db_instance: Name of the database instance, as in the inventory.
            start_time: When it started.
            end_time: When it ended.
            size: Bytes read from the database.
            success: Whether it can be restored, as far as its program knows.
            backup_type: full, diff, incr, dump or snapshot.

        Raises:
            ValueError: It ended before it started, a negative size, or an unknown type.
            OSError: It could not be written; nothing is recorded.
        """
        kind = BackupType(backup_type).value
        begun, ended = _span(start_time, end_time, size)
        facts = {"type": kind, "source_bytes": size}
        self._record("backup", db_instance, begun, ended, facts, success=success)
        labels = {_DATABASE: db_instance, _TYPE: kind}
        self._histograms["backup.duration"].record((ended - begun).total_seconds(), labels)
        self._histograms["backup.size"].record(size, labels)
        self._counters["backup.success"].add(1, {**labels, "success": success})
        if success:
            with self._lock:
                known = self._newest.get((db_instance, kind), ended)
                self._newest[db_instance, kind] = max(known, ended)

    def record_restore_completion(
        self,
        db_instance: str,
        start_time: datetime,
        end_time: datetime,
        size: int,
        success: bool,
    ) -> None:
        """Record a restore that ended. Without a drill record it proves nothing about the data.

        Args:
            db_instance: Name of the database instance, as in the inventory.
            start_time: When it started.
            end_time: When the files were back.
            size: Bytes restored.
            success: Whether it ended well.

        Raises:
            ValueError: It ended before it started, or a negative size.
            OSError: It could not be written; nothing is recorded.
        """
        begun, ended = _span(start_time, end_time, size)
        self._record("restore", db_instance, begun, ended, {"bytes": size}, success=success)
        labels = {_DATABASE: db_instance, _TYPE: "restore"}
        self._histograms["restore.duration"].record((ended - begun).total_seconds(), labels)
        self._counters["restore.success"].add(1, {**labels, "success": success})

    def update_backup_ages(self) -> None:
        """Emit the age of each newest good backup: of the fleet's, and of this process's own.

        An age is derived from the backups' own ends, so a late record never makes it younger than
        it is. Without `serving` only what this process has recorded is known; what nobody knows is
        not emitted, and never 0.

        Raises:
            WarehouseError: The newest snapshot cannot be read.
        """
        now = self._clock()
        with self._lock:
            newest = dict(self._newest)
        for key, ended in self._published().items():
            newest[key] = max(newest.get(key, ended), ended)
        for (database, kind), ended in newest.items():
            labels = {_DATABASE: database, _TYPE: kind}
            age = max((now - ended).total_seconds(), 0.0)
            self._gauges["backup.last_success_age"].set(age, labels)

    def _published(self) -> dict[tuple[str, str], datetime]:
        """Return the newest good end by instance and type, as it was published last."""
        if self._serving is None:
            return {}
        # DuckDB: only who asks for the fleet pays its import.
        from cbcr_assets.metrics.facts import newest_successes

        return newest_successes(self._serving)

    def emit_metric(self, name: str, value: float, labels: Labels | None = None) -> None:
        """Emit one measurement of an instrument; an unknown name becomes a histogram.

        Args:
            name: Such as `backup.duration`; a gauge's name sets that gauge.
            value: In the instrument's unit.
            labels: Attributes.
        """
        if name in self._counters:
            self._counters[name].add(value, dict(labels or {}))
        elif name in self._gauges:
            self._gauges[name].set(value, dict(labels or {}))
        else:
            if name not in self._histograms:
                self._histograms[name] = self._meter.create_histogram(name)
            self._histograms[name].record(value, dict(labels or {}))

    def emit_gauge(self, name: str, value: float, labels: Labels | None = None) -> None:
        """Set a gauge, such as `storage.utilization`.

        Args:
            name: Its name; an unknown one becomes a gauge.
            value: In its unit; utilisation is a share of 1.
            labels: Attributes.
        """
        if name not in self._gauges:
            self._gauges[name] = self._meter.create_gauge(name)
        self._gauges[name].set(value, dict(labels or {}))

    def _record(
        self,
        kind: str,
        instance: str,
        begun: datetime,
        ended: datetime,
        facts: Mapping[str, object],
        *,
        success: bool,
    ) -> None:
        event = {
            "event": kind,
            "run_id": uuid4().hex,
            "instance": instance,
            "started_at": begun.isoformat() + "Z",
            "finished_at": ended.isoformat() + "Z",
            "state": "succeeded" if success else "failed",
            **facts,
        }
        now = self._clock()
        envelope = Envelope(
            self._source_id,
            "job_log",
            "",
            canonical(event) + "\n",
            now,
            now,
            host=os.uname().nodename,
        )
        write_envelope(self._folder, envelope, tool="cbcr")


def _span(start: datetime, end: datetime, size: int) -> tuple[datetime, datetime]:
    begun, ended = _utc(start), _utc(end)
    if ended < begun:
        raise ValueError(f"it ended ({ended} UTC) before it started ({begun} UTC)")
    if size < 0:
        raise ValueError(f"a size is not negative: {size}")
    return begun, ended


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
