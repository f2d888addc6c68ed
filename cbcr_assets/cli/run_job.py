"""`cbcr run-job`: wrap a backup or restore command, so that its attempts are on record.

Belongs here: arguments, and which inbox. Does not belong here: running (see `steps.run_job`).
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.steps.platform import open_platform
from cbcr_assets.steps.run_job import run_job as run


class Kind(StrEnum):
    """What is wrapped."""

    BACKUP = "backup"
    RESTORE = "restore"


def run_job(
    words: Annotated[list[str], typer.Argument(help="The command; `--pipe` between stages.")],
    instance: Annotated[str, typer.Option(help="Name of the database instance.")],
    kind: Annotated[Kind, typer.Option(help="backup or restore.")] = Kind.BACKUP,
    backup_type: Annotated[str, typer.Option("--type", help="full, diff, incr, dump.")] = "dump",
    tool: Annotated[
        str | None, typer.Option(help="restic or borg: read what it says with --json.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Source; default: the only one.")] = None,
    inbox: Annotated[
        Path | None, typer.Option(help="Its drop folder, where there is no cbcr.yaml.")
    ] = None,
) -> None:
    """Run a command between a begin and an end record; exit as it does."""
    folder, source_id = _inbox(source, inbox)
    facts = {"instance": instance, "kind": kind.value}
    if kind is Kind.BACKUP:
        facts["type"] = backup_type
    if tool is not None:
        facts["tool"] = tool
    try:
        code = run(folder, source_id, facts, words)
    except ValueError as error:
        raise wrong_use(str(error)) from None
    raise typer.Exit(code)


def _inbox(source: str | None, inbox: Path | None) -> tuple[Path, str]:
    if inbox is not None:
        if source is None:
            raise wrong_use("--inbox needs --source")
        return inbox, source
    drops = {
        name: feed.drop
        for name, found in open_platform().config.sources.items()
        for feed in found.feeds
        if found.tool == "cbcr" and feed.drop is not None
    }
    chosen = source or (next(iter(drops)) if len(drops) == 1 else "")
    if chosen not in drops:
        known = ", ".join(drops) or "none"
        raise wrong_use(f"say --source: those of tool cbcr with a drop folder are: {known}")
    return drops[chosen], chosen
