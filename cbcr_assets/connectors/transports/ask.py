"""Asking feeds side by side, none of which can hold up the others.

Belongs here: a thread for each feed, its deadline, and the choice of the transport.
Does not belong here: what is done with an answer (see `collect`).

The threads touch neither spool nor ledger: what a feed says too late is dropped and read again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from cbcr_assets.connectors.transports.again import until_answered
from cbcr_assets.connectors.transports.answer import Answer
from cbcr_assets.connectors.transports.command import read_command
from cbcr_assets.connectors.transports.file import read_logs
from cbcr_assets.connectors.transports.objects import read_objects

if TYPE_CHECKING:
    from cbcr_assets.config import FeedConfig

_GRACE_S = 3.0  # on top of a feed's time-out, for ending what hangs

# Feeds whose thread of an earlier collection has not come back (a dead NFS mount, say).
_hanging: dict[str, threading.Thread] = {}


def ask(
    feeds: Mapping[str, FeedConfig],
    states: Mapping[str, Mapping[str, Any]],
    *,
    source_id: str,
    tool: str,
    now: datetime,
    environ: Mapping[str, str],
) -> Iterator[tuple[str, Answer]]:
    """Read all feeds side by side and yield each answer as it comes."""
    answers: SimpleQueue[tuple[str, Answer]] = SimpleQueue()
    began = time.monotonic()
    deadlines = {}
    for key, feed in feeds.items():
        if key in _hanging and _hanging[key].is_alive():
            yield key, Answer(error=f"{_named(feed)}: the last reading still hangs")
            continue
        cursor = dict(states[key].get("cursor", {}))
        thread = threading.Thread(
            target=lambda k=key, f=feed, c=cursor: answers.put(
                (k, _read(f, c, source_id, tool, now, environ))
            ),
            name=f"cbcr-feed-{key}",
            daemon=True,
        )
        _hanging[key] = thread
        deadlines[key] = began + feed.timeout_s + _GRACE_S
        thread.start()
    while deadlines:
        left = min(deadlines.values()) - time.monotonic()
        try:
            key, answer = answers.get(timeout=max(left, 0.0))
        except Empty:
            for key in [k for k, end in deadlines.items() if end <= time.monotonic()]:
                del deadlines[key]
                feed = feeds[key]
                yield key, Answer(error=f"{_named(feed)}: no answer after {feed.timeout_s:g} s")
            continue
        if deadlines.pop(key, None) is not None:
            _hanging.pop(key, None)
            yield key, answer


def _read(
    feed: FeedConfig,
    cursor: Mapping[str, Any],
    source_id: str,
    tool: str,
    now: datetime,
    environ: Mapping[str, str],
) -> Answer:
    try:
        if feed.command:
            return until_answered(
                lambda left: read_command(
                    feed.command or (),
                    last_sha256=cursor.get("sha256"),
                    timeout_s=left,
                    environ=environ,
                ),
                timeout_s=feed.timeout_s,
            )
        if feed.file:
            return read_logs(feed.file, kind=feed.kind or "", cursor=cursor)
        if feed.objects:
            return until_answered(
                lambda _: read_objects(feed.objects or "", source_id=source_id, cursor=cursor),
                timeout_s=feed.timeout_s,
            )
        if feed.http:
            return _read_http(feed, tool, cursor, now, environ)
        return _read_sql(feed, cursor, now, environ)
    except Exception as error:  # noqa: BLE001 - one feed's fault must not stop the others
        # Only the type: the text of an unforeseen error may hold the feed's address.
        return Answer(error=f"{_named(feed)}: unforeseen {type(error).__name__}", cursor=cursor)


def _read_sql(
    feed: FeedConfig, cursor: Mapping[str, Any], now: datetime, environ: Mapping[str, str]
) -> Answer:
    # SQLAlchemy costs a third of a second of import: only who has such a feed pays it.
    from cbcr_assets.config.values import SecretRef
    from cbcr_assets.connectors.transports.sql import read_table

    url = feed.sql or ""
    if url.startswith(("env:", "file:")):
        try:
            url = SecretRef(url).resolve(environ)
        except ValueError as error:
            return Answer(error=f"{_named(feed)}: {error}", cursor=cursor)
    return until_answered(
        lambda left: read_table(url, kind=feed.kind or "", cursor=cursor, now=now, timeout_s=left),
        timeout_s=feed.timeout_s,
    )


def _read_http(
    feed: FeedConfig,
    tool: str,
    cursor: Mapping[str, Any],
    now: datetime,
    environ: Mapping[str, str],
) -> Answer:
    # So does httpx.
    from cbcr_assets.config.values import SecretRef
    from cbcr_assets.connectors.transports.http import Target, read_http
    from cbcr_assets.connectors.transports.prometheus import read_prometheus

    try:
        bearer = SecretRef(feed.bearer).resolve(environ) if feed.bearer else None
    except ValueError as error:
        return Answer(error=f"{_named(feed)}: {error}", cursor=cursor)
    deadline = time.monotonic() + feed.timeout_s
    target = Target(feed.http or "", bearer, feed.ca_file, deadline)
    if tool == "prometheus":
        return read_prometheus(target, kind=feed.kind or "", cursor=cursor, now=now)
    return read_http(target, kind=feed.kind or "", last_sha256=cursor.get("sha256"))


def _named(feed: FeedConfig) -> str:
    """Name a feed without its arguments or address."""
    if feed.command:
        return f"command {feed.command[0]}"
    if feed.http:
        return f"http {feed.http}"
    if feed.objects:
        return f"objects {feed.objects}"
    return f"file {feed.file}" if feed.file else f"SQL feed {feed.kind}"
