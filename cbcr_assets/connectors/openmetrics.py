"""Metrics scraped directly: what node_exporter and its like serve as text, without a Prometheus.

Belongs here: kind metrics, to samples of storage, network, queues and workers.
Does not belong here: range answers of a Prometheus (`prometheus`).

Choices:
- Names are those that Prometheus would store, and so is the arithmetic (`reading.samples`). What is
  no such metric is left alone.
- A volume, link, queue or pool is named HOST:NAME by the envelope's host.
- Counters need the scrape before: it is carried along the stream. After a restart (a counter that
  fell) there is no rate for that interval, and none before the second scrape.
"""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.reading.dispatch import dispatch
from cbcr_assets.connectors.reading.record import Harvest, Record, Row
from cbcr_assets.connectors.reading.refusal import Refused
from cbcr_assets.connectors.reading.samples import BUILDERS, Values
from cbcr_assets.connectors.transports.json_text import canonical

_GAUGES = {
    "node_filesystem_size_bytes": ("storage", "size"),
    "node_filesystem_avail_bytes": ("storage", "avail"),
    "node_filesystem_free_bytes": ("storage", "free"),
    "node_network_speed_bytes": ("network", "speed"),
    "backup_queue_depth": ("queue", "depth"),
    "backup_queue_oldest_wait_seconds": ("queue", "oldest_wait"),
    "backup_workers_busy": ("workers", "busy"),
    "backup_workers_total": ("workers", "total"),
    "backup_workers_last_heartbeat_timestamp_seconds": ("workers", "heartbeat"),
}
_COUNTERS = {
    "node_network_receive_bytes_total": "rx",
    "node_network_transmit_bytes_total": "tx",
}
_PSEUDO = frozenset(
    {"tmpfs", "devtmpfs", "overlay", "squashfs", "ramfs", "iso9660", "autofs", "fuse.lxcfs", "nsfs"}
)
_LONGEST_CARRY = 1_000_000

Subject = tuple[str, str]


class OpenMetrics:
    """Reads the text of an exporter (docs/tools/openmetrics.md)."""

    tool = "openmetrics"
    kinds = frozenset({"metrics"})

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        readers = {"metrics": partial(_parse, carry=carry)}
        return dispatch(envelope, readers, tool=self.tool, carry=carry)


def _parse(envelope: Envelope, carry: str) -> Parsed:
    joined: dict[Subject, dict[str, float]] = {}
    counters: dict[str, float] = {}
    host = envelope.host
    for name, labels, value in _samples(envelope):
        labels = {"instance": host, **labels}
        if name in _GAUGES and labels.get("fstype") not in _PSEUDO:
            kind, part = _GAUGES[name]
            joined.setdefault((kind, BUILDERS[kind][0](labels)), {})[part] = value
        elif name in _COUNTERS and labels.get("device") != "lo":
            link = BUILDERS["network"][0](labels)
            counters[f"{_COUNTERS[name]} {link}"] = value
    for (part, link), rate in _rates(counters, carry, envelope.finished_at).items():
        joined.setdefault(("network", link), {})[part] = rate
    harvest = Harvest(envelope)
    for (kind, subject), values in sorted(joined.items()):
        if BUILDERS[kind][1] <= values.keys():
            harvest.take({}, f"{kind} {subject}", partial(_row, kind, subject, values))
    if not joined and not counters:
        raise Refused("metrics", "none of its metrics is one that CBCR reads; see docs/tools")
    kept = canonical({"at": envelope.finished_at.isoformat(), "counters": counters})
    return harvest.parsed(carry=kept if envelope.stream and len(kept) < _LONGEST_CARRY else "")


def _samples(envelope: Envelope) -> Iterable[tuple[str, Mapping[str, str], float]]:
    """Return the samples of the text; one bad line makes it no exposition at all."""
    found = []
    try:
        for family in text_string_to_metric_families(envelope.payload):
            found += [(s.name, s.labels, s.value) for s in family.samples]
    except Exception as error:  # noqa: BLE001 - the parser documents none of its errors
        raise Refused("metrics", f"it is no text exposition ({str(error)[:100]})") from None
    return [sample for sample in found if math.isfinite(sample[2])]


def _row(kind: str, subject: str, values: Values, record: Record) -> tuple[str, Row]:
    table, row = BUILDERS[kind][2](subject, values)
    return table, row | {"sampled_at": record.said_at}


def _rates(
    counters: Mapping[str, float], carry: str, now: datetime
) -> dict[tuple[str, str], float]:
    """Return what each counter grew by per second since the scrape before."""
    try:
        before: dict[str, Any] = json.loads(carry) if carry else {}
        seconds = (now - datetime.fromisoformat(before["at"])).total_seconds()
    except (ValueError, KeyError, TypeError):
        return {}
    rates = {}
    for key, value in counters.items():
        then = before.get("counters", {}).get(key)
        if isinstance(then, (int, float)) and value >= then and seconds > 0:
            part, _, link = key.partition(" ")
            rates[part, link] = (value - then) / seconds
    return rates
