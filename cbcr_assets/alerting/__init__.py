"""The alert engine: verdicts become episodes, episodes become messages, messages arrive.

Belongs here: states, routing, the store with its outbox, rendering, delivery.
Does not belong here: what is judged (SQL rules), Dagster.
"""

from cbcr_assets.alerting.model import (
    AlertView,
    DeliveryReport,
    Evaluation,
    IngestReport,
    Links,
    TickReport,
)
from cbcr_assets.alerting.service import AlertService, open_service

__all__ = [
    "AlertService",
    "AlertView",
    "DeliveryReport",
    "Evaluation",
    "IngestReport",
    "Links",
    "TickReport",
    "open_service",
]
