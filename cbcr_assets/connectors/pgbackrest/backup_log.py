"""The backup log: every start of a backup, with its outcome.

Belongs here: kind backup_log, to rows of backup_jobs.
Does not belong here: backup sets (kind info): the log says that one was made, not that it exists.

Choices: an attempt stays `running` until its end line, or until a later backup of the same stanza,
repository and lock path is proven to hold the lock (then `lost`): a backup that fails on the lock
proves nothing. Newer versions (since mid-2024) lock each repository by itself, so a backup to
another one proves nothing either. Only a page checksum warning makes `succeeded_with_warnings`;
others are about options. Many lines are read by column where nothing about them can be doubted
(`plain_backups`).
"""

from collections.abc import Hashable, Sequence
from re import ASCII, Pattern
from re import compile as pattern
from typing import Any

import polars as pl

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.pgbackrest.block import (
    LABEL,
    Block,
    LogSpec,
    Message,
    Passage,
    stanza_of,
)
from cbcr_assets.connectors.pgbackrest.facts import (
    ERROR,
    SIZE,
    error_class,
    error_columns,
    exit_code,
    label_type,
    shown,
    size_bytes,
    state_of,
)
from cbcr_assets.connectors.pgbackrest.logs import read_log
from cbcr_assets.connectors.pgbackrest.plain_backups import PlainBackups, plain_backups
from cbcr_assets.records import BackupState, BackupType, typed_frame

_FEWEST = 1000
_LABEL = pattern(rf"INFO: new backup label = ({LABEL})$", ASCII)
_SIZE = pattern(rf"INFO: (full|diff|incr) backup size = ({SIZE})(?:,|$)", ASCII)
_FACTS: dict[str, Pattern[str]] = {
    "label": _LABEL,
    "size": _SIZE,
    "started": pattern(r"INFO: backup start archive = "),
    "to_full": pattern(r"WARN: no prior backup exists, \w+ backup has been changed to full"),
    "page": pattern(r"WARN: invalid page checksum"),
    "error": ERROR,
}


def _lock(block: Block) -> Hashable:
    return block.options.get("stanza"), block.options.get("lock-path"), block.repo


_SPEC = LogSpec(
    command="backup",
    table="backup_jobs",
    facts=_FACTS,
    sticky=True,
    past_guard=frozenset({"started", "label"}),
    guard=_lock,
)


def parse_backup_log(envelope: Envelope, carry: str, *, fewest: int = _FEWEST) -> Parsed:
    """Read one piece of a backup log; open attempts are carried to the next piece.

    Args:
        envelope: The piece.
        carry: What the last piece left over.
        fewest: Fewer lines are read one by one, which is faster then; the answer is the same.
    """
    plain: PlainBackups | None = None

    def passages(lines: Sequence[str]) -> Sequence[Passage]:
        nonlocal plain
        if len(lines) < fewest:
            return ()
        plain = plain_backups(lines, envelope, _FACTS)
        return plain.passages

    reading = read_log(envelope, carry, _SPEC, passages)
    rows = {2 * place + 1: row for place, block in enumerate(reading.blocks)
            if (row := _row(block, envelope))}  # fmt: skip
    frame = typed_frame("backup_jobs", list(rows.values()))
    if plain is not None and reading.passed:
        frame = _with_plain(frame, list(rows), plain.rows, reading.passed)
    return Parsed(
        frames={} if frame.is_empty() else {"backup_jobs": frame},
        rejects=reading.rejects,
        seen=frame.height + len(reading.rejects),
        carry=reading.carry,
    )


def _with_plain(
    exact: pl.DataFrame,
    places: list[int],
    plain: pl.DataFrame,
    passed: Sequence[tuple[int, int]],
) -> pl.DataFrame:
    """Put the plain backups that were passed over between the others, in the order of the log."""
    taken = plain[[number for number, _ in passed]]
    order = pl.Series([*places, *(2 * before for _, before in passed)], dtype=pl.Int64)
    both = pl.concat([exact, taken]).with_columns(place_=order)
    return both.sort("place_", maintain_order=True).drop("place_")


def _row(block: Block, envelope: Envelope) -> dict[str, Any] | None:
    stanza, begin = stanza_of(block, envelope), block.begin
    if stanza is None or begin is None:
        return None
    label, size = block.told("label", _LABEL, 1), block.told("size", _SIZE, 2)
    ended, end = block.end or (None, None)
    return {
        "source_id": envelope.source_id,
        "attempt_key": block.key(stanza),
        "native_instance": stanza,
        "tool": "pgbackrest",
        "repo": block.repo,
        "backup_type": _type(block, label),
        "started_at": begin.at,
        "finished_at": ended.at if ended else None,
        "duration_s": _duration(begin, ended, end.duration_s if end else None),
        "exit_code": exit_code(block),
        "backup_label": label,
        "source_bytes": size_bytes(size) if size else None,
        "worker": envelope.host or None,
        "evidence": "log",
        "first_seen_at": envelope.finished_at,
        "last_seen_at": envelope.finished_at,
        **_outcome(block),
    }


def _outcome(block: Block) -> dict[str, Any]:
    state, page = state_of(block), block.fact("page")
    if state is BackupState.SUCCEEDED and page:
        return {
            "state": BackupState.SUCCEEDED_WITH_WARNINGS,
            "error_class": error_class("026", page.text),
            "error_text": shown(page.text),
        }
    return {"state": state, **error_columns(block)}


def _type(block: Block, label: str | None) -> BackupType | None:
    """What was made tells more than what was asked for: without a full one, all become full."""
    if label:
        return label_type(label)
    made = block.told("size", _SIZE, 1)
    asked = "full" if block.fact("to_full") else block.options.get("type", "incr")
    word = made or asked
    return BackupType(word) if word in ("full", "diff", "incr") else None


def _duration(begin: Message, ended: Message | None, told: float | None) -> float | None:
    if told is not None or ended is None:
        return told
    seconds = (ended.at - begin.at).total_seconds()
    return seconds if seconds >= 0 else None
