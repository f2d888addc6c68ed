"""The command tree. Commands are registered here, once, in the order of the help text.

Belongs here: names and grouping. Does not belong here: the commands' code.
"""

import typer

from cbcr_assets.cli import (
    alerts,
    capacity,
    data,
    drills,
    health,
    inspect,
    inventory,
    metrics,
    operate,
    pipeline,
    pull,
    quarantine,
    report,
    retention,
    run_job,
    signals,
)

app = typer.Typer(
    name="cbcr",
    help="Could we restore, how much would we lose, how long would it take?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(operate.demo)
app.command()(operate.init)
app.command()(operate.doctor)
app.command()(operate.up)
app.command("inspect")(inspect.inspect)
app.command()(pull.pull)
app.command()(pipeline.build)
app.command()(pipeline.check)
app.command("check-data")(quarantine.check_data)
app.command()(pipeline.publish)
app.command("import")(data.import_)
app.command()(data.sql)
app.command()(data.rpo)
app.command()(report.report)
app.command()(health.health)
app.command("anomalies")(signals.list_anomalies)
app.command("correlations")(signals.list_correlations)
app.command("run-job")(run_job.run_job)
app.add_typer(capacity.app, name="capacity")
app.add_typer(inventory.app, name="inventory")
app.add_typer(retention.app, name="retention")
app.add_typer(alerts.app, name="alerts")
app.add_typer(metrics.app, name="metrics")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(drills.app, name="drills")
app.command()(drills.audit)
