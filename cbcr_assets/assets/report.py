"""The compliance report of a month as an asset, and the schedule that makes it.

Belongs here: the asset, its partitions, its metadata, the schedule.
Does not belong here: what a report says, or how it is written (see `cbcr_assets.steps.reporting`).

One partition a month: any month can be made again in the UI. The same period and data give the
same content hash, and that is the asset's data version.
"""

from datetime import datetime

import dagster as dg

from cbcr_assets.assets.publish import SNAPSHOT_KEY
from cbcr_assets.assets.watch import OWNERS
from cbcr_assets.reports.compliance import calendar_month, last_month, verdict_of
from cbcr_assets.reports.compliance.words import percent
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps.platform import Platform
from cbcr_assets.steps.reporting import Issued, issue_report, why_no_report
from cbcr_assets.warehouse import WarehouseError

JOB = "compliance_report"
REPORT_KEY = dg.AssetKey(["reports", "compliance"])
_MONTH = "%Y-%m"
# Months that lie before all data are refused when they are asked for, with the reason.
MONTHS = dg.MonthlyPartitionsDefinition(start_date="2020-01", fmt=_MONTH)


@dg.asset(
    key=REPORT_KEY,
    deps=[SNAPSHOT_KEY],
    partitions_def=MONTHS,
    group_name="reports",
    owners=OWNERS,
    kinds={"pdf", "csv", "parquet"},
    description="The auditor's report of a calendar month as PDF, CSV and Parquet.",
)
def compliance(
    context: dg.AssetExecutionContext, platform: PlatformResource
) -> dg.MaterializeResult[None]:
    """Issue the report of one month; what was issued with the same content stays as it is."""
    month = calendar_month(datetime.fromisoformat(f"{context.partition_key}-01"))
    try:
        issued = issue_report(platform.open(), period=month, now=platform.now())
    except WarehouseError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    report = issued.report
    return dg.MaterializeResult(
        metadata=_metadata(issued), data_version=dg.DataVersion(report.content_sha256)
    )


def report_schedule(platform: Platform) -> dg.ScheduleDefinition:
    """Build the schedule that issues the report of the last calendar month."""

    @dg.schedule(
        name="monthly_compliance_report",
        job_name=JOB,
        cron_schedule=platform.config.reports_cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Issues the compliance report of the last calendar month.",
    )
    def monthly(
        context: dg.ScheduleEvaluationContext, platform: PlatformResource
    ) -> dg.RunRequest | dg.SkipReason:
        """Ask for the report of the last month, unless there cannot be one yet."""
        month = last_month(context.scheduled_execution_time.replace(tzinfo=None))
        reason = why_no_report(platform.open(), period=month)
        if reason is not None:
            return dg.SkipReason(f"no report of {month.begin:{_MONTH}}: {reason}")
        return dg.RunRequest(partition_key=month.begin.strftime(_MONTH))

    return monthly


def _metadata(issued: Issued) -> dict[str, dg.MetadataValue]:
    report = issued.report
    rows = {
        "instances": report.instances,
        "violations": report.violations,
        "restores": report.restores,
        "exclusions": report.exclusions,
    }
    return {
        "verdict": dg.MetadataValue.text(verdict_of(report).headline),
        "compliance": dg.MetadataValue.text(percent(report.figure("compliance"))),
        "unknown_databases": dg.MetadataValue.int(int(report.figure("databases_unknown") or 0)),
        "content_sha256": dg.MetadataValue.text(report.content_sha256),
        "document_sha256": dg.MetadataValue.text(report.document_sha256),
        "snapshot_version": dg.MetadataValue.int(report.issue.data_version),
        "period": dg.MetadataValue.text(report.period.words),
        "is_new": dg.MetadataValue.bool(issued.is_new),
        **{f"rows_{name}": dg.MetadataValue.int(frame.height) for name, frame in rows.items()},
        **{f"file_{path.suffix[1:]}": dg.MetadataValue.path(str(path)) for path in issued.files},
    }
