"""The health model in force: a user's own file, or what the warehouse holds while that is wrong.

Belongs here: bringing weights and thresholds to where the models read them.
Does not belong here: what they mean (see `cbcr_assets.config.health`).
"""

from cbcr_assets.config import ConfigError, load_health
from cbcr_assets.steps.in_force import accept, refuse
from cbcr_assets.steps.platform import Platform
from cbcr_assets.warehouse.base import Session
from cbcr_assets.warehouse.health import has_health_model, store_health_model


def sync_health_model(platform: Platform, session: Session) -> None:
    """Store the health model; one that is wrong is refused, and what was stored stays in force.

    Args:
        platform: Whose configuration is read.
        session: Open session on its live warehouse.
    """
    own = platform.config.health
    try:
        model = load_health(own)
    except ConfigError as error:
        if own is None:
            raise
        refuse(platform.home, own, str(error))
        if not has_health_model(session):
            store_health_model(session, load_health().as_json())
        return
    if own is not None:
        accept(platform.home, own)
    store_health_model(session, model.as_json())
