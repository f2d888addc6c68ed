"""CBCR's own troubles as verdicts: what it could not see, run or tell.

Belongs here: their rows, and the two watchdogs that guard each other: the hook notices when ticks
stop, the tick notices when evaluations stop.
Does not belong here: reading Dagster (see `cbcr_assets.assets.reconcile`), rules about databases.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from cbcr_assets.alerting import AlertService, Evaluation
from cbcr_assets.steps.health import RULE_HEALTH
from cbcr_assets.warehouse.sla import empty_verdicts

EVALUATOR = "evaluator_silent"
TICKS = "alert_tick_silent"
# Sensors tick every ten seconds; a daemon that restarts takes a minute.
TICKS_SILENT_S = 300.0
_HEARTBEATS = 3


@dataclass(frozen=True)
class Verdict:
    """One verdict about CBCR itself.

    Attributes:
        rule: Its rule; there is a runbook of that name.
        kind: Kind of the subject.
        subject: The subject.
        status: ok, breached or unknown.
        severity: Severity.
        summary: One sentence.
        labels: Its own labels.
        team: Who owns the subject; None: nobody.
    """

    rule: str
    kind: str
    subject: str
    status: str
    severity: str
    summary: str
    labels: tuple[tuple[str, str], ...] = ()
    team: str | None = None


def frame(verdicts: Iterable[Verdict], *, at: datetime) -> pl.DataFrame:
    """Return verdicts as rows of an evaluation.

    Args:
        verdicts: The verdicts.
        at: When they were found, naive UTC.
    """
    schema = empty_verdicts().schema
    rows = [
        {
            "rule": one.rule, "subject_kind": one.kind, "subject_id": one.subject,
            "status": one.status, "severity": one.severity, "summary": one.summary,
            "since": None if one.status == "ok" else at, "labels": json.dumps(dict(one.labels)),
            "team": one.team,
            "runbook": f"docs/runbooks/{one.rule}.md",
        }
        for one in verdicts
    ]  # fmt: skip
    return pl.DataFrame([[row.get(f) for f in schema] for row in rows], schema=schema, orient="row")


def tell(
    service: AlertService, scope: str, verdicts: Iterable[Verdict], *, reference: str, now: datetime
) -> None:
    """Give verdicts to the engine, once; those that are not among them stay as they are.

    Args:
        service: The engine.
        scope: What they are about.
        verdicts: The verdicts.
        reference: What makes them new; the same again changes nothing.
        now: Present, naive UTC.
    """
    service.ingest(own_evaluation(scope, verdicts, reference=reference, now=now), now=now)


def own_evaluation(
    scope: str, verdicts: Iterable[Verdict], *, reference: str, now: datetime
) -> Evaluation:
    """Return what `tell` gives to the engine, for who has many of them at once."""
    return Evaluation(_identity(reference), scope, now, frame(verdicts, at=now), complete=False)


def is_told(service: AlertService, scope: str, reference: str) -> bool:
    """Tell whether verdicts with this reference were given to the engine."""
    return service.has_seen(_identity(reference), scope)


def _identity(reference: str) -> str:
    return hashlib.sha256(reference.encode()).hexdigest()[:32]


def watch_evaluator(service: AlertService, *, heartbeat_s: float, now: datetime) -> None:
    """Alert when the rules have not been evaluated for three heartbeats: silence is not health."""
    limit_s = _HEARTBEATS * heartbeat_s
    age_s = service.silence_s(RULE_HEALTH, now=now)
    if age_s is not None:
        summary = f"the rules were evaluated {timedelta(seconds=round(age_s))} ago"
        _switch(service, EVALUATOR, "watch lane", summary, is_bad=age_s > limit_s, now=now)


def watch_ticks(service: AlertService, *, now: datetime) -> None:
    """Alert when ticks have stopped: then nobody repeats, escalates or retries."""
    age_s = service.tick_age_s(now=now)
    if age_s is not None:
        summary = f"alert_tick ran {timedelta(seconds=round(age_s))} ago"
        _switch(service, TICKS, "alert_tick", summary, is_bad=age_s > TICKS_SILENT_S, now=now)


def _switch(
    service: AlertService, rule: str, subject: str, summary: str, *, is_bad: bool, now: datetime
) -> None:
    if is_bad == service.is_open(rule):
        return
    status = "breached" if is_bad else "ok"
    verdict = Verdict(rule, "lane", subject, status, "critical", summary)
    tell(service, rule, [verdict], reference=f"{rule}/{status}/{now.isoformat()}", now=now)
