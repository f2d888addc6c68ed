"""Collecting: ask a source's own feeds and spool what is new as envelope files.

Belongs here: which feed is due, running feeds side by side, deciding what is worth an envelope.
Does not belong here: how feeds are read (ask, command, file, sql) or what they mean.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.ledger import Ledger
from cbcr_assets.connectors.transports.answer import Answer, Piece, WholeFile
from cbcr_assets.connectors.transports.ask import ask
from cbcr_assets.connectors.transports.atomic import publish
from cbcr_assets.connectors.transports.envelope import envelope_name, write_envelope

if TYPE_CHECKING:
    from cbcr_assets.config import FeedConfig, SourceConfig

_TIDY_S = 3600.0
_HEARTBEATS = 3  # in the time after which a silent source is stale


@dataclass(frozen=True)
class CollectReport:
    """What one collection did.

    Attributes:
        source_id: The source.
        written: Envelope files, in order.
        errors: Why feeds could not be read or spooled.
        waiting: Feeds that were not due.
        busy: Another process was collecting from this source; nothing was done.
    """

    source_id: str
    written: tuple[Path, ...] = ()
    errors: tuple[str, ...] = ()
    waiting: int = 0
    busy: bool = False


def collect(
    source: SourceConfig,
    *,
    spool: Path,
    ledger: Ledger,
    now: datetime,
    environ: Mapping[str, str],
) -> CollectReport:
    """Ask the feeds of a source that are due and spool what is new.

    An envelope is written when the content changed, when a sign of life is due (a third of
    `stale_after`), and when a feed fails (again only when the error changes or a sign is due).

    Args:
        source: Its `drop` feeds are left alone.
        spool: Envelopes go to `spool/<source_id>/<kind>/`.
        ledger: Remembers where each feed stands.
        now: Present, naive UTC.
        environ: For secret references and as the commands' environment.

    Raises:
        LedgerError: The ledger cannot be used; nothing was asked or what was read is read again.
    """
    feeds = {feed_key(source, feed): feed for feed in source.feeds if feed.drop is None}
    with _alone(spool / source.source_id) as alone:
        if not alone:
            return CollectReport(source.source_id, busy=True)
        due = {
            key: feed
            for key, feed in feeds.items()
            if ledger.due(key, now=now, every_s=source.every_s)
        }
        clerk = _Clerk(source, spool, ledger, now, stamp_key=f"{source.source_id}/stamp")
        states = {key: clerk.settled(key) for key in due}
        answers = ask(
            due,
            states,
            source_id=source.source_id,
            tool=source.tool,
            now=now,
            environ=environ,
        )
        for key, answer in answers:
            clerk.record(key, due[key], states[key], answer)
        clerk.tidy()
        return CollectReport(
            source.source_id, tuple(clerk.written), tuple(clerk.errors), len(feeds) - len(due)
        )


def due_sources(
    sources: Sequence[SourceConfig], ledger: Ledger, *, now: datetime
) -> frozenset[str]:
    """Return the ids of sources that have something to do: a feed that is due, or tidying up.

    Raises:
        LedgerError: The ledger cannot be used.
    """
    wanted = {
        key: (source.source_id, every_s)
        for source in sources
        for key, every_s in (
            (_tidy_key(source), _TIDY_S),
            *((feed_key(source, f), source.every_s) for f in source.feeds if f.drop is None),
        )
    }
    due = ledger.due_of({key: every_s for key, (_, every_s) in wanted.items()}, now=now)
    return frozenset(wanted[key][0] for key in due)


def _tidy_key(source: SourceConfig) -> str:
    return f"{source.source_id}/tidy"


def feed_key(source: SourceConfig, feed: FeedConfig) -> str:
    """Return the identity of a feed: it survives reordering, and a changed feed starts anew."""
    # A transport that is newer than this line is added only where it is used: keys must stay.
    newer = tuple(address for address in (feed.objects, feed.http) if address)
    what = repr((feed.command, feed.file, feed.sql, *newer))
    digest = hashlib.sha256(what.encode("utf-8", "backslashreplace")).hexdigest()[:16]
    return f"{source.source_id}/{feed.kind}/{digest}"


class _Clerk:
    """Turns answers into envelope files and remembers where each feed stands."""

    def __init__(
        self, source: SourceConfig, spool: Path, ledger: Ledger, now: datetime, *, stamp_key: str
    ) -> None:
        self.written: list[Path] = []
        self.errors: list[str] = []
        self._source = source
        self._folder = spool / source.source_id
        self._ledger = ledger
        self._now = now
        self._stamp_key = stamp_key
        last = ledger.state(stamp_key).get("stamp")
        self._stamp = datetime.fromisoformat(last or "1970-01-01")

    def settled(self, key: str) -> dict[str, Any]:
        """Return a feed's state; a piece that was spooled just before a crash counts as sent."""
        state = self._ledger.state(key)
        pending = state.pop("pending", None)
        if pending:
            path = Path(pending["path"])
            if path.exists() or self._ledger.acknowledged(path):
                state |= {"cursor": pending["cursor"], "sent_at": self._now.isoformat()}
        return state

    def record(self, key: str, feed: FeedConfig, state: dict[str, Any], answer: Answer) -> None:
        """Spool what is worth it; a full disk or the like is reported and tried again."""
        error = answer.error
        if error:
            self.errors.append(error)
        try:
            self._keep(answer.files)
            for piece in answer.news:
                self._send(key, feed, state, answer, piece)
            changed = error != state.get("error")
            if error and (changed or self._sign_due(state)):
                self._send(key, feed, state, answer, None)
            elif answer.heartbeat and not answer.news and (changed or self._sign_due(state)):
                self._send(key, feed, state, answer, answer.heartbeat)
        except OSError as problem:
            self.errors.append(
                f"the spool {self._folder} cannot be written ({problem.strerror or problem}); make"
                " room or correct its owner, what was read is read again"
            )
        else:
            if not error or answer.cursor:
                state["cursor"] = dict(answer.cursor)
        state["error"] = error
        self._ledger.set_state(key, state, ran_at=self._now)

    def _keep(self, files: Sequence[WholeFile]) -> None:
        """Spool files as they are; one that lies there already is the same one."""
        for file in files:
            folder = self._folder / file.kind
            folder.mkdir(parents=True, exist_ok=True)
            if publish(folder / file.name, file.data):
                self.written.append(folder / file.name)

    def tidy(self) -> None:
        """Forget, once an hour, acknowledgements of files that are gone."""
        key = _tidy_key(self._source)
        if self._ledger.due(key, now=self._now, every_s=_TIDY_S):
            drops = [feed.drop for feed in self._source.feeds if feed.drop is not None]
            for folder in (self._folder, *(drop / self._source.source_id for drop in drops)):
                self._ledger.forget_missing(folder)
            self._ledger.set_state(key, {}, ran_at=self._now)

    def _sign_due(self, state: Mapping[str, Any]) -> bool:
        sent_at = state.get("sent_at")
        if sent_at is None:
            return True
        silent = self._now - datetime.fromisoformat(sent_at)
        wait = timedelta(seconds=self._source.stale_after_s / _HEARTBEATS)
        return silent >= wait or silent < timedelta(0)

    def _send(
        self,
        key: str,
        feed: FeedConfig,
        state: dict[str, Any],
        answer: Answer,
        piece: Piece | None,
    ) -> None:
        """Spool one envelope; `piece` None is the error."""
        kind = feed.kind or ""
        finished = self._now + timedelta(seconds=answer.elapsed_s)
        path = self._next_path(kind, finished)
        cursor = dict(piece.cursor) if piece is not None and piece.cursor is not None else None
        if cursor is not None:
            pending = {"path": str(path), "cursor": cursor}
            self._ledger.set_state(key, {**state, "pending": pending})
        envelope = Envelope(
            source_id=self._source.source_id,
            kind=kind,
            native_id=path.name,
            payload=piece.payload if piece is not None else "",
            started_at=self._now,
            finished_at=finished,
            tz=self._source.timezone,
            rc=answer.rc,
            stream=piece.stream if piece is not None else "",
            host=socket.gethostname(),
            error=answer.error if piece is None else None,
        )
        write_envelope(
            path.parent,
            envelope,
            tool=self._source.tool,
            command=answer.command,
            stamp=self._stamp,
        )
        self.written.append(path)
        state["sent_at"] = self._now.isoformat()
        if cursor is not None:
            state["cursor"] = cursor

    def _next_path(self, kind: str, finished: datetime) -> Path:
        """Name the next file so that names sort in the order of writing, even if clocks go back."""
        self._stamp = max(finished, self._stamp + timedelta(microseconds=1))
        folder = self._folder / kind
        while (path := folder / envelope_name(kind, self._stamp)).exists():
            self._stamp += timedelta(microseconds=1)
        self._ledger.set_state(self._stamp_key, {"stamp": self._stamp.isoformat()})
        return path


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Hold the source's lock; False when another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        yield False
        return
    try:
        yield True
    finally:
        os.close(descriptor)
