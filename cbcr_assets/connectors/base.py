"""The small shape that every connector has: one envelope in, typed frames and rejects out.

Belongs here: the types that cross the border between transports, connectors and the pull.
Does not belong here: knowledge of a tool (one module each) or I/O (see `transports`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

    from cbcr_assets.records import Integrity


@dataclass(frozen=True)
class Envelope:
    """What a source said at one moment, with the facts that are needed to read it.

    Attributes:
        source_id: The configured source.
        kind: Feed kind, such as `info` or `backup_log`.
        native_id: Name of the envelope inside its source: the file name.
        payload: What was said. Text is kept as it was; undecodable bytes are backslash-escaped.
        started_at: When the source was asked, naive UTC.
        finished_at: When its answer was complete, naive UTC.
        tz: IANA zone of stamps that carry no offset.
        rc: Exit code of the command, 0 where there was none.
        stream: Identity of the log that this is the next piece of; empty for whole documents.
        host: Where it was produced.
        tool_version: Version of the tool, where known.
        error: Why the source could not be read (time-out, refused, rc), else None.
    """

    source_id: str
    kind: str
    native_id: str
    payload: str
    started_at: datetime
    finished_at: datetime
    tz: str = "UTC"
    rc: int = 0
    stream: str = ""
    host: str = ""
    tool_version: str = ""
    error: str | None = None


@dataclass(frozen=True)
class Reject:
    """Something that could not be used: it goes to `raw.quarantine`, whole and with the reason.

    Attributes:
        native_id: Where it came from: file, and line where there are lines (`name:12`).
        rule: Short name of the rule that refused it, such as `json` or `timestamp`.
        reason: Why, in words a person can act on.
        payload: What was refused.
        table_name: The raw table it was meant for, if known.
    """

    native_id: str
    rule: str
    reason: str
    payload: str
    table_name: str | None = None


@dataclass(frozen=True)
class CatalogScope:
    """A part of a catalog that one pull listed completely: what is absent from it is gone.

    `native_instance` None means every instance of the source, `repo` None every repository.
    """

    native_instance: str | None
    repo: str | None = None


@dataclass(frozen=True)
class RepositoryVerdict:
    """What a check of a whole repository says about every set that lies in it.

    Attributes:
        integrity: `ok` or `corrupt`. A tool that does not name the damaged sets damns all of them:
            nobody can promise a restore of any until a check passes again.
        repo: The repository; None means every one of the source.
    """

    integrity: Integrity
    repo: str | None = None


@dataclass(frozen=True)
class Parsed:
    """What a connector read out of one envelope.

    Attributes:
        frames: Raw table name to a frame with exactly that table's Polars schema. `instance_id` is
            left null (the pull resolves aliases); `source_id`, `first_seen_at` and `last_seen_at`
            are filled.
        rejects: What could not be used.
        seen: Records met; parsed plus rejected must equal it.
        ok: The source answered and its answer could be read.
        scopes: Parts of the catalog that this answer lists completely.
        verdicts: What this answer says about whole repositories.
        carry: For streams: the text from the start of the newest unfinished block on; it is handed
            back with the next piece.
        error: Why it is not ok.
    """

    frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    rejects: tuple[Reject, ...] = ()
    seen: int = 0
    ok: bool = True
    scopes: tuple[CatalogScope, ...] = ()
    verdicts: tuple[RepositoryVerdict, ...] = ()
    carry: str = ""
    error: str | None = None


class Connector(Protocol):
    """One backup tool: reads envelopes of its kinds, touches nothing else."""

    tool: str
    kinds: frozenset[str]

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        ...
