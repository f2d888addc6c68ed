"""Fixtures of the Dagster tests: a small configured platform in a folder of its own."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cbcr_assets.steps.platform import Platform, open_platform

CONFIG = """
sources:
  agents:
    tool: cbcr
    every: 5s
    stale_after: 2h
    feeds: [{drop: inbox}]
inventory: inventory.yaml
alerting: alerting.yaml
"""
INVENTORY = """
instances:
  - {id: orders, db_type: postgresql, team: payments, tier: 1, rpo: 1h, rto: 1h}
"""
ALERTING = """
route: {receiver: log}
receivers:
  - {name: log, type: file, path: alerts.jsonl}
"""
# Stands in for dbt's view: the watch lane reads whatever `sla.sla_<rule>` says.
RULE = """create or replace view sla.sla_{rule} as
select '{rule}' as rule, 'instance' as subject_kind, 'orders' as subject_id,
  '{status}' as status, 'critical' as severity, 90.0 as value, 60.0 as objective, 's' as unit,
  timestamp '2026-01-01' as since, null::timestamp as changes_at, 'payments' as team,
  '{{"instance": "orders"}}' as labels, 'orders is late' as summary, 'docs/x.md' as runbook"""


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A platform with one drop source and one instance; no model is built."""
    (tmp_path / "cbcr.yaml").write_text(CONFIG)
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "alerting.yaml").write_text(ALERTING)
    monkeypatch.setenv("CBCR_CONFIG", str(tmp_path / "cbcr.yaml"))
    monkeypatch.delenv("CBCR_HOME", raising=False)
    return open_platform()


@pytest.fixture
def set_rule(platform: Platform) -> Callable[[str, str], None]:
    """Make a rule say something about the one instance."""

    def set_one(rule: str, status: str) -> None:
        with platform.warehouse.write() as session:
            session.execute("create schema if not exists sla")
            session.execute(RULE.format(rule=rule, status=status))

    return set_one


@pytest.fixture
def drop(platform: Platform) -> Callable[..., Path]:
    """Drop an envelope with a payload for the source `agents`."""
    inbox = platform.config.file.parent / "inbox" / "agents"

    def drop_one(kind: str, payload: Any, *, name: str = "1", age_s: float = 0) -> Path:
        folder = inbox / kind
        folder.mkdir(parents=True, exist_ok=True)
        at = (datetime.now(UTC) - timedelta(seconds=age_s)).isoformat()
        envelope = {
            "source_id": "agents", "tool": "cbcr", "host": "h", "tz": "UTC", "rc": 0,
            "started_at": at, "finished_at": at, "payload": payload,
            "stream": "jobs" if kind == "job_log" else "",
        }  # fmt: skip
        path = folder / f"2026-{name}-{kind}.json"
        path.write_text(payload if kind == "broken" else json.dumps(envelope))
        return path

    return drop_one


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in memory."""
    with dg.DagsterInstance.ephemeral() as one:
        yield one
