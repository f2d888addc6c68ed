"""Reading the SLA rules: every view `sla.sla_<rule>`, evaluated at one moment.

Belongs here: finding the rules, reading their rows, keeping the newest verdicts and the next moment
at which one of them changes by itself. Does not belong here: what a rule says (its SQL does).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from cbcr_assets.warehouse.base import Session
from cbcr_assets.warehouse.migrations import SLA_COLUMNS

_STATUSES = ("ok", "approaching", "breached", "unknown")


@dataclass(frozen=True)
class RuleVerdicts:
    """The verdicts of one rule at one moment.

    Attributes:
        rule: Rule name, the view's name without `sla_`.
        rows: One row a subject, columns `SLA_COLUMNS`; empty when the rule could not be read.
        error: Why the rule could not be read, else None.
    """

    rule: str
    rows: pl.DataFrame
    error: str | None = None

    def count(self, status: str) -> int:
        """Return how many subjects have this status."""
        return int((self.rows["status"] == status).sum())

    @property
    def counts(self) -> dict[str, int]:
        """Subjects by status."""
        return {status: self.count(status) for status in _STATUSES}

    @property
    def passed(self) -> bool:
        """The rule could be read and every subject is ok."""
        return self.error is None and self.count("ok") == self.rows.height

    @property
    def critical(self) -> bool:
        """Some subject is in critical breach."""
        return not self.rows.filter(
            (pl.col("status") == "breached") & (pl.col("severity") == "critical")
        ).is_empty()


@dataclass(frozen=True)
class SlaEvaluation:
    """All rules at one moment.

    Attributes:
        evaluation_id: Identity of this evaluation; sorts by time.
        evaluated_at: The moment, naive UTC.
        rules: Verdicts by rule.
    """

    evaluation_id: str
    evaluated_at: datetime
    rules: tuple[RuleVerdicts, ...]

    @property
    def changes_at(self) -> datetime | None:
        """The next moment at which a status changes if nothing arrives, naive UTC."""
        moments = [r.rows["changes_at"].min() for r in self.rules if not r.rows.is_empty()]
        known = [m for m in moments if isinstance(m, datetime)]
        return min(known, default=None)


def evaluate(
    session: Session, *, rules: tuple[str, ...], evaluation_id: str, now: datetime
) -> SlaEvaluation:
    """Read the given rules; one that is broken or not built yet does not stop the others.

    Args:
        session: Open session; its `cbcr_now()` should be `now`.
        rules: Names of the rules.
        evaluation_id: Identity of this evaluation.
        now: The moment, naive UTC.
    """
    return SlaEvaluation(evaluation_id, now, tuple(_read(session, rule) for rule in rules))


def empty_verdicts() -> pl.DataFrame:
    """Return a frame with the columns of an SLA view and no rows."""
    kinds: dict[str, Any] = {
        "varchar": pl.String,
        "double": pl.Float64,
        "timestamp": pl.Datetime("us"),
    }
    return pl.DataFrame(schema={name: kinds[kind] for name, kind in SLA_COLUMNS.items()})


def store(session: Session, evaluation: SlaEvaluation) -> None:
    """Keep the verdicts of the newest evaluation in `state.sla_status`."""
    session.execute("delete from state.sla_status")
    columns = ", ".join(SLA_COLUMNS)
    for verdicts in evaluation.rules:
        if verdicts.error is None:
            session.execute(
                f"insert into state.sla_status select $id, $at, {columns}"
                f" from verdicts_{verdicts.rule}",
                {"id": evaluation.evaluation_id, "at": evaluation.evaluated_at},
            )


def _read(session: Session, rule: str) -> RuleVerdicts:
    columns = ", ".join(f"{name}::{kind} as {name}" for name, kind in SLA_COLUMNS.items())
    kept = f"verdicts_{rule}"
    try:
        session.execute(
            f"create or replace temp table {kept} as select {columns} from sla.sla_{rule}"
        )
        return RuleVerdicts(rule, session.query(f"from {kept}"))
    except duckdb.CatalogException:
        return RuleVerdicts(
            rule, empty_verdicts(), "the model is not built yet: run `cbcr build` once"
        )
    except duckdb.Error as error:
        return RuleVerdicts(rule, empty_verdicts(), f"the rule cannot be evaluated: {error}")
