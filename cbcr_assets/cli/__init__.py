"""The `cbcr` command: the platform's steps for people and scripts without the UI.

Belongs here: arguments, output formats, exit codes (0 ok, 1 the answer is bad, 2 wrong use).
Does not belong here: the steps themselves (see `cbcr_assets.steps`).
"""

import sys

import typer

from cbcr_assets.cli.errors import explained

__all__ = ["main"]


def main() -> None:
    """Run the command line; problems a person can act on are printed without a stack trace."""
    with explained():
        _commands(sys.argv[1:])()
    sys.exit(0)


def _commands(arguments: list[str]) -> typer.Typer:
    """Return the commands; of all of them only `pull` where that is asked for.

    It is called every minute and mostly finds nothing: loading the others would cost more than it.
    """
    if arguments[:1] != ["pull"]:
        from cbcr_assets.cli.app import app

        return app
    from cbcr_assets.cli.pull import pull

    alone = typer.Typer(name="cbcr", add_completion=False, pretty_exceptions_enable=False)
    alone.callback()(lambda: None)  # with a callback, a lone command keeps its name
    alone.command()(pull)
    return alone
