"""`cbcr retention …`: what is older than it must be, and letting it go.

Belongs here: the commands. Does not belong here: the rules (see `steps.retention`).
"""

import typer

from cbcr_assets.cli.output import Format, FormatOption, now_utc, progress, show
from cbcr_assets.steps.platform import open_platform
from cbcr_assets.steps.retention import compact, retain, retention_plan

app = typer.Typer(help="How long tables and ended alerts are kept.", no_args_is_help=True)


@app.command()
def plan(answer_format: FormatOption = Format.TABLE) -> None:
    """Show every table with its age, and the rows and bytes that `apply` would remove."""
    show(retention_plan(open_platform(), now=now_utc()), answer_format)


@app.command("apply")
def apply_(
    shrink: bool = typer.Option(False, "--compact", help="Then write the file anew, smaller."),
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """Remove what is too old; `cbcr up` does it once a day."""
    platform = open_platform()
    show(retain(platform, now=now_utc()), answer_format)
    if shrink:
        with progress("writing the warehouse anew") as bar:
            bar.add_task("compact", total=None)
            before, after = compact(platform)
        typer.echo(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after", err=True)
