"""`cbcr build`, `check`, `publish`: the pipeline's steps, the same code as the assets.

Belongs here: arguments and what is printed. Does not belong here: the steps.
"""

from typing import Annotated

import polars as pl
import typer

from cbcr_assets.cli.output import AsOfOption, Format, FormatOption, moment, now_utc, progress, show
from cbcr_assets.steps import analytics, watch
from cbcr_assets.steps.alerts import export_history, tick
from cbcr_assets.steps.platform import Platform, open_platform
from cbcr_assets.steps.quality import check_contract, failures
from cbcr_assets.warehouse.sla import SlaEvaluation, evaluate


def build(
    full_refresh: Annotated[bool, typer.Option(help="Make incremental models anew.")] = False,
    as_of: AsOfOption = None,
) -> None:
    """Check new raw rows, then build all dbt models and run their tests. Exit 1 when one fails.

    Rows that the data contract refuses are left out of the models and named on stderr; they are no
    failure of the build (see `check-data` for that).
    """
    platform = open_platform()
    with progress("building") as bar:
        analytics.prepare(platform)
        bar.add_task("data contract", total=None)
        refused = failures(check_contract(platform, now=now_utc()))
        bar.add_task("dbt build", total=None)
        report = analytics.build(
            platform, full_refresh=full_refresh, as_of=moment(as_of) if as_of else None
        )
    for table, expectation, severity, rows, reason in refused.iter_rows():
        typer.echo(f"{severity}: {table}: {expectation}: {rows} rows: {reason}", err=True)
    typer.echo(report.output)
    raise typer.Exit(0 if report.ok else 1)


def check(as_of: AsOfOption = None, answer_format: FormatOption = Format.TABLE) -> None:
    """Evaluate every SLA rule and show what is not ok. Exit 1 when anything is not.

    Without --as-of the verdicts also go to the alert engine; a replay tells nobody.
    """
    platform = open_platform()
    evaluation = _replay(platform, as_of) if as_of else _evaluate(platform)
    rows = pl.concat([verdicts.rows for verdicts in evaluation.rules])
    bad = rows.filter(pl.col("status") != "ok")
    columns = ("rule", "subject_id", "status", "severity", "since", "summary")
    show(bad.select(columns), answer_format)
    blind = [verdicts for verdicts in evaluation.rules if verdicts.error is not None]
    for verdicts in blind:
        typer.echo(f"{verdicts.rule}: {verdicts.error}", err=True)
    raise typer.Exit(1 if blind or not bad.is_empty() else 0)


def publish() -> None:
    """Publish the warehouse for dashboards and planners."""
    snapshot = analytics.publish(open_platform(), now=now_utc())
    typer.echo(f"published version {snapshot.version}: {snapshot.path}")


def _evaluate(platform: Platform) -> SlaEvaluation:
    now = now_utc()
    evaluation = watch.evaluate_rules(platform, now=now)
    tick(platform, platform.alerts(), now=now)
    export_history(platform, now=now)
    return evaluation


def _replay(platform: Platform, as_of: str) -> SlaEvaluation:
    at = moment(as_of)
    with platform.warehouse.live(as_of=at) as session:
        return evaluate(session, rules=watch.rules(), evaluation_id="replay", now=at)
