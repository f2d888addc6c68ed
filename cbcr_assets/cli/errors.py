"""Errors that people can act on, told as one clear message and an exit code.

Belongs here: from exceptions of our rooms to words on stderr. Does not belong here: commands.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from cbcr_assets.alerting import StoreError
from cbcr_assets.config import ConfigError
from cbcr_assets.warehouse import WarehouseError

WRONG_USE = 2
BAD_ANSWER = 1


@contextmanager
def explained() -> Iterator[None]:
    """Turn known errors into a message on stderr and the exit code that fits."""
    try:
        yield
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        sys.exit(WRONG_USE)
    except (WarehouseError, StoreError) as error:
        typer.echo(str(error), err=True)
        sys.exit(BAD_ANSWER)
    except BrokenPipeError:
        sys.exit(0)


def wrong_use(message: str) -> typer.Exit:
    """Print why the call is wrong; raise the result."""
    typer.echo(message, err=True)
    return typer.Exit(WRONG_USE)
