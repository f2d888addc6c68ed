"""From evaluations to alerts: the fast path of the hook and the complete path of the tick.

Belongs here: handing evaluation files to the alert engine, reconciling, clearing them away.
Does not belong here: what becomes of an evaluation (see `cbcr_assets.alerting`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from cbcr_assets.alerting import AlertService, DeliveryReport, Evaluation
from cbcr_assets.steps.drills import tell_requests
from cbcr_assets.steps.health import CONFIG_HEALTH, RULE_HEALTH
from cbcr_assets.steps.own_alerts import watch_evaluator
from cbcr_assets.steps.platform import Platform
from cbcr_assets.warehouse.alert_history import last_entry, store_history
from cbcr_assets.warehouse.health import store_tick

_STAMP = "%Y%m%dT%H%M%S.%fZ"
_KEEP = timedelta(hours=1)
_AT_ONCE = 20


@dataclass(frozen=True)
class TickOutcome:
    """What a tick found and did.

    Attributes:
        reconciled: Evaluations that no hook had handed over.
        delivery: What happened to messages.
    """

    reconciled: int
    delivery: DeliveryReport


def hand_over(
    platform: Platform, service: AlertService, evaluation_id: str, *, now: datetime
) -> int:
    """Give all rows of one evaluation to the engine; doing it again changes nothing.

    Returns:
        The number of episodes that opened, worsened or were resolved.
    """
    path = platform.evaluations / f"{evaluation_id}.parquet"
    return _ingest(service, path, now)


def tick(platform: Platform, service: AlertService, *, now: datetime) -> TickOutcome:
    """Reconcile evaluations that no hook saw, deliver what waits, clear old files away.

    What began and ended while nobody handed anything over is told once.
    """
    unseen = []
    for path in sorted(platform.evaluations.glob("*.parquet")):
        if not _seen(service, path):
            unseen.append(path)
        elif now - _evaluated_at(path) > _KEEP:
            path.unlink(missing_ok=True)
    for some in batched(unseen):
        service.ingest_many([one for path in some for one in _evaluations(path)], now=now)
    watch_evaluator(service, heartbeat_s=platform.config.heartbeat_s, now=now)
    tell_requests(platform, service, now=now)
    return TickOutcome(len(unseen), service.tick(now=now).delivery)


def export_history(platform: Platform, *, now: datetime) -> int:
    """Copy what is new in the engine's journal, and how old its last tick is, into the warehouse.

    Returns:
        The number of lines.

    Raises:
        WarehouseError: The warehouse could not be opened.
    """
    service = platform.alerts()
    with platform.warehouse.live(as_of=now) as session:
        history = service.history(after=last_entry(session))
        store_history(session, history)
        store_tick(session, age_s=service.tick_age_s(now=now), now=now)
    return len(history["alert_journal"])


def batched(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """Yield files in lots that fit into memory: a night without ticks leaves many behind."""
    for first in range(0, len(paths), _AT_ONCE):
        yield paths[first : first + _AT_ONCE]


def _ingest(service: AlertService, path: Path, now: datetime) -> int:
    report = service.ingest_many(_evaluations(path), now=now)
    return report.opened + report.worsened + report.resolved


def _evaluations(path: Path) -> list[Evaluation]:
    frame = pl.read_parquet(path)
    health = frame.filter(rule=RULE_HEALTH)
    evaluated = health.filter(status="ok")["subject_id"].to_list()
    return [
        Evaluation(path.stem, rule, _evaluated_at(path), frame.filter(rule=rule))
        for rule in (*evaluated, CONFIG_HEALTH, RULE_HEALTH)
    ]


def _seen(service: AlertService, path: Path) -> bool:
    # The rules' own health is handed over last, so it stands for the whole evaluation.
    return service.has_seen(path.stem, RULE_HEALTH)


def _evaluated_at(path: Path) -> datetime:
    return datetime.strptime(path.stem, _STAMP)  # noqa: DTZ007 - naive UTC by contract
