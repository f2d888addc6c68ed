"""Collecting from many sources: side by side, so that one that hangs costs nobody but itself.

Belongs here: which sources are due, a thread for each, and not waiting for those that are slow.
Does not belong here: how one source is asked (see `connectors.transports`), pulling, Dagster.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue

from cbcr_assets.config import SourceConfig
from cbcr_assets.connectors.transports.collect import CollectReport, due_sources
from cbcr_assets.steps.news import collect_source
from cbcr_assets.steps.platform import Platform

_STARTING = 32  # sources that may be busy with their first second at a time
_FIRST_S = 1.0
_LOOK_S = 0.05

_Key = tuple[Path, str]
_running: dict[_Key, threading.Thread] = {}
_guard = threading.Lock()


@dataclass(frozen=True)
class Collected:
    """What came of asking one source.

    Attributes:
        source_id: The source.
        report: What was spooled; None when nothing was due, or it failed.
        error: Why the source could not be asked at all, else None.
    """

    source_id: str
    report: CollectReport | None = None
    error: str | None = None


def collect_each(
    platform: Platform,
    sources: Sequence[SourceConfig],
    *,
    now: datetime,
    wait_s: float,
    idle: Callable[[], None] = lambda: None,
) -> Iterator[Collected]:
    """Ask sources side by side and yield each one when it is through.

    A source that is still busy, from this call or an earlier one, is not yielded; it goes on in its
    thread, and what it says is in the spool when it is through.

    Args:
        platform: Where to spool.
        sources: Those to ask; feeds that are not due are left alone.
        now: Present, naive UTC.
        wait_s: How long to wait for all of them together, seconds; what the caller does in between
            does not count.
        idle: Called when nobody is through and it has to wait.

    Raises:
        LedgerError: Nothing was asked.
    """
    left = wait_s
    due = due_sources(sources, platform.ledger, now=now)
    asked = [source for source in sources if source.source_id in due]
    for source in sources:
        if source.source_id not in due and not _is_busy(platform, source):
            yield Collected(source.source_id)
    through: SimpleQueue[Collected] = SimpleQueue()
    busy: dict[str, float] = {}
    while (asked or busy) and left > 0:
        began = time.monotonic()
        collected = None
        if asked and _may_start(busy):
            source = asked.pop()
            if _start(platform, source, now, through):
                busy[source.source_id] = began
        else:
            collected = _next(through, min(left, _LOOK_S) if asked else left, idle)
        left -= time.monotonic() - began
        if collected is not None:
            del busy[collected.source_id]
            yield collected


def _next(
    through: SimpleQueue[Collected], wait_s: float, idle: Callable[[], None]
) -> Collected | None:
    with suppress(Empty):
        return through.get_nowait()
    idle()
    with suppress(Empty):
        return through.get(timeout=wait_s)
    return None


def _may_start(busy: dict[str, float]) -> bool:
    """Hold back a little: a thousand sources at once would starve each other.

    One that has been busy for longer only waits, so it holds up nobody.
    """
    now = time.monotonic()
    return sum(now - began < _FIRST_S for began in busy.values()) < _STARTING


def _is_busy(platform: Platform, source: SourceConfig) -> bool:
    thread = _running.get((platform.home, source.source_id))
    return thread is not None and thread.is_alive()


def _start(
    platform: Platform, source: SourceConfig, now: datetime, through: SimpleQueue[Collected]
) -> bool:
    """Ask a source in a thread of its own; False when an earlier one is still busy with it."""

    def work() -> None:
        try:
            report = collect_source(platform, source, now=now)
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise it to
            through.put(Collected(source.source_id, error=repr(error)))
        else:
            through.put(Collected(source.source_id, report))

    with _guard:
        if _is_busy(platform, source):
            return False
        thread = threading.Thread(target=work, name=f"cbcr-source-{source.source_id}", daemon=True)
        _running[platform.home, source.source_id] = thread
        thread.start()
    return True
