"""The configuration of a simulated fleet: cbcr.yaml, inventory.yaml, alerting.yaml.

Belongs here: their text. Does not belong here: what tools say (see `workspace`).
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cbcr_assets.simulator.machinery import LINKS
from cbcr_assets.simulator.model import Database, Fleet
from cbcr_assets.simulator.sources import Source
from cbcr_assets.simulator.write_cbcr import stamp
from cbcr_assets.simulator.write_info import stanza

_HEAD = "# A simulated fleet. Everything below is read like your own.\nsources:\n"
_TAIL = "inventory: inventory.yaml\nalerting: alerting.yaml\n"
_ALERTING = """# Everything goes to a file; what is critical is printed as well.
route:
  receiver: on-call-log
  routes:
    - matchers: ['severity="critical"']
      receiver: console
      continue: true
    - receiver: on-call-log

receivers:
  - {name: on-call-log, type: file, path: alerts.jsonl}
  - {name: console, type: console}

# What says the same twice is told once: a backup that never ended has failed, too.
inhibit_rules:
  - source_matchers: ['rule="backup_failed"']
    target_matchers: ['rule="backup_lost"']
    equal: [instance]
"""
_TIERS = """defaults:
  grace: 1h
tiers:
  gold: {tier: 1, rto: 4h, drill_every: 30d}
  silver: {tier: 2, rto: 8h, drill_every: 90d}
  bronze: {tier: 3, rto: 24h, drill_every: 180d}
instances:
"""
_TIER_NAMES = {1: "gold", 2: "silver", 3: "bronze"}


def write_config(fleet: Fleet, sources: Iterable[Source], directory: Path) -> Path:
    """Write the three files.

    Returns:
        The path of cbcr.yaml.
    """
    files = {
        "cbcr.yaml": _HEAD + "".join(source.text for source in sources) + _TAIL,
        "alerting.yaml": _ALERTING,
        # JSON is YAML, and one line an instance reads well.
        "inventory.yaml": _TIERS
        + "".join(f"  - {json.dumps(_instance(database))}\n" for database in fleet.databases),
    }
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory / "cbcr.yaml"


def _instance(database: Database) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "id": database.instance_id,
        "db_type": database.db_type,
        "host": database.host,
        "team": database.team,
        "tier": _TIER_NAMES[database.tier],
        "environment": database.environment,
        "timezone": database.timezone,
        "rpo": f"{database.rpo_s}s",
        "rto": f"{database.rto_s}s",
        "drill_every": f"{database.drill_every_s}s" if database.drill_every_s else None,
        "storage_volume": database.volume,
        "network_link": LINKS.get(database.volume),
        "protect_from": stamp(database.protect_from),
        "full_schedule": database.full_schedule,
        "incr_schedule": database.incr_schedule,
        "log_archiving": database.archives_log or None,
        "retired_at": stamp(database.retired_at) if database.retired_at else None,
    }
    away = database.maintenance
    if away:
        facts["exclusions"] = [
            {"start": stamp(away.start), "stop": stamp(away.stop), "reason": away.reason}
        ]
    if database.method == "physical":
        facts["aliases"] = [{"source": database.source, "name": stanza(database.instance_id)}]
    return {key: value for key, value in facts.items() if value is not None}
