"""One asset check for each file `sla_<rule>.sql`; adding a rule is adding the file.

Belongs here: specifications, severity and metadata of SLA checks. Does not belong here: SQL.
"""

from typing import Any
from urllib.parse import quote

import dagster as dg
import polars as pl
import yaml

from cbcr_assets.hooks import EVALUATION_ID
from cbcr_assets.steps.platform import DBT_PROJECT
from cbcr_assets.steps.watch import rules
from cbcr_assets.warehouse.sla import RuleVerdicts

STATUS_KEY = dg.AssetKey(["sla", "status"])
_WORST = 20
_RANK = {"breached": 0, "unknown": 1, "approaching": 2}


def check_specs() -> list[dg.AssetCheckSpec]:
    """Return one non-blocking check specification for each rule."""
    described = _descriptions()
    return [
        dg.AssetCheckSpec(rule, asset=STATUS_KEY, description=described.get(f"sla_{rule}"))
        for rule in rules()
    ]


def check_result(
    verdicts: RuleVerdicts, *, evaluation_id: str, dashboard_url: str
) -> dg.AssetCheckResult:
    """Turn the verdicts of one rule into the result of its check.

    Passes when every row is ok; ERROR when a breach is critical or the rule is blind, else WARN.
    """
    severe = verdicts.critical or verdicts.error is not None
    return dg.AssetCheckResult(
        asset_key=STATUS_KEY,
        check_name=verdicts.rule,
        passed=verdicts.passed,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description=verdicts.error or _headline(verdicts),
        metadata={
            EVALUATION_ID: evaluation_id,
            **verdicts.counts,
            "worst": dg.MetadataValue.md(_worst(verdicts.rows)),
            # The overview with every verdict of this rule.
            "dashboard": dg.MetadataValue.url(f"{dashboard_url}/?only={quote(verdicts.rule)}"),
        },
    )


def _headline(verdicts: RuleVerdicts) -> str:
    return ", ".join(f"{count} {status}" for status, count in verdicts.counts.items() if count)


def _worst(rows: pl.DataFrame) -> str:
    bad = rows.filter(pl.col("status") != "ok").sort(
        pl.col("status").replace_strict(_RANK, default=9),
        pl.col("value") / pl.col("objective"),
        descending=[False, True],
        nulls_last=True,
    )
    if bad.is_empty():
        return "all ok"
    lines = [
        f"| {row['status']} | {row['subject_id']} | {_cell(row['summary'])} |"
        for row in bad.head(_WORST).iter_rows(named=True)
    ]
    more = f"\n\n{bad.height - _WORST} more" if bad.height > _WORST else ""
    return "| status | subject | what |\n|---|---|---|\n" + "\n".join(lines) + more


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("\n", " ")


def _descriptions() -> dict[str, str]:
    """Read the rules' descriptions out of the models' own YAML."""
    found: dict[str, str] = {}
    for path in sorted((DBT_PROJECT / "models" / "sla").glob("*.yml")):
        content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        for model in content.get("models") or []:
            found[model["name"]] = str(model.get("description", "")).strip()
    return found
