"""Metrics: recording them from backup programs, and serving the state of the fleet.

Belongs here: `MetricsCollector` and the OpenMetrics endpoint. Does not belong here: reading other
monitoring systems (`connectors`), evaluating rules (the models).
"""

from cbcr_assets.metrics.collector import MetricsCollector

__all__ = ["MetricsCollector"]
