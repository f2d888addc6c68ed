"""What the models of component health are told: weights and thresholds, and how alerting does.

Belongs here: the entries of `state.settings` that `int_health_model` and `int_health_cbcr` read.
Does not belong here: what they mean.
"""

import json
from datetime import datetime

from cbcr_assets.warehouse.base import Session
from cbcr_assets.warehouse.stored import keep_setting

_MODEL = "health_model"
_TICK = "alert_tick"


def has_health_model(session: Session) -> bool:
    """Say whether a health model is stored."""
    return not session.query(f"select 1 from state.settings where name = '{_MODEL}'").is_empty()


def store_health_model(session: Session, text: str) -> None:
    """Store a health model as JSON (see `HealthModel.as_json`)."""
    keep_setting(session, _MODEL, text)


def store_tick(session: Session, *, age_s: float | None, now: datetime) -> None:
    """Store how old the last tick of the alert engine is.

    Args:
        session: Open session.
        age_s: Seconds since that tick; None: there never was one, and nothing is stored.
        now: When that was looked at, naive UTC.
    """
    if age_s is not None:
        keep_setting(
            session, _TICK, json.dumps({"told_at": now.isoformat(sep=" "), "age_s": age_s})
        )
