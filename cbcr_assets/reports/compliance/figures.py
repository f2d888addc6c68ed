"""The numbers of the fleet, from the rows of its instances and restores.

Belongs here: counts and sums over rows. Does not belong here: what a violation, a success or a
proof is (the models say it of each row).
"""

from math import fsum

import polars as pl

from cbcr_assets.reports.compliance.columns import typed

# Weight 1 / tier, as fct_rpo_fleet_daily has it; a test holds both together.
_NO_TIER = 3
_RUNS = ("scheduled", "first_try", "eventual", "missed", "unseen")
_ATTEMPTS = ("failed", "lost")
_RPO = "[RPO compliance](definitions.md#exposure-and-rpo-compliance)"
_SUCCESS = "[Success](definitions.md#success)"
_RTO = "[Restore time](definitions.md#restore-time-rto)"
_STATES = "[states](#what-was-left-out-and-what-is-unknown)"
MEANINGS: dict[str, str] = {
    "databases": "Databases in the scope, all of them.",
    "databases_kept": f"In state kept; {_STATES}.",
    "databases_broken": f"In state broken; {_STATES}.",
    "databases_unknown": f"In state unknown; {_STATES}.",
    "databases_excluded": f"In state excluded; {_STATES}.",
    "databases_measured": f"With measured time; {_RPO}.",
    "databases_without_violation": "Of these, without a violated second.",
    "share_without_violation": f"The one of the other; `share_kept` of the marts; {_RPO}.",
    "share_kept_of_all": f"kept ÷ (kept + broken + unknown); {_STATES}.",
    "compliance": f"1 − violated ÷ measured seconds; {_RPO}.",
    "compliance_objective": f"What is promised of it, `rpo_compliance_objective`; {_RPO}.",
    "tier_weighted_compliance": f"The same with weight 1 ÷ tier, no tier counts as 3; {_RPO}.",
    "worst_compliance": "That of the worst database.",
    "worst_exposure_s": f"Largest age of a newest recovery point; {_RPO}.",
    "protected_s": "Seconds of the period from `protect_from` to `retired_at`.",
    "measured_s": f"Of these, measured; {_RPO}.",
    "excluded_s": "Of these, left out.",
    "violation_s": f"Measured seconds in which an objective was violated; {_RPO}.",
    "violations": f"Stretches of such time; {_RPO}.",
    "backup_days": "Whole UTC days whose backups were counted.",
    "backups_scheduled": f"Runs that the schedules asked for; {_SUCCESS}.",
    "backups_first_try": f"Of these, good at the first attempt; {_SUCCESS}.",
    "backups_eventual": f"Of these, good at last; {_SUCCESS}.",
    "backups_missed": f"Of these, never started; {_SUCCESS}.",
    "backups_unseen": f"Of these, unknown: no source was fresh then; {_SUCCESS}.",
    "backups_failed": f"Attempts that failed; {_SUCCESS}.",
    "backups_lost": f"Attempts that never ended; {_SUCCESS}.",
    "first_try_share": "first-try ÷ scheduled, unseen ones included.",
    "eventual_share": "eventual ÷ scheduled, likewise.",
    "databases_restore_proven": f"Restored with proof in the period; {_RTO}.",
    "databases_restore_failed": f"Tried in the period, failed, never proven in it; {_RTO}.",
    "databases_restore_unproven": "Tried in the period, and nothing is proven either way.",
    "databases_restore_earlier": "Not tried in the period, proven before it.",
    "databases_restore_never": "Never proven until the end of the period.",
    "restores_proven": f"Restores that were verified; {_RTO}.",
    "restores_failed": f"Drills and real restores that failed; {_RTO}.",
    "restores_other": f"Restores that prove nothing either way; {_RTO}.",
    "rto_kept": f"Restores that kept their objective; {_RTO}.",
    "rto_missed": f"Restores that did not, those that failed included; {_RTO}.",
    "rto_unknown": "Restores of which it is not known.",
    "rto_median_s": "Median RTO of proven restores.",
    "rto_worst_s": "Longest RTO of proven restores.",
}
"""What each figure means; docs/reports.md is made from it."""
_Rows = list[tuple[str, float | None, str]]


def fleet_figures(
    instances: pl.DataFrame,
    restores: pl.DataFrame,
    *,
    objective: float | None,
    backup_days: int | None,
) -> pl.DataFrame:
    """Return the figures of a fleet.

    Args:
        instances: Section `instance`.
        restores: Section `restore`.
        objective: Share of measured time that is promised to be kept; None: nobody says.
        backup_days: Whole UTC days in which backups were counted; None: they were not.

    Returns:
        name, amount (null: unknown), unit.
    """
    rows = [
        *_databases(instances),
        *_compliance(instances, objective),
        *_backups(instances, backup_days),
        *_restores(instances, restores),
    ]
    return typed("figure", pl.DataFrame(rows, schema=["name", "amount", "unit"], orient="row"))


def _databases(instances: pl.DataFrame) -> _Rows:
    count = dict(instances["state"].value_counts().iter_rows())
    kept, broken, unknown = (count.get(state, 0) for state in ("kept", "broken", "unknown"))
    measured = instances.filter(pl.col("measured_s") > 0)
    without = measured.filter(pl.col("violation_s") == 0).height
    return [
        ("databases", instances.height, "databases"),
        ("databases_kept", kept, "databases"),
        ("databases_broken", broken, "databases"),
        ("databases_unknown", unknown, "databases"),
        ("databases_excluded", count.get("excluded", 0), "databases"),
        ("databases_measured", measured.height, "databases"),
        ("databases_without_violation", without, "databases"),
        # As fct_rpo_fleet_daily has it: who was not seen in the end counts as known before.
        ("share_without_violation", _share(without, measured.height), "share"),
        # What is unknown was not kept: it stays in this denominator.
        ("share_kept_of_all", _share(kept, kept + broken + unknown), "share"),
    ]


def _compliance(instances: pl.DataFrame, objective: float | None) -> _Rows:
    measured, violated = (_sum(instances[name]) for name in ("measured_s", "violation_s"))
    weights = 1 / instances["tier"].fill_null(_NO_TIER).cast(pl.Float64)
    weighted = _sum(instances["measured_s"] * weights)
    weighted_violated = _sum(instances["violation_s"] * weights)
    return [
        ("compliance", _kept(violated, measured), "share"),
        ("compliance_objective", objective, "share"),
        ("tier_weighted_compliance", _kept(weighted_violated, weighted), "share"),
        ("worst_compliance", _float(instances["compliance"].min()), "share"),
        ("worst_exposure_s", _float(instances["worst_exposure_s"].max()), "s"),
        ("protected_s", _sum(instances["protected_s"]), "s"),
        ("measured_s", measured, "s"),
        ("excluded_s", _sum(instances["excluded_s"]), "s"),
        ("violation_s", violated, "s"),
        ("violations", _sum(instances["violations"]), "violations"),
    ]


def _backups(instances: pl.DataFrame, days: int | None) -> _Rows:
    def counted(name: str) -> float | None:
        return None if days is None else _sum(instances[name])

    scheduled = counted("scheduled")
    return [
        ("backup_days", days, "days"),
        *((f"backups_{name}", counted(name), "runs") for name in _RUNS),
        *((f"backups_{name}", counted(name), "attempts") for name in _ATTEMPTS),
        ("first_try_share", _share(counted("first_try"), scheduled), "share"),
        ("eventual_share", _share(counted("eventual"), scheduled), "share"),
    ]


def _restores(instances: pl.DataFrame, restores: pl.DataFrame) -> _Rows:
    due = instances.filter(pl.col("state") != "excluded")
    count = dict(due["restore_state"].value_counts().iter_rows())
    states = ("proven", "failed", "unproven", "earlier", "never")
    met = restores["meets_rto"]
    return [
        *((f"databases_restore_{state}", count.get(state, 0), "databases") for state in states),
        *(
            (f"restores_{name}", _sum(instances[f"restores_{name}"]), "restores")
            for name in ("proven", "failed", "other")
        ),
        ("rto_kept", (met == True).sum(), "restores"),  # noqa: E712
        ("rto_missed", (met == False).sum(), "restores"),  # noqa: E712
        ("rto_unknown", met.is_null().sum(), "restores"),
        ("rto_median_s", _float(restores["rto_s"].median()), "s"),
        ("rto_worst_s", _float(restores["rto_s"].max()), "s"),
    ]


def _sum(values: pl.Series) -> float:
    """Sum exactly, so that the order of rows makes no difference."""
    return fsum(values.drop_nulls())


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _kept(violated: float, measured: float) -> float | None:
    return 1 - violated / measured if measured else None


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
