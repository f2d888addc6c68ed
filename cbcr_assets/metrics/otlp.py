"""Pushing metrics by OTLP over HTTP, for those who have no SDK of OpenTelemetry set up.

Belongs here: a meter that pushes. Does not belong here: what is measured (`collector`).

Needs the extra `cbcr[otlp]`. A program that has an SDK already needs none of this: the collector
takes the global meter provider's meter.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.metrics import Meter


@contextmanager
def pushing_meter(
    endpoint: str,
    *,
    headers: Mapping[str, str] | None = None,
    every_s: float = 60.0,
    timeout_s: float = 10.0,
    attributes: Mapping[str, str] | None = None,
) -> Iterator[Meter]:
    """Yield a meter whose measurements are pushed every so often, and once more at the end.

    A receiver that does not answer loses metrics, never facts: those are files in the inbox.

    Args:
        endpoint: Whole address, such as `http://127.0.0.1:4318/v1/metrics`.
        headers: Such as `authorization`; take its value out of a secret, it is not logged.
        every_s: Seconds between two pushes.
        timeout_s: When a push gives up, seconds.
        attributes: Of the program, such as `service.name`.

    Raises:
        ImportError: The extra is not installed.
    """
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource

    exporter = OTLPMetricExporter(endpoint=endpoint, headers=dict(headers or {}), timeout=timeout_s)
    reader = PeriodicExportingMetricReader(
        exporter,
        export_interval_millis=every_s * 1_000,
        export_timeout_millis=timeout_s * 1_000,
    )
    resource = Resource.create({"service.name": "cbcr", **(attributes or {})})
    provider = MeterProvider(metric_readers=[reader], resource=resource, shutdown_on_exit=False)
    try:
        yield provider.get_meter("cbcr")
    finally:
        provider.shutdown(timeout_millis=timeout_s * 1_000)
