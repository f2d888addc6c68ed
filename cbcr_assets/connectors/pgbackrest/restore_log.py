"""The restore log: every start of a restore, as pgBackRest sees it.

Belongs here: kind restore_log, to rows of restore_jobs.
Does not belong here: recovery and verification, which no tool records (tool `cbcr`, kind drill).

Choices: the purpose is unknown and the verification none, for the log tells neither. Not every
version locks restores, so one is `lost` only if a later one has filled the same data directory.
Bytes are right to the digit that the log shows (136.2MB).
"""

import re
from collections.abc import Hashable
from datetime import datetime
from typing import Any

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.pgbackrest.block import LABEL, Block, LogSpec, stanza_of
from cbcr_assets.connectors.pgbackrest.facts import (
    ERROR,
    SIZE,
    error_columns,
    size_bytes,
    state_of,
)
from cbcr_assets.connectors.pgbackrest.logs import read_log
from cbcr_assets.connectors.transports.stamps import to_utc
from cbcr_assets.records import BackupState, RestorePurpose, Verification, typed_frame

_SET = re.compile(rf"INFO: (?:repo\d+: )?restore backup set ({LABEL})(?:,|$)", re.ASCII)
_SIZE = re.compile(rf"INFO: restore size = ({SIZE})(?:,|$)", re.ASCII)


def _directory(block: Block) -> Hashable:
    return block.options.get("stanza"), block.options.get("pg1-path")


_SPEC = LogSpec(
    command="restore",
    table="restore_jobs",
    facts={"set": _SET, "size": _SIZE, "error": ERROR},
    sticky=True,
    past_guard=frozenset({"size"}),
    guard=_directory,
)


def parse_restore_log(envelope: Envelope, carry: str) -> Parsed:
    """Read one piece of a restore log; open restores are carried to the next piece."""
    reading = read_log(envelope, carry, _SPEC)
    rows = [row for block in reading.blocks if (row := _row(block, envelope))]
    return Parsed(
        frames={"restore_jobs": typed_frame("restore_jobs", rows)} if rows else {},
        rejects=reading.rejects,
        seen=len(rows) + len(reading.rejects),
        carry=reading.carry,
    )


def _row(block: Block, envelope: Envelope) -> dict[str, Any] | None:
    stanza, begin = stanza_of(block, envelope), block.begin
    if stanza is None or begin is None:
        return None
    state = state_of(block)
    size = block.told("size", _SIZE, 1)
    return {
        "source_id": envelope.source_id,
        "restore_key": block.key(stanza),
        "native_instance": stanza,
        "purpose": RestorePurpose.UNKNOWN,
        "source_label": block.told("set", _SET, 1),
        "target_at": _target(block, envelope.tz),
        "started_at": begin.at,
        "restored_at": block.end[0].at if block.end and state is BackupState.SUCCEEDED else None,
        "bytes": size_bytes(size) if size else None,
        "state": state,
        "verification": Verification.NONE,
        "first_seen_at": envelope.finished_at,
        "last_seen_at": envelope.finished_at,
        **error_columns(block),
    }


def _target(block: Block, tz: str) -> datetime | None:
    """Return the moment asked for; a target may also be a name, a transaction or a log position."""
    target = block.options.get("target")
    if target is None or block.options.get("type") != "time":
        return None
    try:
        return to_utc(target, tz=tz)
    except ValueError:
        return None
