"""Prometheus: range queries in windows that lie on the step, from where the last reading ended.

Belongs here: which series a kind needs, windows, the cursor.
Does not belong here: the request (`http`), what the samples mean (the prometheus connector).

Samples may come late and a reading may fall between two scrapes: each reading asks again for the
last `OVERLAP` steps. A sample is known by its series and time, so that changes nothing.
"""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cbcr_assets.connectors.transports.answer import Answer, Piece
from cbcr_assets.connectors.transports.http import HttpProblem, Target, fetch
from cbcr_assets.connectors.transports.json_text import canonical, strict_json

STEP_S = 60
"""Seconds between two samples of a series."""

POINTS = 240
"""Points of a window: far below the 11,000 that Prometheus allows, so answers stay small."""

WINDOWS = 12
"""Most windows of one reading; the next one goes on from there."""

OVERLAP = 2
"""Steps that are asked for again."""

_FIRST = timedelta(days=1)
_EPOCH = datetime.fromisoformat("1970-01-01")
_PSEUDO = "tmpfs|devtmpfs|overlay|squashfs|ramfs|iso9660|autofs|fuse.lxcfs|nsfs"
_DISKS = f'{{fstype!~"{_PSEUDO}"}}'
_LINKS = '{device!="lo"}'

QUERIES: Mapping[str, Mapping[str, str]] = {
    "storage": {
        "size": f"node_filesystem_size_bytes{_DISKS}",
        "avail": f"node_filesystem_avail_bytes{_DISKS}",
        "free": f"node_filesystem_free_bytes{_DISKS}",
    },
    "network": {
        "rx": f"rate(node_network_receive_bytes_total{_LINKS}[5m])",
        "tx": f"rate(node_network_transmit_bytes_total{_LINKS}[5m])",
        "speed": f"node_network_speed_bytes{_LINKS}",
    },
    "queue": {
        "depth": "backup_queue_depth",
        "oldest_wait": "backup_queue_oldest_wait_seconds",
        "done": "rate(backup_queue_done_total[5m])",
    },
    "workers": {
        "busy": "backup_workers_busy",
        "total": "backup_workers_total",
        "heartbeat": "backup_workers_last_heartbeat_timestamp_seconds",
    },
}
"""PromQL by kind and by the name that the connector knows; each kind asks for `up` as well."""


def read_prometheus(
    target: Target, *, kind: str, cursor: Mapping[str, Any], now: datetime
) -> Answer:
    """Read the samples of a kind since the last reading.

    Args:
        target: Address of the server, without a path of its API.
        kind: A key of `QUERIES`.
        cursor: `Answer.cursor` of the last reading, empty at first.
        now: Present, naive UTC.
    """
    began = time.monotonic()
    last = _aligned(now)
    start = int(cursor.get("end", _aligned(now - _FIRST))) - OVERLAP * STEP_S
    pieces: list[Piece] = []
    error = None
    while start <= last and len(pieces) < WINDOWS:
        end = min(start + (POINTS - 1) * STEP_S, last)
        try:
            payload = _window(target, kind, start, end)
        except HttpProblem as problem:
            error = f"{target.url}: {problem}"
            break
        pieces.append(Piece(payload, cursor={"end": end}))
        start = end + STEP_S
    reached = pieces[-1].cursor if pieces else None
    return Answer(
        news=tuple(pieces),
        cursor=reached or cursor,
        error=error,
        elapsed_s=time.monotonic() - began,
    )


def _window(target: Target, kind: str, start: int, end: int) -> str:
    answers = {
        name: _asked(target, query, start, end)
        for name, query in {**QUERIES[kind], "up": "up"}.items()
    }
    return canonical({"start": start, "end": end, "step": STEP_S, "answers": answers})


def _asked(target: Target, query: str, start: int, end: int) -> Any:
    asked = Target(
        f"{target.url.rstrip('/')}/api/v1/query_range",
        target.bearer,
        target.ca_file,
        target.deadline,
    )
    params = {"query": query, "start": str(start), "end": str(end), "step": str(STEP_S)}
    try:
        return strict_json(fetch(asked, params))
    except ValueError as error:
        raise HttpProblem(f"its answer is no JSON ({error}); is it a Prometheus?") from None


def _aligned(moment: datetime) -> int:
    return int((moment - _EPOCH).total_seconds()) // STEP_S * STEP_S
