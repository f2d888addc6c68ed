"""The watch lane: inventory, pulling, evaluating the SLA rules.

Belongs here: the order of these steps, and the small state files between them.
Does not belong here: what there is to read (see `news`), alert delivery (`alerts`), dbt, Dagster.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from cbcr_assets.config import ConfigError, expand_schedules, load_inventory
from cbcr_assets.connectors.pull import pull
from cbcr_assets.connectors.pull_report import PullReport
from cbcr_assets.connectors.registry import connector
from cbcr_assets.connectors.transports.drop import OfferedFile
from cbcr_assets.steps.health import health
from cbcr_assets.steps.health_model import sync_health_model
from cbcr_assets.steps.in_force import accept, refusals, refuse
from cbcr_assets.steps.inventory_sql import inventory_files
from cbcr_assets.steps.news import (
    collect_source,
    health_files,
    inventory_news,
    inventory_state,
    offered_files,
)
from cbcr_assets.steps.platform import DBT_PROJECT, Platform
from cbcr_assets.warehouse.inventory import InventoryReport, scheduled_until, store_inventory
from cbcr_assets.warehouse.sla import SlaEvaluation, evaluate, store

__all__ = [
    "NextChange",
    "collect_source",
    "configuration_mark",
    "evaluate_rules",
    "next_change",
    "offered_files",
    "pull_source",
    "rules",
    "sync_inventory",
]

_SCHEDULE_BACK = timedelta(days=400)
_SCHEDULE_AHEAD = timedelta(days=8)
_STAMP = "%Y%m%dT%H%M%S.%fZ"


def rules() -> tuple[str, ...]:
    """Return the names of all SLA rules: one file `sla_<rule>.sql` each."""
    folder = DBT_PROJECT / "models" / "sla"
    return tuple(sorted(path.stem.removeprefix("sla_") for path in folder.glob("sla_*.sql")))


def sync_inventory(platform: Platform, *, now: datetime) -> InventoryReport | None:
    """Store the inventory if it or cbcr.yaml changed, and once a day for the schedules ahead.

    Returns:
        What changed, or None when the stored inventory is current.

    Raises:
        ConfigError: The inventory is wrong; the stored one stays in force.
        WarehouseError: It could not be stored.
    """
    news = inventory_news(platform, now=now)
    if news is None:
        return None
    config, (file, fingerprint) = platform.config, news
    state = inventory_state(platform)
    try:
        inventory = load_inventory(file, sources=config.sources)
    except ConfigError as error:
        refuse(platform.home, config.inventory, str(error))
        _write_atomically(state, fingerprint)  # the same mistake is not read again and again
        raise
    accept(platform.home, config.inventory)
    with platform.warehouse.write() as session:
        scheduled = expand_schedules(
            inventory,
            start=now - _SCHEDULE_BACK,
            until=now + _SCHEDULE_AHEAD,
            known=scheduled_until(session, now=now),
        )
        frames = inventory.frames(config.sources)
        report = store_inventory(session, frames, scheduled, now=now)
        sync_health_model(platform, session)
    _write_atomically(state, fingerprint)
    return report


def pull_source(platform: Platform, source_id: str, *, now: datetime) -> PullReport:
    """Read what a source offers into the warehouse.

    Raises:
        KeyError: There is no such source.
        WarehouseError: Nothing was stored; the files stay on offer.
    """
    source = platform.config.sources[source_id]
    files = offered_files(platform, source)
    if not files:
        return PullReport(source_id, 0, (), 0, 0, ())
    return pull(
        platform.warehouse,
        source_id,
        connector(source.tool),
        files,
        timezone=source.timezone,
        now=now,
        acknowledge=lambda done: _acknowledge(platform, done),
    )


def evaluate_rules(platform: Platform, *, now: datetime) -> SlaEvaluation:
    """Evaluate every rule at `now`, keep the verdicts and hand them towards the alert engine.

    Raises:
        WarehouseError: The warehouse could not be opened.
    """
    evaluation_id = now.strftime(_STAMP)
    with platform.warehouse.live(as_of=now) as session:
        evaluation = evaluate(session, rules=rules(), evaluation_id=evaluation_id, now=now)
        store(session, evaluation)
    config = platform.config
    own = health(
        evaluation,
        refused=refusals(platform.home),
        files={
            file.name
            for file in (
                config.file,
                *inventory_files(platform),
                *health_files(platform),
                config.alerting,
            )
        },
    )
    _write_evaluation(platform.evaluations, evaluation, own)
    _write_next_change(platform, evaluation)
    return evaluation


@dataclass(frozen=True)
class NextChange:
    """When to look again although nothing arrived.

    Attributes:
        evaluated_at: The newest evaluation, naive UTC.
        changes_at: When a status changes if nothing arrives, naive UTC; None: never.
        configuration: What it was evaluated with (see `configuration_mark`).
    """

    evaluated_at: datetime
    changes_at: datetime | None
    configuration: str = ""


def next_change(platform: Platform) -> NextChange | None:
    """Return what the newest evaluation said about the next change; None before the first."""
    try:
        data = json.loads(platform.next_change.read_text(encoding="utf-8"))
        changes_at = data["changes_at"]
        return NextChange(
            datetime.fromisoformat(data["evaluated_at"]),
            None if changes_at is None else datetime.fromisoformat(changes_at),
            data["configuration"],
        )
    except (OSError, ValueError, KeyError):
        return None


def configuration_mark(platform: Platform) -> str:
    """Return what changes with the text, or the refusal, of a configuration file."""
    config = platform.config
    digest = hashlib.sha256("\x00".join(sorted(refusals(platform.home))).encode())
    for file in (config.file, *inventory_files(platform), *health_files(platform)):
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()[:16]


def _write_evaluation(folder: Path, evaluation: SlaEvaluation, own: pl.DataFrame) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    frames = [verdicts.rows for verdicts in evaluation.rules]
    partial = folder / f"{evaluation.evaluation_id}.partial"
    pl.concat([*frames, own]).write_parquet(partial)
    partial.replace(folder / f"{evaluation.evaluation_id}.parquet")


def _write_next_change(platform: Platform, evaluation: SlaEvaluation) -> None:
    moments = (row for verdicts in evaluation.rules for row in verdicts.rows["changes_at"])
    # A moment that has passed already cannot be waited for; it would ask again for ever.
    ahead = min((m for m in moments if m is not None and m > evaluation.evaluated_at), default=None)
    content = {
        "evaluated_at": evaluation.evaluated_at.isoformat(),
        "changes_at": None if ahead is None else ahead.isoformat(),
        "configuration": configuration_mark(platform),
    }
    _write_atomically(platform.next_change, json.dumps(content))


def _acknowledge(platform: Platform, files: Sequence[OfferedFile]) -> None:
    """Remember what is stored, then clear it away where that is allowed."""
    platform.ledger.acknowledge(files)
    for file in files:
        try:
            file.path.unlink(missing_ok=True)
        except OSError:
            continue  # a read-only inbox keeps its files; the ledger knows them


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
