"""Restore drills: the record that a drill runner (or a person after a real restore) writes.

Belongs here: kind drill, to rows of restore_jobs with all phases and the verification.
Does not belong here: what a tool's own log says of a restore (kind job_log).
"""

from datetime import datetime

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.reading.document import json_document
from cbcr_assets.connectors.reading.record import Harvest, Record, Row, in_order
from cbcr_assets.connectors.reading.refusal import Refused
from cbcr_assets.connectors.transports.json_text import canonical
from cbcr_assets.connectors.transports.text import clean
from cbcr_assets.records import BackupState, RestorePurpose, Verification

_PHASES = ("requested_at", "started_at", "restored_at", "recovered_at", "verified_at")
_GOOD = frozenset({BackupState.SUCCEEDED, BackupState.SUCCEEDED_WITH_WARNINGS})


def parse_drills(envelope: Envelope) -> Parsed:
    """Read one record, an array of records, or an object with the list `drills`."""
    document = json_document(envelope)
    if isinstance(document, dict) and isinstance(document.get("drills"), list):
        document = document["drills"]
    harvest = Harvest(envelope)
    for position, item in enumerate(document if isinstance(document, list) else [document]):
        harvest.take(item, f"drills[{position}]", _restore)
    return harvest.parsed()


def _restore(record: Record) -> tuple[str, Row]:
    phases = {name: record.past(name) for name in _PHASES}
    in_order(phases.items(), "phases")
    state = record.one_of("state", BackupState)
    if state is None:
        raise Refused("missing", f"state is missing; write one of: {', '.join(BackupState)}")
    if phases["requested_at"] is None:
        raise Refused("missing", "requested_at is missing; without it there is no recovery time")
    verification = record.one_of("verification", Verification) or Verification.NONE
    _consistent(state, verification, phases["verified_at"])
    return "restore_jobs", {
        "restore_key": record.name("id", "run_id"),
        "native_instance": record.name("instance"),
        "purpose": record.one_of("purpose", RestorePurpose) or RestorePurpose.DRILL,
        "source_label": record.optional_name("source_label", "label"),
        "target_at": record.past("target_at"),
        "recovered_to_at": record.past("recovered_to_at"),
        **phases,
        "bytes": record.whole("bytes"),
        "state": state,
        "verification": verification,
        "checks": _checks(record),
        **record.error(),
    }


def _consistent(
    state: BackupState, verification: Verification, verified_at: datetime | None
) -> None:
    if verification is Verification.PASSED and verified_at is None:
        raise Refused("verification", "verification passed, but verified_at is missing; add it")
    if verification is Verification.PASSED and state not in _GOOD:
        raise Refused("verification", f"verification passed contradicts the state {state}")


def _checks(record: Record) -> str | None:
    checks = record.values.get("checks")
    return None if checks is None else clean(canonical(checks))
