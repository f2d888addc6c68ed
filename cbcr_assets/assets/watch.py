"""The watch lane's one step: pull what sources offer, then evaluate every SLA rule.

Belongs here: the raw tables and `sla/status` as assets, and what a run reports about them.
Does not belong here: the steps (see `cbcr_assets.steps.watch`), sensors, jobs.

One step in one turn, because the warehouse admits one writer: a dbt build that slipped in between
would let a breach wait for it. Runs of this lane queue by the pool, where waiting costs nothing;
for a build a run waits with its imports done. A pull never fails the step, for then no rule would
be evaluated.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
from pydantic import Field

from cbcr_assets.checks import STATUS_KEY, check_result, check_specs
from cbcr_assets.config import ConfigError
from cbcr_assets.connectors.pull_report import PullReport
from cbcr_assets.hooks import routed
from cbcr_assets.records import RAW_TABLES
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps import watch as steps
from cbcr_assets.steps.alerts import export_history
from cbcr_assets.steps.drills import settle_live
from cbcr_assets.steps.errands import run_errands
from cbcr_assets.steps.platform import Platform
from cbcr_assets.warehouse import WarehouseError
from cbcr_assets.warehouse.sla import SlaEvaluation

POOL = "warehouse"
PULLS_KEY = dg.AssetKey(["raw", "pulls"])
OWNERS = ["team:data-team"]
"""Who looks after the assets of both lanes."""


class WatchConfig(dg.Config):
    """What a run of the watch lane does."""

    sources: list[str] = Field(default=[], description="Sources to pull; empty: all.")


def _raw_specs() -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            ["raw", table.name],
            description=table.meaning,
            group_name="raw",
            owners=OWNERS,
            kinds={"duckdb", "polars"},
            skippable=table.name != "pulls",
        )
        for table in RAW_TABLES
    ]


_STATUS = dg.AssetSpec(
    STATUS_KEY,
    deps=[PULLS_KEY],
    description="Verdict of every SLA rule on every subject, at the moment of the evaluation.",
    group_name="sla",
    owners=OWNERS,
    kinds={"duckdb"},
)


@dg.multi_asset(
    name="pull_and_evaluate",
    specs=[*_raw_specs(), _STATUS],
    check_specs=check_specs(),
    can_subset=True,
    pool=POOL,
)
def watch(
    context: dg.AssetExecutionContext, config: WatchConfig, platform: PlatformResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Pull the sources, then evaluate the rules."""
    opened = platform.open()
    with opened.warehouse.turn("the watch lane"):
        yield from _pull_and_evaluate(context, config, platform, opened)


def _pull_and_evaluate(
    context: dg.AssetExecutionContext,
    config: WatchConfig,
    platform: PlatformResource,
    opened: Platform,
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    selected = context.selected_asset_keys
    _sync(context, opened, platform.now())
    _run_errands(context, opened, platform.now())
    if any(key.path[0] == "raw" for key in selected):
        names = config.sources or list(opened.config.sources)
        reports = [_pull(context, opened, name, platform.now()) for name in names]
        yield from _materialized(reports, selected)
    if STATUS_KEY in selected:
        evaluation = steps.evaluate_rules(opened, now=platform.now())
        _export(context, opened, platform.now())
        _settle_drills(context, opened, platform.now())
        yield dg.MaterializeResult(asset_key=STATUS_KEY, metadata=_summary(evaluation))
        wanted = {key.name for key in context.selected_asset_check_keys}
        for verdicts in evaluation.rules:
            if verdicts.rule in wanted:
                yield check_result(
                    verdicts,
                    evaluation_id=evaluation.evaluation_id,
                    dashboard_url=opened.config.dashboard_url,
                )


routed_watch = routed(watch)


def kept_fresh(heartbeat_s: float) -> dg.AssetsDefinition:
    """Return the step whose verdicts Dagster calls stale when a heartbeat of theirs is missed.

    Args:
        heartbeat_s: Rules are evaluated this often though nothing arrives, seconds.
    """
    beat = timedelta(seconds=heartbeat_s)
    policy = dg.FreshnessPolicy.time_window(warn_window=1.5 * beat, fail_window=3 * beat)
    return routed_watch.map_asset_specs(
        lambda spec: (
            spec.replace_attributes(freshness_policy=policy) if spec.key == STATUS_KEY else spec
        )
    )


def _sync(context: dg.AssetExecutionContext, platform: Platform, now: datetime) -> None:
    try:
        report = steps.sync_inventory(platform, now=now)
    except (ConfigError, WarehouseError) as error:
        context.log.error(f"the inventory was not stored, the last one stays in force: {error}")
        return
    if report is not None:
        context.log.info(f"inventory stored: {report}")


def _export(context: dg.AssetExecutionContext, platform: Platform, now: datetime) -> None:
    try:
        export_history(platform, now=now)
    except Exception as error:  # noqa: BLE001 - the history of alerts must not cost an alert
        context.log.error(f"the history of alerts was not stored, it will be next time: {error!r}")


def _run_errands(context: dg.AssetExecutionContext, platform: Platform, now: datetime) -> None:
    try:
        for told in run_errands(platform, now=now):
            context.log.info(told)
    except Exception as error:  # noqa: BLE001 - they wait on, and must not cost an alert
        context.log.error(f"what people asked for was not done, it waits: {error!r}")


def _settle_drills(context: dg.AssetExecutionContext, platform: Platform, now: datetime) -> None:
    try:
        for told in settle_live(platform, now=now):
            context.log.info(told)
    except Exception as error:  # noqa: BLE001 - the requests stay open, and must not cost an alert
        context.log.error(f"requests of drills were not looked at, they stay open: {error!r}")


def _pull(
    context: dg.AssetExecutionContext, platform: Platform, source_id: str, now: datetime
) -> PullReport:
    try:
        report = steps.pull_source(platform, source_id, now=now)
    except Exception as error:  # noqa: BLE001 - the rules must be evaluated whatever happens here
        context.log.error(f"{source_id}: nothing was stored, it stays on offer: {error!r}")
        return PullReport(source_id, 0, (), 0, 0, (repr(error),))
    for problem in report.errors:
        context.log.warning(f"{source_id}: {problem}")
    return report


def _materialized(
    reports: list[PullReport], selected: set[dg.AssetKey]
) -> Iterator[dg.MaterializeResult[None]]:
    for table in RAW_TABLES:
        key = dg.AssetKey(["raw", table.name])
        changed = sum(report.changed(table.name) for report in reports)
        if key in selected and (changed or key == PULLS_KEY):
            yield dg.MaterializeResult(asset_key=key, metadata=_pulled(reports, changed, key))


def _pulled(
    reports: list[PullReport], changed: int, key: dg.AssetKey
) -> dict[str, int | list[str]]:
    metadata: dict[str, int | list[str]] = {"changed_rows": changed}
    if key == PULLS_KEY:
        metadata |= {
            "files": sum(report.files for report in reports),
            "records_seen": sum(report.seen for report in reports),
            "records_rejected": sum(report.rejected for report in reports),
            "problems": [f"{r.source_id}: {e}" for r in reports for e in r.errors],
        }
    return metadata


def _summary(evaluation: SlaEvaluation) -> dict[str, Any]:
    totals = {
        status: sum(verdicts.count(status) for verdicts in evaluation.rules)
        for status in ("ok", "approaching", "breached", "unknown")
    }
    changes_at = evaluation.changes_at
    return {
        **totals,
        "rules": len(evaluation.rules),
        "blind_rules": [v.rule for v in evaluation.rules if v.error is not None],
        "changes_at": "never" if changes_at is None else changes_at.isoformat() + "Z",
    }
