"""The `cbcr` command: the platform's steps for people and scripts without the UI.

Belongs here: arguments, output formats, exit codes (0 ok, 1 the answer is bad, 2 wrong use).
Does not belong here: the steps themselves (see `cbcr_assets.steps`).
"""

import sys

from cbcr_assets.cli.app import app
from cbcr_assets.cli.errors import explained

__all__ = ["main"]


def main() -> None:
    """Run the command line; problems a person can act on are printed without a stack trace."""
    with explained():
        app()
    sys.exit(0)
