"""Configuration: cbcr.yaml, the inventory, the alerting policy, the health model; exact errors.

Belongs here: models of these files and the values in them.
Does not belong here: what is done with them; nothing here opens a warehouse or a network.
"""

from typing import TYPE_CHECKING

from cbcr_assets.config.feeds import TOOLS
from cbcr_assets.config.main import Config, FeedConfig, SourceConfig, home_of, load_config
from cbcr_assets.config.problems import ConfigError, Problem, Refused
from cbcr_assets.lazy import imported_when_asked

if TYPE_CHECKING:
    from cbcr_assets.config.alerting import Policy, load_policy
    from cbcr_assets.config.health import HealthModel, load_health
    from cbcr_assets.config.inventory import Instance, Inventory, load_inventory
    from cbcr_assets.config.schedule import expand_schedules, has_run

__all__ = [
    "TOOLS",
    "Config",
    "ConfigError",
    "FeedConfig",
    "HealthModel",
    "Instance",
    "Inventory",
    "Policy",
    "Problem",
    "Refused",
    "SourceConfig",
    "expand_schedules",
    "has_run",
    "home_of",
    "load_config",
    "load_health",
    "load_inventory",
    "load_policy",
]

# Imported when first asked for: what reads the other files costs more than an idle pull.
_HOMES = {
    "Policy": "alerting",
    "load_policy": "alerting",
    "HealthModel": "health",
    "load_health": "health",
    "Instance": "inventory",
    "Inventory": "inventory",
    "load_inventory": "inventory",
    "expand_schedules": "schedule",
    "has_run": "schedule",
}

__getattr__ = imported_when_asked(__name__, _HOMES)
