"""CBCR's own health as verdicts, beside those of the SLA rules: who watches must be watched.

Belongs here: rules without SQL, about the rules and the configuration themselves.
Does not belong here: rules about instances and sources (dbt_project/models/sla).
"""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from cbcr_assets.warehouse.sla import RuleVerdicts, SlaEvaluation

RULE_HEALTH = "rule_unreadable"
CONFIG_HEALTH = "config_refused"
Row = tuple[object, ...]


def health(
    evaluation: SlaEvaluation, *, refused: Mapping[str, str], files: set[str]
) -> pl.DataFrame:
    """Return verdicts on the rules of an evaluation and on the configuration files.

    Args:
        evaluation: What the rules said.
        refused: Why files are not in force, by file name.
        files: Names of all configuration files.
    """
    at = evaluation.evaluated_at
    rows = [_rule(verdicts, at) for verdicts in evaluation.rules]
    rows += [_file(name, refused.get(name), at) for name in sorted(files | set(refused))]
    return pl.DataFrame(rows, schema=evaluation.rules[0].rows.schema, orient="row")


def _rule(verdicts: RuleVerdicts, at: datetime) -> Row:
    if verdicts.error is None:
        summary = f"rule {verdicts.rule} is evaluated"
        return _row(RULE_HEALTH, "rule", verdicts.rule, "ok", None, summary)
    summary = f"rule {verdicts.rule} says nothing: {verdicts.error}"
    return _row(RULE_HEALTH, "rule", verdicts.rule, "unknown", at, summary)


def _file(name: str, reason: str | None, at: datetime) -> Row:
    if reason is None:
        return _row(CONFIG_HEALTH, "file", name, "ok", None, f"{name} is in force")
    summary = f"{name} is refused, what it said before stays in force: {reason}"
    return _row(CONFIG_HEALTH, "file", name, "breached", at, summary)


def _row(
    rule: str, kind: str, subject: str, status: str, since: datetime | None, summary: str
) -> Row:
    runbook = f"docs/runbooks/{rule}.md"
    return (rule, kind, subject, status, "critical", None, None, None, since, None, None, "{}",
            summary, runbook)  # fmt: skip
