"""The evidence of a pull: what was said, that it was asked for, and what was refused.

Belongs here: rows of `observations`, `pulls` and `quarantine`. Does not belong here: records.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cbcr_assets.connectors.base import Envelope, Parsed, Reject
from cbcr_assets.connectors.transports.drop import OfferedFile
from cbcr_assets.records import typed_frame
from cbcr_assets.warehouse import Session


@dataclass(frozen=True)
class Reading:
    """One envelope file with what was made of it."""

    file: OfferedFile
    envelope: Envelope | None
    parsed: Parsed
    carry_before: str = ""


def quarantine(
    session: Session, source_id: str, readings: Sequence[Reading], now: datetime
) -> None:
    """Keep what was refused, whole and with the reason."""
    rows = [
        {
            "quarantine_id": sha_of(
                source_id, _place(reading, reject), reject.rule, reject.payload
            ),
            "source_id": source_id,
            "table_name": reject.table_name,
            "native_id": reject.native_id,
            "rule": reject.rule,
            "reason": reject.reason,
            "payload": reject.payload,
            "observed_at": now,
        }
        for reading in readings
        for reject in reading.parsed.rejects
    ]
    session.load("quarantine", typed_frame("quarantine", rows))


def _place(reading: Reading, reject: Reject) -> str:
    """Return where a reject came from; a document that is sent again is the same place."""
    if reading.envelope is None or reading.envelope.stream:
        return reject.native_id
    return reject.native_id.replace(reading.envelope.native_id, reading.envelope.kind)


def observe(session: Session, readings: Sequence[Reading], now: datetime) -> None:
    """Keep the evidence and record each reading as a pull."""
    pulls, observations = [], []
    for reading in readings:
        envelope, parsed = reading.envelope, reading.parsed
        if envelope is None and parsed.ok:
            continue
        shown = envelope or _unreadable(reading, now)
        native_id = shown.native_id if shown.stream or envelope is None else shown.kind
        pull_id = sha_of(shown.source_id, shown.kind, shown.native_id, sha_of(shown.payload))
        pulls.append(_pull_row(pull_id, shown, reading, now))
        if envelope is not None and envelope.payload:
            observations.append(
                {
                    "source_id": shown.source_id,
                    "kind": shown.kind,
                    "native_id": native_id,
                    "content_sha256": sha_of(shown.payload),
                    "observed_at": shown.finished_at,
                    "pull_id": pull_id,
                    "payload": shown.payload,
                }
            )
    session.load("observations", typed_frame("observations", observations))
    session.load("pulls", typed_frame("pulls", pulls))


def _unreadable(reading: Reading, now: datetime) -> Envelope:
    reject = reading.parsed.rejects[0]
    return Envelope(
        reading.file.source_id, reading.file.kind, reject.native_id, reject.payload, now, now
    )


def _pull_row(
    pull_id: str, envelope: Envelope, reading: Reading, now: datetime
) -> dict[str, object]:
    def state(carry: str) -> str | None:
        if not envelope.stream:
            return None
        return json.dumps({"stream": envelope.stream, "carry_sha256": sha_of(carry)})

    return {
        "pull_id": pull_id,
        "source_id": envelope.source_id,
        "kind": envelope.kind,
        "started_at": min(envelope.started_at, now),
        # A source whose clock runs ahead must not look fresher than it is.
        "finished_at": min(envelope.finished_at, now),
        "ok": reading.parsed.ok,
        "complete": bool(reading.parsed.scopes),
        "row_count": reading.parsed.seen,
        "cursor_from": state(reading.carry_before),
        "cursor_to": state(reading.parsed.carry),
        "error": reading.parsed.error,
    }


def sha_of(*parts: str) -> str:
    """Return the hash of some texts together."""
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "backslashreplace")).hexdigest()
