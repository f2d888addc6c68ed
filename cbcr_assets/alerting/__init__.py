"""The alert engine: verdicts become episodes, episodes become messages, messages arrive.

Belongs here: episodes, routing, the store with its outbox, words, receivers.
Does not belong here: what is judged (that is SQL), and Dagster.
"""

from typing import TYPE_CHECKING

from cbcr_assets.lazy import imported_when_asked

if TYPE_CHECKING:
    from cbcr_assets.alerting.inputs import Ack, Silence, Unsilence
    from cbcr_assets.alerting.model import Evaluation, Links
    from cbcr_assets.alerting.reports import (
        AlertView,
        DeliveryReport,
        IngestReport,
        TickReport,
    )
    from cbcr_assets.alerting.service import AlertService, open_service
    from cbcr_assets.alerting.tables import StoreError

__all__ = [
    "Ack",
    "AlertService",
    "AlertView",
    "DeliveryReport",
    "Evaluation",
    "IngestReport",
    "Links",
    "Silence",
    "StoreError",
    "TickReport",
    "Unsilence",
    "open_service",
]

# Imported when first asked for: SQLAlchemy costs more than an idle pull.
_HOMES = {
    "Ack": "inputs",
    "Silence": "inputs",
    "Unsilence": "inputs",
    "Evaluation": "model",
    "Links": "model",
    "AlertView": "reports",
    "DeliveryReport": "reports",
    "IngestReport": "reports",
    "TickReport": "reports",
    "AlertService": "service",
    "open_service": "service",
    "StoreError": "tables",
}

__getattr__ = imported_when_asked(__name__, _HOMES)
