"""The data contract as assets: one a raw table, with one check an expectation.

Belongs here: what the suites become in Dagster, and what their run reports.
Does not belong here: expectations (cbcr_assets/quality/suites), the quarantine itself.

A failing check never stops the build: its rows are left out, and the hook tells the data team.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from cbcr_assets.assets.watch import OWNERS
from cbcr_assets.hooks import routed
from cbcr_assets.quality import SuiteReport, Verdict, load_suites
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps.quality import check_contract

QUARANTINED_KEY = dg.AssetKey(["contract", "quarantine"])
"""The models read the quarantine: through this asset they wait for the contract."""


def contract_key(table: str) -> dg.AssetKey:
    """Return the asset that carries the checks of a raw table."""
    return dg.AssetKey(["contract", table])


def contract_assets() -> dg.AssetsDefinition:
    """Build the contract's assets and checks from the suites.

    Raises:
        ConfigError: A suite is wrong.
    """
    suites = load_suites()

    @dg.multi_asset(
        name="contract",
        specs=[*(_spec(suite.table) for suite in suites), _quarantine()],
        check_specs=[
            dg.AssetCheckSpec(e.id, asset=contract_key(suite.table), description=e.reason)
            for suite in suites
            for e in suite.expectations
        ],
    )
    def contract(
        platform: PlatformResource,
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Check new rows, put failing ones away."""
        quarantined = 0
        for report in check_contract(platform.open(), now=platform.now()):
            quarantined += report.quarantined
            yield dg.MaterializeResult(
                asset_key=contract_key(report.table),
                metadata={
                    "new_rows": report.rows,
                    "quarantined": report.quarantined,
                    "repaired": report.repaired,
                },
                check_results=[_result(report, verdict) for verdict in report.verdicts],
            )
        yield dg.MaterializeResult(asset_key=QUARANTINED_KEY, metadata={"quarantined": quarantined})

    return routed(contract)


def _spec(table: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        contract_key(table),
        deps=[dg.AssetKey(["raw", table])],
        description=f"New rows of raw.{table}, checked against the data contract.",
        group_name="contract",
        owners=OWNERS,
        kinds={"duckdb"},
    )


def _quarantine() -> dg.AssetSpec:
    return dg.AssetSpec(
        QUARANTINED_KEY,
        deps=[contract_key(suite.table) for suite in load_suites()],
        description="Rows that the contract refuses; models leave them out.",
        group_name="contract",
        owners=OWNERS,
        kinds={"duckdb"},
    )


def _result(report: SuiteReport, verdict: Verdict) -> dg.AssetCheckResult:
    expectation: Any = verdict.expectation
    severe = expectation.severity == "error"
    return dg.AssetCheckResult(
        asset_key=contract_key(report.table),
        check_name=expectation.id,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description=verdict.error or expectation.reason,
        metadata={
            "new_rows": report.rows,
            "failing_rows": len(verdict.rows),
            "still_in_quarantine": verdict.still_refused,
        },
    )
