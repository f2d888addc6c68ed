"""Asking a snapshot for the report of a period.

Belongs here: from rows of the models to the sections of a report, and what refuses a question.
Does not belong here: SQL (see `queries`), sums (see `figures`), formats (see `files`, `pdf`).

Compliance comes from `reports.rpo`, the function behind `cbcr rpo`: there is no second one.
"""

import difflib
from datetime import datetime
from importlib.metadata import version
from zlib import ZLIB_RUNTIME_VERSION

import polars as pl

from cbcr_assets.reports.compliance import queries
from cbcr_assets.reports.compliance.columns import typed
from cbcr_assets.reports.compliance.definitions import definitions_of
from cbcr_assets.reports.compliance.exclusions import exclusions_of
from cbcr_assets.reports.compliance.figures import fleet_figures
from cbcr_assets.reports.compliance.model import (
    ComplianceReport,
    Issue,
    Period,
    ReportError,
    Scope,
    WrongQuestion,
)
from cbcr_assets.reports.rpo import rpo_compliance
from cbcr_assets.warehouse import Session

_RUNS = ("scheduled", "first_try", "eventual", "missed", "unseen", "failed", "lost")
_WHO = ("instance_id", "team", "tier", "environment", "db_type")


def compliance_report(
    session: Session,
    *,
    period: Period,
    scope: Scope | None = None,
    now: datetime,
    data_version: int,
    signed_off_by: tuple[str, ...] = (),
) -> ComplianceReport:
    """Return the compliance report of a period, from one published snapshot.

    Args:
        session: That snapshot, opened read-only.
        period: Which time; it may not end after the newest build of the snapshot.
        scope: Which instances; None: all.
        now: The present, naive UTC; it is printed and decides nothing.
        data_version: Version of the snapshot (`Snapshot.version`).
        signed_off_by: Who signs.

    Raises:
        WrongQuestion: The period ends later than the data, or nobody is in the scope.
        ReportError: Nothing was measured in the period, or the snapshot was never built.
    """
    scope = scope or Scope()
    until = data_until(session)
    if period.end > until:
        raise WrongQuestion(
            f"the period ends {period.end:%Y-%m-%d %H:%M:%S}Z, later than the published data"
            f" ({until:%Y-%m-%d %H:%M:%S}Z): choose an earlier --to, or `cbcr build` and"
            " `cbcr publish` first"
        )
    asked = {"begin": period.begin, "end": period.end}
    everybody = session.query(queries.INSTANCES, asked)
    chosen = _in_scope(everybody, scope)
    violations = _of(chosen, session.query(queries.VIOLATIONS, asked))
    restores = _of(chosen, session.query(queries.RESTORES, asked))
    days = _countable_days(session, period)
    instances = _instances(session, chosen, period, violations, restores, days)
    _refuse_empty(instances, period, scope)
    objective = session.query(queries.OBJECTIVE).item()
    counted = None if days is None else (days[1] - days[0]).days
    return ComplianceReport(
        period=period,
        scope=scope,
        issue=Issue(now.replace(microsecond=0), data_version, until, signed_off_by, made_with()),
        definitions=definitions_of(session),
        figures=fleet_figures(instances, restores, objective=objective, backup_days=counted),
        exclusions=exclusions_of(session, instances, period),
        instances=typed("instance", instances),
        violations=typed("violation", violations),
        restores=typed("restore", restores),
    )


def data_until(session: Session) -> datetime:
    """Return up to when a snapshot knows what happened, naive UTC.

    Raises:
        ReportError: Its models were never built.
    """
    found = session.query(queries.DATA_UNTIL)
    if found.is_empty():
        raise ReportError("the published snapshot holds no built models: run `cbcr build` first")
    until: datetime = found.item()
    return until


def made_with() -> str:
    """Return the programs that decide how a report looks, with their versions."""
    return f"cbcr {version('cbcr')}, reportlab {version('reportlab')}, zlib {ZLIB_RUNTIME_VERSION}"


def _in_scope(everybody: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    for name, wanted in (("team", scope.teams), ("tier", scope.tiers)):
        known = everybody[name].drop_nulls().unique().sort().to_list()
        for one in wanted:
            if one not in known:
                raise WrongQuestion(_nobody(name, one, known))
    chosen = everybody
    if scope.teams:
        chosen = chosen.filter(pl.col("team").is_in(scope.teams))
    if scope.tiers:
        chosen = chosen.filter(pl.col("tier").is_in(scope.tiers))
    if chosen.is_empty():
        raise WrongQuestion(f"the inventory holds nothing for {scope.words}")
    return chosen


def _nobody(name: str, one: object, known: list[object]) -> str:
    near = difflib.get_close_matches(str(one), [str(value) for value in known], n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(map(str, known))}"
    return f"no database of {name} {one!r} in the inventory; {hint}"


def _of(chosen: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows of the chosen instances, with what tells them apart, in their order."""
    return rows.join(chosen.select(_WHO), on="instance_id", how="inner", maintain_order="left")


def _countable_days(session: Session, period: Period) -> tuple[datetime, datetime] | None:
    """Return the whole UTC days whose backups were counted and are still known."""
    days = period.whole_days
    if days is None:
        return None
    is_gone = session.query(queries.LET_GO, {"begin": days[0], "end": days[1]}).item()
    return None if is_gone else days


def _instances(
    session: Session,
    chosen: pl.DataFrame,
    period: Period,
    violations: pl.DataFrame,
    restores: pl.DataFrame,
    days: tuple[datetime, datetime] | None,
) -> pl.DataFrame:
    told = rpo_compliance(session, begin=period.begin, end=period.end).drop("objective_s")
    touched = violations.group_by("instance_id").agg(violations=pl.len())
    proven = session.query(queries.LAST_PROVEN, {"end": period.end})
    rows = chosen
    for part in (told, touched, _backups(session, days), _tried(restores), proven):
        rows = rows.join(part, on="instance_id", how="left")
    counted = ["restores_proven", "restores_failed", "restores_other", "rto_missed", "violations"]
    rows = rows.with_columns(
        pl.col(counted).fill_null(0),
        *((pl.col(_RUNS).fill_null(0),) if days else ()),
        excluded_s=pl.col("protected_s") - pl.col("measured_s"),
    )
    judged = _judged(_with_sight(session, rows, period, violations))
    return _ranked(judged.with_columns(restore_state=_proof()))


def _backups(session: Session, days: tuple[datetime, datetime] | None) -> pl.DataFrame:
    """Count the backups of some days; without days there are none to count."""
    begin, end = days or (None, None)
    return session.query(queries.BACKUPS, {"begin": begin, "end": end})


def _tried(restores: pl.DataFrame) -> pl.DataFrame:
    outcome, purpose = pl.col("state"), pl.col("purpose")
    is_proven = outcome.is_in(["proven", "untimed"])
    # A copy for another purpose that failed says nothing of a restore (docs/definitions.md).
    is_failed = (outcome == "failed") & purpose.is_in(["drill", "real"])
    return restores.group_by("instance_id").agg(
        restores_proven=is_proven.sum(),
        restores_failed=is_failed.sum(),
        restores_other=(~is_proven & ~is_failed).sum(),
        rto_worst_s=pl.col("rto_s").max(),
        rto_missed=pl.col("meets_rto").eq(other=False).sum(),
    )


def _with_sight(
    session: Session, rows: pl.DataFrame, period: Period, violations: pl.DataFrame
) -> pl.DataFrame:
    """Say since when nobody saw an instance, if so at the end of its time in the period.

    Adds unseen_from (null: seen), and whether it was violated before.
    """
    until = pl.min_horizontal("retired_at", pl.lit(period.end))
    is_blind = (
        (pl.col("source_count").fill_null(0) == 0)
        | pl.col("last_ok_at").is_null()
        | (pl.col("stale_at") < period.end)
    )
    since = pl.max_horizontal("last_ok_at", pl.lit(period.begin))
    seen = rows.join(session.query(queries.HEARD), on="instance_id", how="left")
    seen = seen.with_columns(unseen_from=pl.when(is_blind & (since < until)).then(since))
    before = violations.join(seen.select("instance_id", "unseen_from"), on="instance_id").filter(
        pl.max_horizontal("started_at", pl.lit(period.begin)) < pl.col("unseen_from")
    )
    broken = before.select("instance_id").unique().with_columns(broken_before=pl.lit(value=True))
    return seen.join(broken, on="instance_id", how="left")


def _judged(rows: pl.DataFrame) -> pl.DataFrame:
    """Give each instance its state, the first that applies, and why where that is no verdict."""
    protected, objective = pl.col("protected_s"), pl.col("objective_s")
    is_unsure = pl.col("unseen_from").is_not_null() & pl.col("broken_before").is_null()
    nobody = pl.col("source_count").fill_null(0) == 0
    last = pl.col("last_ok_at").dt.strftime("%Y-%m-%d %H:%MZ").fill_null("ever")
    unseen = pl.when(nobody).then(pl.lit("no source tells of it")).otherwise(
        pl.lit("no source told anything since ") + last
    )  # fmt: skip
    states: list[tuple[pl.Expr, str, pl.Expr]] = [
        (protected.is_null(), "unknown", pl.lit("nobody says since when it is protected")),
        (protected == 0, "excluded", pl.lit("not protected in this period")),
        (objective.is_null(), "unknown", pl.lit("no recovery point objective was promised")),
        (pl.col("measured_s") == 0, "excluded", pl.lit("in maintenance all the time")),
        (is_unsure, "unknown", unseen),
        (pl.col("violation_s") > 0, "broken", pl.lit(None, pl.String)),
    ]
    state, reason = pl.lit("kept"), pl.lit(None, pl.String)
    for applies, name, why in reversed(states):
        state = pl.when(applies).then(pl.lit(name)).otherwise(state)
        reason = pl.when(applies).then(why).otherwise(reason)
    return rows.with_columns(state=state, reason=reason, unseen_reason=unseen)


def _proof() -> pl.Expr:
    return (
        pl.when(pl.col("restores_proven") > 0).then(pl.lit("proven"))
        .when(pl.col("restores_failed") > 0).then(pl.lit("failed"))
        .when(pl.col("restores_other") > 0).then(pl.lit("unproven"))
        .when(pl.col("last_proven_at").is_not_null()).then(pl.lit("earlier"))
        .otherwise(pl.lit("never"))
    )  # fmt: skip


def _ranked(rows: pl.DataFrame) -> pl.DataFrame:
    """Order from the worst on, as fct_rpo_windows does; who was not measured comes last."""
    worst = rows.sort(
        ["compliance", "violation_s", "instance_id"],
        descending=[False, True, False],
        nulls_last=True,
    )
    rank = pl.int_range(1, pl.len() + 1)
    return worst.with_columns(worst_rank=pl.when(pl.col("compliance").is_not_null()).then(rank))


def _refuse_empty(instances: pl.DataFrame, period: Period, scope: Scope) -> None:
    if instances["measured_s"].sum() > 0:
        return
    reasons = instances["reason"].value_counts(sort=True)
    told = "; ".join(f"{count} {reason}" for reason, count in reasons.iter_rows())
    first = instances["protect_from"].min()
    since = ""
    if isinstance(first, datetime):
        since = f"; the first one is protected from {first:%Y-%m-%d %H:%M}Z on"
    raise ReportError(
        f"nothing was measured of {scope.words} from {period.words} (UTC): {told}{since}"
    )
