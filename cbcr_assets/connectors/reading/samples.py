"""Samples of utilisation as node_exporter and its like name them, to rows of the raw tables.

Belongs here: what a volume, link, queue and pool is called, and the arithmetic of df.
Does not belong here: where the values come from (`prometheus`, `openmetrics`).
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from cbcr_assets.connectors.reading.record import Row
from cbcr_assets.connectors.reading.refusal import Refused
from cbcr_assets.connectors.transports.text import storable

Values = Mapping[str, float]
Labels = Mapping[str, str]
_INT64 = 2**63


def _at(labels: Labels, *names: str) -> str:
    """Name a thing by its host and its own name; what has no host is its own name."""
    own = next((labels[name] for name in names if labels.get(name)), "default")
    host = labels.get("instance")
    return storable(f"{host}:{own}" if host else own)


def _bytes(value: float, name: str) -> int:
    if not 0 <= value < _INT64:
        raise Refused("range", f"{name} {value:g} is no number of bytes")
    return int(value)


def _storage(volume: str, values: Values) -> tuple[str, Row]:
    size, avail = (_bytes(values[name], name) for name in ("size", "avail"))
    free = _bytes(values["free"], "free") if "free" in values else None
    if max(avail, free or 0) > size:
        raise Refused("range", f"more bytes are available ({avail}) than there are ({size})")
    return "storage_samples", {
        "volume": volume,
        "size_bytes": size,
        "avail_bytes": avail,
        "used_bytes": size - (avail if free is None else free),
    }


def _network(link: str, values: Values) -> tuple[str, Row]:
    speed = values.get("speed", -1.0)
    if min(values["rx"], values["tx"]) < 0:
        raise Refused("range", f"a rate is not negative: {values['rx']:g} and {values['tx']:g}")
    return "network_samples", {
        "link": link,
        "rx_bytes_s": values["rx"],
        "tx_bytes_s": values["tx"],
        "capacity_bytes_s": speed if speed > 0 else None,
    }


def _queue(queue: str, values: Values) -> tuple[str, Row]:
    row: Row = {"queue": queue, "depth": _bytes(values["depth"], "depth")}
    for name, column in (("oldest_wait", "oldest_wait_s"), ("done", "done_per_s")):
        if values.get(name, 0.0) < 0:
            raise Refused("range", f"{name} is not negative: {values[name]:g}")
        row[column] = values.get(name)
    return "queue_samples", row


def _workers(pool: str, values: Values) -> tuple[str, Row]:
    total = values.get("total")
    return "worker_samples", {
        "pool": pool,
        "busy": _bytes(values["busy"], "busy"),
        "total": None if total is None else _bytes(total, "total"),
        "last_heartbeat_at": _moment(values.get("heartbeat"), "heartbeat"),
    }


def _moment(seconds: float | None, name: str) -> datetime | None:
    """Read seconds since 1970; zero is what exporters tell before the first one."""
    if not seconds:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        raise Refused("timestamp", f"{name} {seconds:g} is no moment in seconds") from None


Builder = tuple[Callable[[Labels], str], frozenset[str], Callable[[str, Values], tuple[str, Row]]]

BUILDERS: Mapping[str, Builder] = {
    "storage": (lambda at: _at(at, "mountpoint"), frozenset({"size", "avail"}), _storage),
    "network": (lambda at: _at(at, "device"), frozenset({"rx", "tx"}), _network),
    "queue": (lambda at: _at(at, "queue"), frozenset({"depth"}), _queue),
    "workers": (lambda at: _at(at, "pool"), frozenset({"busy"}), _workers),
}
"""By kind: the name of what was measured, the values that are needed, and the row."""
