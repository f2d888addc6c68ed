"""The pull: envelope files of one source into the warehouse, some files a transaction.

Belongs here: the order of parse, alias, load, expiry, quarantine and acknowledgement.
Does not belong here: what an envelope means (connectors), how it came (transports), Dagster.

Nothing is lost: a file is acknowledged only after the commit, what cannot be read is quarantined
whole, and a file offered again after a crash changes nothing. A backlog of any size is read in
batches, so that memory is bounded by one batch and not by what has piled up.
"""

import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import polars as pl

from cbcr_assets.connectors.base import Connector, Envelope, Parsed, Reject
from cbcr_assets.connectors.conclusions import conclude
from cbcr_assets.connectors.evidence import Reading, observe, quarantine, sha_of
from cbcr_assets.connectors.pull_report import PullReport
from cbcr_assets.connectors.transports.drop import OfferedFile
from cbcr_assets.connectors.transports.envelope import read_envelope
from cbcr_assets.warehouse import LoadResult, Session, Warehouse

BATCH_BYTES = 32 * 1024 * 1024
"""Most bytes of envelope files that one transaction reads, if not a single file has more."""

_MEMORY = "512MiB"


def pull(
    warehouse: Warehouse,
    source_id: str,
    connector: Connector,
    files: Sequence[OfferedFile],
    *,
    timezone: str,
    now: datetime,
    acknowledge: Callable[[Sequence[OfferedFile]], None],
) -> PullReport:
    """Read envelope files of one source into the raw tables.

    Args:
        warehouse: Where to.
        source_id: The configured source.
        connector: Reads this source's tool.
        files: Offered envelope files, oldest first.
        timezone: IANA zone of stamps without an offset.
        now: Present, naive UTC.
        acknowledge: Called with the files once their content is committed.

    Raises:
        WarehouseError: What is not acknowledged by now was not stored; it is offered again.
    """
    reports = [
        _pull_batch(
            warehouse,
            source_id,
            connector,
            batch,
            timezone=timezone,
            now=now,
            acknowledge=acknowledge,
        )
        for batch in batches(files)
    ]
    return PullReport(
        source_id,
        sum(report.files for report in reports),
        tuple(result for report in reports for result in report.loaded),
        sum(report.seen for report in reports),
        sum(report.rejected for report in reports),
        tuple(error for report in reports for error in report.errors),
    )


def batches(files: Sequence[OfferedFile]) -> list[list[OfferedFile]]:
    """Cut files into batches of at most `BATCH_BYTES`; a larger file is a batch by itself."""
    cut: list[list[OfferedFile]] = []
    room = 0
    for file in files:
        if not cut or file.size > room:
            cut.append([])
            room = BATCH_BYTES
        cut[-1].append(file)
        room -= file.size
    return cut


def _pull_batch(
    warehouse: Warehouse,
    source_id: str,
    connector: Connector,
    files: Sequence[OfferedFile],
    *,
    timezone: str,
    now: datetime,
    acknowledge: Callable[[Sequence[OfferedFile]], None],
) -> PullReport:
    with warehouse.write() as session:
        _bound_memory(session, files)
        carries = _carries(session, source_id)
        known = _known_pieces(session, source_id, files)
        readings = list(_read(source_id, connector, files, timezone, carries, known))
        loaded = _load_frames(session, source_id, readings)
        for reading in readings:
            if reading.envelope is not None and reading.parsed.ok:
                conclude(session, reading.envelope, reading.parsed)
        quarantine(session, source_id, readings, now)
        observe(session, readings, now)
        _keep_carries(session, source_id, readings, now)
    acknowledge([reading.file for reading in readings])
    return PullReport(
        source_id,
        len(readings),
        tuple(loaded),
        sum(r.parsed.seen for r in readings),
        sum(len(r.parsed.rejects) for r in readings),
        tuple(r.parsed.error or "not readable" for r in readings if not r.parsed.ok),
    )


def _bound_memory(session: Session, files: Sequence[OfferedFile]) -> None:
    """Keep the warehouse from holding in memory whatever it has read and could read again.

    A single file that is larger than a batch may need what there is.
    """
    usual = sum(file.size for file in files) <= BATCH_BYTES
    session.execute(f"set memory_limit = '{_MEMORY}'" if usual else "reset memory_limit")


def _read(
    source_id: str,
    connector: Connector,
    files: Iterable[OfferedFile],
    timezone: str,
    carries: dict[str, str],
    known: set[tuple[str, str]],
) -> Iterable[Reading]:
    for file in files:
        envelope = read_envelope(file.path, source_id=source_id, kind=file.kind, timezone=timezone)
        if isinstance(envelope, Reject):
            yield Reading(
                file, None, Parsed(rejects=(envelope,), seen=1, ok=False, error=envelope.reason)
            )
            continue
        if envelope.stream and (envelope.native_id, sha_of(envelope.payload)) in known:
            # A crash came between commit and acknowledgement: this piece is in already.
            yield Reading(file, None, Parsed())
            continue
        before = carries.get(envelope.stream, "") if envelope.stream else ""
        parsed = _parse(connector, envelope, before)
        if envelope.stream:
            carries[envelope.stream] = parsed.carry
        yield Reading(file, envelope, parsed, before)


def _parse(connector: Connector, envelope: Envelope, carry: str) -> Parsed:
    if envelope.error is not None:
        return Parsed(ok=False, error=envelope.error, carry=carry)
    if envelope.kind not in connector.kinds:
        reason = (
            f"{connector.tool} has no kind {envelope.kind!r};"
            f" it reads {', '.join(sorted(connector.kinds))}"
        )
        reject = Reject(envelope.native_id, "kind", reason, envelope.payload)
        return Parsed(rejects=(reject,), seen=1, ok=False, error=reason, carry=carry)
    try:
        return connector.parse(envelope, carry=carry)
    except Exception:  # noqa: BLE001 - a connector's fault must not stop the other files
        reason = f"the {connector.tool} connector failed: {traceback.format_exc(limit=-2)}"
        reject = Reject(envelope.native_id, "connector", reason, envelope.payload)
        return Parsed(rejects=(reject,), seen=1, ok=False, error=reason)


def _load_frames(session: Session, source_id: str, readings: Sequence[Reading]) -> list[LoadResult]:
    aliases = dict(
        session.query(
            "select native_instance, instance_id from raw.instance_aliases"
            " where source_id = $source_id",
            {"source_id": source_id},
        ).iter_rows()
    )
    by_table: dict[str, list[pl.DataFrame]] = {}
    for reading in readings:
        for table, frame in reading.parsed.frames.items():
            by_table.setdefault(table, []).append(frame)
    return [
        session.load(table, _with_instance(pl.concat(frames), aliases))
        for table, frames in by_table.items()
    ]


def _with_instance(frame: pl.DataFrame, aliases: dict[str, str]) -> pl.DataFrame:
    if "native_instance" not in frame.columns:
        return frame
    mapped = pl.col("native_instance").replace_strict(aliases, default=None, return_dtype=pl.String)
    return frame.with_columns(instance_id=mapped)


def _carries(session: Session, source_id: str) -> dict[str, str]:
    rows = session.query(
        "select stream, carry from state.streams where source_id = $source_id",
        {"source_id": source_id},
    )
    return dict(rows.iter_rows())


def _known_pieces(
    session: Session, source_id: str, files: Sequence[OfferedFile]
) -> set[tuple[str, str]]:
    rows = session.query(
        "select native_id, content_sha256 from raw.observations"
        " where source_id = $source_id and list_contains($names, native_id)",
        {"source_id": source_id, "names": [file.path.name for file in files]},
    )
    return set(rows.iter_rows())


def _keep_carries(
    session: Session, source_id: str, readings: Sequence[Reading], now: datetime
) -> None:
    newest = {
        r.envelope.stream: r.parsed.carry
        for r in readings
        if r.envelope is not None and r.envelope.stream
    }
    for stream, carry in newest.items():
        session.execute(
            "insert or replace into state.streams values ($source_id, $stream, $carry, $now)",
            {"source_id": source_id, "stream": stream, "carry": carry, "now": now},
        )
