"""`cbcr inventory …`: what the inventory file says, against what is stored.

Belongs here: the command. Does not belong here: the comparison (see `inventory_diff`).
"""

import typer

from cbcr_assets.cli.output import Format, FormatOption, show
from cbcr_assets.steps.inventory_diff import inventory_diff
from cbcr_assets.steps.platform import open_platform

app = typer.Typer(help="Look after the inventory.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Look after the inventory."""


@app.command()
def diff(answer_format: FormatOption = Format.TABLE) -> None:
    """Show what the inventory file would change. Exit 1 when there is a difference."""
    found = inventory_diff(open_platform())
    show(found, answer_format)
    raise typer.Exit(1 if found.height else 0)
