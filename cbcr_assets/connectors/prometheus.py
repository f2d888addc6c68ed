"""Prometheus: samples of storage, network, queues and workers out of its range answers.

Belongs here: joining the series of a kind by their labels and times.
Does not belong here: asking (`transports.prometheus`), or a user's own text (`openmetrics`).

Choices:
- A volume is INSTANCE:MOUNTPOINT, a link INSTANCE:DEVICE, so the inventory can name them.
- used = size - free, as df counts it: what is reserved for root is neither used nor available.
- NaN is no sample; a gap stays a gap. A sample that lacks its other half (size without avail) at
  that very moment is no sample either.
- A negative speed is an unknown one.
- An exporter that is down is not "no data": what there is, is kept, and the reading is not good.
  Exporters of other jobs than those that gave samples do not matter, unless none gave any.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.reading.dispatch import dispatch
from cbcr_assets.connectors.reading.document import json_document
from cbcr_assets.connectors.reading.record import Harvest, Record, Row
from cbcr_assets.connectors.reading.refusal import Refused, brief
from cbcr_assets.connectors.reading.samples import BUILDERS, Values

Key = tuple[str, float]
_SHOWN = 5


class Prometheus:
    """Reads range answers of Prometheus' HTTP API (docs/tools/prometheus.md)."""

    tool = "prometheus"
    kinds = frozenset(BUILDERS)

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        del carry  # whole documents only
        return dispatch(envelope, dict.fromkeys(self.kinds, _parse), tool=self.tool)


def _parse(envelope: Envelope) -> Parsed:
    document = json_document(envelope)
    answers = document.get("answers") if isinstance(document, dict) else None
    if not isinstance(answers, dict):
        raise Refused("type", f"it has no answers, but {brief(document)}")
    subject, needed, build = BUILDERS[envelope.kind]
    joined: dict[Key, dict[str, float]] = {}
    jobs: set[str] = set()
    for name, answer in answers.items():
        if name == "up":
            continue
        for labels, at, value in _samples(answer, name):
            jobs.add(labels.get("job", "?"))
            joined.setdefault((subject(labels), at), {})[name] = value
    harvest = Harvest(envelope)
    for (name, at), values in sorted(joined.items()):
        if needed <= values.keys():
            harvest.take({}, f"{name}@{at:g}", _Sample(build, name, at, values))
    down = sorted(_down(answers.get("up"), jobs))
    if down:
        more = f" and {len(down) - _SHOWN} more" if len(down) > _SHOWN else ""
        return harvest.parsed(
            ok=False, error=f"exporters are down: {', '.join(down[:_SHOWN])}{more}"
        )
    return harvest.parsed()


class _Sample:
    """Builds one row of one moment."""

    def __init__(self, build: Any, name: str, at: float, values: Values) -> None:
        self._build, self._name, self._at, self._values = build, name, at, values

    def __call__(self, record: Record) -> tuple[str, Row]:
        at = Record({"time": self._at}, "UTC", record.latest, record.said_at).past("time")
        table, row = self._build(self._name, self._values)
        return table, row | {"sampled_at": at}


def _samples(answer: Any, name: str) -> Iterator[tuple[Mapping[str, str], float, float]]:
    """Yield labels, epoch seconds and value of every finite sample of an answer."""
    for series in _result(answer, name):
        labels, values = series.get("metric"), series.get("values")
        if not _are_labels(labels) or not isinstance(values, list):
            raise Refused("type", f"{name}: a series has metric and values, not {brief(series)}")
        for item in values:
            at, value = _point(item, name)
            if math.isfinite(value):
                yield labels, at, value


def _are_labels(labels: Any) -> TypeGuard[dict[str, str]]:
    return isinstance(labels, dict) and all(isinstance(text, str) for text in labels.values())


def _result(answer: Any, name: str) -> list[Any]:
    if isinstance(answer, dict) and answer.get("status") == "error":
        raise Refused("prometheus", f"{name}: {brief(answer.get('error'), 300)}")
    data = answer.get("data") if isinstance(answer, dict) else None
    result = data.get("result") if isinstance(data, dict) else None
    if not isinstance(result, list) or not all(isinstance(series, dict) for series in result):
        raise Refused("type", f"{name} is no answer of query_range, but {brief(answer)}")
    return result


def _point(item: Any, name: str) -> tuple[float, float]:
    try:
        at, text = item
        point = float(at), float(text)
    except (TypeError, ValueError, OverflowError):
        raise Refused("type", f"{name}: {brief(item)} is no sample") from None
    if not math.isfinite(point[0]):
        raise Refused("timestamp", f"{name}: {brief(item)} has no time")
    return point


def _down(answer: Any, jobs: set[str]) -> Iterator[str]:
    """Yield targets of these jobs, of all if there are none, that were down at the end."""
    if answer is None:
        return
    newest: dict[str, tuple[float, float]] = {}
    for labels, at, value in _samples(answer, "up"):
        job = labels.get("job", "?")
        if jobs and job not in jobs:
            continue
        target = f"{job}/{labels.get('instance', '?')}"
        newest[target] = max(newest.get(target, (at, value)), (at, value))
    last = max((at for at, _ in newest.values()), default=0.0)
    yield from (name for name, (at, value) in newest.items() if at == last and value == 0)
