"""A compliance report made by hand, with every kind of row and texts that are hard to keep."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from cbcr_assets.reports.compliance import ComplianceReport, Issue, Period, Scope
from cbcr_assets.reports.compliance.columns import SCHEMA, SECTIONS, typed
from cbcr_assets.reports.compliance.figures import fleet_figures
from cbcr_assets.reports.compliance.gather import made_with

BEGIN, END = datetime(2026, 10, 1), datetime(2026, 11, 1)
SECONDS = (END - BEGIN).total_seconds()


def rows_of(record: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {name: SCHEMA[name] for name in SECTIONS[record]}
    return typed(record, pl.DataFrame(rows, schema=schema))


def instance(name: str, state: str, violated: float | None = 0.0, **more: Any) -> dict[str, Any]:
    is_measured = state in ("kept", "broken")
    measured = SECONDS if is_measured else 0.0
    given = {
        "instance_id": name, "team": "payments", "tier": 1, "environment": "production",
        "db_type": "postgresql", "state": state, "objective_s": 86400.0, "protected_s": SECONDS,
        "measured_s": measured, "excluded_s": SECONDS - measured, "violation_s": violated,
        "compliance": 1 - (violated or 0) / SECONDS if is_measured else None,
        "worst_exposure_s": 90_000.5, "violations": int(bool(violated)), "scheduled": 31,
        "first_try": 29, "eventual": 30, "missed": 1, "unseen": 0, "failed": 2, "lost": 0,
        "restore_state": "never", "restores_proven": 0, "restores_failed": 0,
        "restores_other": 0, "rto_objective_s": 3600.0, "rto_missed": 0,
    }  # fmt: skip
    return given | more


@pytest.fixture(scope="session")
def make_report() -> Callable[..., ComplianceReport]:
    """Make a report of one broken, one kept, one unknown instance, and as many kept ones more."""

    def make(
        *,
        more: int = 0,
        reason: str = "storage move",
        signed_off_by: tuple[str, ...] = ("Ada Lovelace",),
        now: datetime = datetime(2026, 11, 3, 6),
    ) -> ComplianceReport:
        instances = rows_of("instance", [
            instance("ledger", "broken", 7200.0, worst_rank=1, restore_state="proven",
                     restores_proven=1, last_proven_at=BEGIN + timedelta(days=3),
                     rto_worst_s=3700.25, rto_missed=1),
            instance("orders", "kept", worst_rank=2, tier=None, team="=cmd|' /C calc'!A0"),
            *(instance(f"kept-{i:05}", "kept", worst_rank=3 + i) for i in range(more)),
            instance("wiki", "unknown", None, objective_s=None, worst_exposure_s=None,
                     reason="no recovery point objective was promised"),
        ])  # fmt: skip
        restores = rows_of("restore", [{
            "instance_id": "ledger", "team": "payments", "tier": 1, "state": "proven",
            "started_at": BEGIN + timedelta(days=3), "ended_at": BEGIN + timedelta(days=3, hours=2),
            "duration_s": 7200.0, "objective_s": 3600.0, "source_id": "drills",
            "restore_key": "+49 -1", "purpose": "drill", "rto_s": 3700.25, "meets_rto": False,
        }])  # fmt: skip
        return ComplianceReport(
            period=Period(BEGIN, END),
            scope=Scope(),
            issue=Issue(now, 7, datetime(2026, 11, 3, 5, 59, 59, 1), signed_off_by, made_with()),
            definitions=rows_of("definition", [
                {"name": "RPO compliance", "value": "sha256:" + "ab" * 32, "reason": "docs/x.md"},
                {"name": "backup success", "value": "unknown", "reason": "docs/x.md"},
            ]),
            figures=fleet_figures(instances, restores, objective=0.99, backup_days=31),
            exclusions=rows_of("exclusion", [
                {"instance_id": "orders", "state": "maintenance", "reason": reason,
                 "started_at": BEGIN, "ended_at": BEGIN + timedelta(hours=8),
                 "duration_s": 28_800.0},
                {"instance_id": "wiki", "state": "unmeasured", "started_at": BEGIN,
                 "ended_at": END, "duration_s": SECONDS,
                 "reason": "no recovery point objective was promised"},
            ]),
            instances=instances,
            violations=rows_of("violation", [{
                "instance_id": "ledger", "team": "payments", "tier": 1, "reason": "failed",
                "started_at": BEGIN + timedelta(hours=4), "ended_at": BEGIN + timedelta(hours=6),
                "duration_s": 7200.0, "objective_s": 86400.0, "is_open": False,
            }]),
            restores=restores,
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def report(make_report: Callable[..., ComplianceReport]) -> ComplianceReport:
    """That report with three instances."""
    return make_report()
