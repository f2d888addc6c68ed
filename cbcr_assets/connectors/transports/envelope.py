"""The envelope file: what a source said, with the facts needed to read it.

Belongs here: writing one atomically, reading one back, refusing what is none.
Does not belong here: where files come from (drop, collect) or what a payload means (connectors).
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cbcr_assets.connectors.base import Envelope, Reject
from cbcr_assets.connectors.transports.atomic import publish
from cbcr_assets.connectors.transports.json_text import canonical, sha256, strict_json
from cbcr_assets.connectors.transports.stamps import compact, iso, to_utc, zone
from cbcr_assets.connectors.transports.text import clean

MAX_BYTES = 256 * 1024 * 1024
"""Largest file that is read; more is refused, not loaded."""

RAW_SUFFIXES = frozenset({".jsonl", ".log"})
"""Files that are text as it is, without an envelope."""

_EXCERPT = 10_000
_TIME_PREFIX = re.compile(r"^\d{8}T\d{6}(?:\.\d+)?Z?(?:[-_.]|$)")


class _Refused(Exception):
    """This file cannot be read as an envelope."""

    def __init__(self, rule: str, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.rule = rule
        self.line = line


def envelope_name(kind: str, stamp: datetime) -> str:
    """Return the file name of an envelope; names sort by time."""
    return f"{compact(stamp)}-{kind}.json"


def write_envelope(
    directory: Path,
    envelope: Envelope,
    payload: object = None,
    *,
    tool: str = "",
    command: Sequence[str] = (),
    stamp: datetime | None = None,
) -> Path:
    """Write an envelope file; it appears whole or not at all.

    Args:
        directory: Folder of the kind, made if missing.
        envelope: Facts; its `payload` is used when `payload` is None, its `native_id` is ignored
            because the file name becomes it.
        payload: Text, or any JSON value.
        tool: Name of the tool.
        command: The command that was run.
        stamp: Time in the file name, by default `envelope.finished_at`. If the name is taken the
            next free microsecond is used, so nothing is overwritten and order stays.

    Returns:
        The file.

    Raises:
        OSError: It could not be written; nothing half-written has the final name.
    """
    content = envelope.payload if payload is None else payload
    text = clean(content) if isinstance(content, str) else canonical(content)
    body = {
        "source_id": envelope.source_id,
        "tool": tool,
        "tool_version": envelope.tool_version,
        "host": envelope.host,
        "tz": envelope.tz,
        "command": list(command),
        "rc": envelope.rc,
        "started_at": iso(envelope.started_at),
        "finished_at": iso(envelope.finished_at),
        "sha256": sha256(text),
        "stream": envelope.stream,
        "error": envelope.error,
        "payload": text if isinstance(content, str) else content,
    }
    data = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
    directory.mkdir(parents=True, exist_ok=True)
    moment = stamp or envelope.finished_at
    while not publish(path := directory / envelope_name(envelope.kind, moment), data):
        moment += timedelta(microseconds=1)
    return path


def read_envelope(
    path: Path, *, source_id: str, kind: str, timezone: str, max_bytes: int = MAX_BYTES
) -> Envelope | Reject:
    """Read one offered file. Never raises on bad input: what it cannot use becomes a `Reject`.

    Args:
        path: `*.json` is an envelope; `*.jsonl` and `*.log` are text as it is, said at the file's
            modification time. With a time in front, the text is the next piece of the stream named
            by the rest; without, a whole log that is read from its start each time.
        source_id: The source it was offered for; an envelope must name the same.
        kind: Feed kind, from the folder.
        timezone: IANA zone of stamps without an offset, unless the envelope has its own `tz`.
        max_bytes: Larger files are refused.
    """
    name = clean(path.name)
    data = b""
    try:
        data = _bytes(path, max_bytes)
        if path.suffix in RAW_SUFFIXES:
            return _raw(path, data, source_id, kind, timezone)
        if path.suffix != ".json":
            raise _Refused(
                "suffix", f"{name} is neither .json (an envelope) nor .jsonl or .log (plain text)"
            )
        return _envelope(name, _decoded(data), source_id, kind, timezone)
    except _Refused as refused:
        reason = f"{name}:{refused.line}: {refused}"
        excerpt = data if refused.rule != "size" else data[:_EXCERPT]
        text = excerpt.decode("utf-8", "backslashreplace")
        return Reject(f"{name}:{refused.line}", refused.rule, reason, text)


def _bytes(path: Path, max_bytes: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise _Refused(
                "size",
                f"{size} bytes are more than the {max_bytes} that are read; split the log into"
                " pieces, or list fewer instances per file",
            )
        return path.read_bytes()
    except OSError as error:
        raise _Refused(
            "unreadable", f"cannot be read ({error.strerror or error}); check owner and mode"
        ) from error


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Refused(
            "encoding",
            f"byte {error.start} is not UTF-8; write the envelope as UTF-8 (a log's stray bytes"
            r" as the text \xNN)",
            line,
        ) from error


def _raw(path: Path, data: bytes, source_id: str, kind: str, timezone: str) -> Envelope:
    seconds, rest = divmod(path.stat().st_mtime_ns, 1_000_000_000)
    moment = to_utc(seconds, tz="UTC") + timedelta(microseconds=rest // 1000)
    name = clean(path.name)
    timed = _TIME_PREFIX.match(name)
    stream = f"{kind}/{name[timed.end() :]}" if timed else ""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")
    return Envelope(source_id, kind, name, text, moment, moment, timezone, stream=stream)


def _envelope(name: str, text: str, source_id: str, kind: str, timezone: str) -> Envelope:
    body = _object(text)
    if body.get("source_id") != source_id:
        raise _Refused(
            "source_id",
            f"the envelope says source_id {_brief(body.get('source_id'))}, the folder says"
            f" {source_id!r}; move the file or correct the envelope",
        )
    error = _text(body, "error") or None
    tz = _text(body, "tz") or timezone
    started, finished = _times(body, tz)
    return Envelope(
        source_id=source_id,
        kind=kind,
        native_id=name,
        payload=_payload(body, error),
        started_at=started,
        finished_at=finished,
        tz=tz,
        rc=_rc(body),
        stream=_text(body, "stream"),
        host=_text(body, "host"),
        tool_version=_text(body, "tool_version"),
        error=error,
    )


def _object(text: str) -> Mapping[str, Any]:
    try:
        body = strict_json(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise _Refused(
            "json",
            f"not a whole JSON document ({error}); write a .tmp file and rename it when complete",
            line,
        ) from error
    if not isinstance(body, dict) or "source_id" not in body:
        raise _Refused(
            "envelope",
            'it is JSON but no envelope; wrap it: {"source_id": …, "finished_at": …,'
            ' "payload": <the tool\'s output>} (docs/formats.md)',
        )
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Refused("envelope", f"{name} must be text, not {_brief(value)}")
    return clean(value)


def _rc(body: Mapping[str, Any]) -> int:
    rc: object = body.get("rc")
    if rc is None:
        return 0
    if isinstance(rc, bool) or not isinstance(rc, int) or abs(rc) >= 2**31:
        raise _Refused("envelope", f"rc must be an exit code, not {_brief(rc)}")
    return rc


def _times(body: Mapping[str, Any], tz: str) -> tuple[datetime, datetime]:
    try:
        zone(tz)
        if body.get("finished_at") is None:
            raise ValueError("finished_at is missing: say when the source had answered")
        finished = to_utc(body["finished_at"], tz=tz)
        started = body.get("started_at")
        asked = finished if started is None else to_utc(started, tz=tz)
    except ValueError as error:
        raise _Refused("timestamp", str(error)) from error
    if asked > finished:
        raise _Refused("timestamp", f"started_at {asked} is after finished_at {finished}")
    return asked, finished


def _payload(body: Mapping[str, Any], error: str | None) -> str:
    if "payload" not in body:
        if error:
            return ""
        raise _Refused("envelope", "there is neither payload nor error; add the tool's output")
    value = body["payload"]
    try:
        text = value if isinstance(value, str) else canonical(value)
    except (RecursionError, ValueError) as problem:
        raise _Refused("json", "the payload is nested too deep or no JSON") from problem
    text = "" if value is None else clean(text)
    claimed = body.get("sha256")
    if claimed and claimed != sha256(text):
        raise _Refused(
            "sha256",
            f"sha256 says {_brief(claimed)}, the payload has {sha256(text)}: it was changed or cut"
            " after it was written; send it again",
        )
    return text


def _brief(value: object, limit: int = 80) -> str:
    try:
        text = clean(repr(value))
    except (RecursionError, ValueError):
        text = f"a {type(value).__name__}"
    return text if len(text) <= limit else text[:limit] + "…"
