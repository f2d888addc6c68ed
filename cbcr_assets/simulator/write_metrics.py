"""Samples of pools, queues and links as range answers of a Prometheus.

Belongs here: their JSON. Does not belong here: the samples (see `machinery`), envelopes.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC
from typing import Any

from cbcr_assets.simulator.machinery import Point

# The label that tells a thing from others of its host.
_OWN_NAME = {"workers": "pool", "queue": "queue", "network": "device"}


def range_answers(points: Iterable[Point]) -> dict[str, dict[str, Any]]:
    """Return the payload of each kind: the answers to its queries."""
    series: dict[tuple[str, str, str], list[list[Any]]] = defaultdict(list)
    for point in points:
        epoch = round(point.at.replace(tzinfo=UTC).timestamp())
        series[point.kind, point.name, point.subject].append([epoch, f"{point.value:.15g}"])
    payloads: dict[str, dict[str, Any]] = {}
    for (kind, name, subject), values in series.items():
        answers = payloads.setdefault(kind, {"answers": {"up": _answer([])}})["answers"]
        host, _, own = subject.partition(":")
        labels = {"instance": host, "job": "backup", _OWN_NAME[kind]: own}
        result = answers.setdefault(name, _answer([]))["data"]["result"]
        result.append({"metric": labels, "values": values})
    return payloads


def _answer(result: list[Any]) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}
