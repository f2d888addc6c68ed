"""Facts that several pgBackRest logs tell in the same words: errors, sizes, states.

Belongs here: error code, class and text; sizes such as 136.2MB; how a block ended, as our state.
Does not belong here: which rows a log makes (one module a log).
"""

import re
from typing import Any

from cbcr_assets.connectors.pgbackrest.block import Block
from cbcr_assets.connectors.transports.text import clean, redact
from cbcr_assets.records import BackupState, BackupType

ERROR = re.compile(r"(?:ERROR|ASSERT): (?:\[(\d{1,4})\])?", re.ASCII)
"""A line that says what went wrong; the first one of a command is kept."""

SIZE = r"\d{1,4}(?:\.\d{1,3})?(?:B|KB|MB|GB|TB|PB)"
"""A size for people, as a regular expression: one decimal, 1 KB is 1,024 B."""

_SIZE_PARTS = re.compile(r"([\d.]+)([A-Z]+)", re.ASCII)
_UNITS = {unit: 1024**power for power, unit in enumerate(("B", "KB", "MB", "GB", "TB", "PB"))}
_MAX_TEXT = 2_000
_INT64 = 2**63
_TERMINATED = 63
_CLASSES = {
    26: "checksum",
    38: "target",  # restore into a cluster that runs
    40: "target",  # restore into a path that is not empty
    49: "unreachable",
    50: "lock",
    56: "unreachable",
    63: "signal",
    75: "target",  # no backup set for the wanted moment
    82: "timeout",
    101: "unreachable",
}
_NO_SPACE = re.compile(r"(?i)no space left|quota exceeded|\[28\]|\[122\]")
_TIMEOUT = re.compile(r"(?i)timed? ?out")
_UNREACHABLE = re.compile(r"(?i)unable to connect|connection refused|no route to host")
_RETRY = re.compile(r"\[\w+\] on retry ")
_PRIVATE = r"[\w.-]*(?:key|pass|secret|token)[\w.-]*"
_SECRET_OPTION = re.compile(rf"(?i)((?:--|\brepo\d*-){_PRIVATE})(=|\s+)(\"[^\"]*\"|'[^']*'|\S+)")
_SECRET_VALUE = re.compile(rf"(?i)'[^']*'( is (?:not|out) [^']*'{_PRIVATE}')")


def size_bytes(text: str) -> int | None:
    """Return a size for people as bytes: right to the last digit that the tool shows."""
    match = _SIZE_PARTS.fullmatch(text)
    if match is None:
        return None
    size = round(float(match[1]) * _UNITS[match[2]])
    return size if size < _INT64 else None


def label_type(label: str) -> BackupType:
    """Return the type that a backup label tells by its last letter."""
    return {"D": BackupType.DIFF, "I": BackupType.INCR}.get(label[-1:], BackupType.FULL)


def state_of(block: Block) -> BackupState:
    """Return how far a command has come. Open and not proven lost means running."""
    if block.end is None:
        return BackupState.RUNNING if block.lost_to is None else BackupState.LOST
    _, end = block.end
    if end.done:
        return BackupState.SUCCEEDED
    return BackupState.CANCELLED if end.signal else BackupState.FAILED


def error_columns(block: Block) -> dict[str, Any]:
    """Return error_code, error_class and error_text of a command that did not succeed."""
    code, text = None, None
    message = block.fact("error")
    end = block.end[1] if block.end else None
    if end and end.done:
        return {"error_code": None, "error_class": None, "error_text": None}
    if message:
        match = ERROR.match(f"{message.level}: {message.text}")
        code = match[1] if match else None
        text = " ".join([message.text, *(m.strip() for m in message.more if not _is_retry(m))])
    if end and end.signal:
        code = f"{_TERMINATED:03d}"
        text = text or f"terminated on signal {end.signal}"
    elif end and end.code:
        code = end.code
        text = text or f"aborted with exception [{end.code}]"
    elif block.lost_to:
        text = text or (
            "no end line: the command was killed or its host went down; a later one"
            f" has its place since {block.lost_to.at:%Y-%m-%d %H:%M:%S} UTC"
        )
    return {
        "error_code": code,
        "error_class": error_class(code, text) if text else None,
        "error_text": shown(text) if text else None,
    }


def exit_code(block: Block) -> int | None:
    """Return the exit code: the error's number, 63 after a signal, 0 after success."""
    if block.end is None:
        return None
    _, end = block.end
    if end.done:
        return 0
    return _TERMINATED if end.signal else int(end.code or 0) or None


def error_class(code: str | None, text: str | None) -> str:
    """Return our class of an error."""
    if text and _NO_SPACE.search(text):
        return "no_space"
    known = _CLASSES.get(int(code)) if code else None
    if known:
        return known
    if text and _TIMEOUT.search(text):
        return "timeout"
    return "unreachable" if text and _UNREACHABLE.search(text) else "other"


def shown(text: str) -> str:
    """Return a text without what looks like a secret, capped."""
    text = _SECRET_OPTION.sub(r"\1\2***", redact(text))
    return clean(_SECRET_VALUE.sub(r"***\1", text))[:_MAX_TEXT]


def _is_retry(line: str) -> bool:
    return _RETRY.match(line.strip()) is not None
