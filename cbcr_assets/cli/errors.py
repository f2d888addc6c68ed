"""Errors that people can act on, told as one clear message and an exit code.

Belongs here: from exceptions of our rooms to words on stderr. Does not belong here: commands.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

WRONG_USE = 2
BAD_ANSWER = 1


@contextmanager
def explained() -> Iterator[None]:
    """Turn known errors into a message on stderr and the exit code that fits."""
    try:
        yield
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        lines, code = _told(error)
        if not lines:
            raise
        for line in lines:
            typer.echo(line, err=True)
        sys.exit(code)


def _told(error: Exception) -> tuple[list[str], int]:
    """Return what to say and the exit code; nothing of an error that is nobody's but ours."""
    # Their rooms cost more than a command that succeeds: only an error asks for them.
    from cbcr_assets.alerting import StoreError
    from cbcr_assets.config import ConfigError
    from cbcr_assets.warehouse import WarehouseError

    if isinstance(error, ConfigError):
        return [str(problem) for problem in error.problems], WRONG_USE
    if isinstance(error, (WarehouseError, StoreError)):
        return [str(error)], BAD_ANSWER
    return [], BAD_ANSWER


def wrong_use(message: str) -> typer.Exit:
    """Print why the call is wrong; raise the result."""
    typer.echo(message, err=True)
    return typer.Exit(WRONG_USE)
