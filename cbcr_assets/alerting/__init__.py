"""The alert engine: verdicts become episodes, episodes become messages, messages arrive.

Belongs here: episodes, routing, the store with its outbox, words, receivers.
Does not belong here: what is judged (that is SQL), and Dagster.
"""

from cbcr_assets.alerting.inputs import Ack, Silence, Unsilence
from cbcr_assets.alerting.model import Evaluation, Links
from cbcr_assets.alerting.reports import AlertView, DeliveryReport, IngestReport, TickReport
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
