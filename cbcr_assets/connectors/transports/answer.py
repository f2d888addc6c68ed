"""What a transport brings back from one reading of a feed.

Belongs here: the shape that command, file and sql share. Does not belong here: how they read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Piece:
    """The content of one envelope.

    Attributes:
        payload: Text.
        stream: Log that this is the next piece of; empty for documents.
        cursor: Where the feed stands after this piece; None where there is no cursor.
    """

    payload: str
    stream: str = ""
    cursor: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class WholeFile:
    """A file that is an envelope already, or a log as it is.

    Attributes:
        kind: Feed kind, the name of its folder.
        name: Its own name.
        data: Its bytes.
    """

    kind: str
    name: str
    data: bytes


@dataclass(frozen=True)
class Answer:
    """What a feed said.

    Attributes:
        news: What was not said before, in order.
        files: Files that were not fetched before, in order.
        heartbeat: What to send when there is no news, as a sign of life; None if there is no life.
        cursor: Where the feed stands after all news.
        error: Why (a part of) the feed could not be read.
        rc: Exit code, 0 where there was no command.
        command: The command that was run, redacted.
        elapsed_s: How long it took.
        transient: It may be another a moment later: a connection was refused or cut.
    """

    news: tuple[Piece, ...] = ()
    files: tuple[WholeFile, ...] = ()
    heartbeat: Piece | None = None
    cursor: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    rc: int = 0
    command: tuple[str, ...] = ()
    elapsed_s: float = 0.0
    transient: bool = False
