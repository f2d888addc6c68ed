"""`cbcr inspect`: what CBCR reads out of a tool's own output. Nothing is stored.

Belongs here: guessing the kind of a file, printing records and rejects.
Does not belong here: parsing (see `cbcr_assets.connectors`).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import Format, FormatOption, show
from cbcr_assets.connectors.base import Connector, Envelope, Parsed
from cbcr_assets.connectors.registry import CONNECTORS, connector


def inspect(
    tool: Annotated[str, typer.Argument(help="Backup tool, such as pgbackrest.")],
    files: Annotated[list[Path], typer.Argument(help="Outputs and logs of that tool.")],
    kind: Annotated[str | None, typer.Option(help="Kind of the files; default: guessed.")] = None,
    timezone: Annotated[str, typer.Option(help="Zone of stamps without an offset.")] = "UTC",
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """Show the records and rejects that CBCR reads out of files. Exit 1 when there are rejects."""
    if tool not in CONNECTORS:
        raise wrong_use(f"no tool {tool!r}; there are: {', '.join(sorted(CONNECTORS))}")
    reader = connector(tool)
    rejected = 0
    for path in files:
        parsed = _read(reader, path, kind or _guess(reader, path), timezone)
        rejected += len(parsed.rejects)
        _print(path, parsed, answer_format)
    raise typer.Exit(1 if rejected else 0)


def _read(reader: Connector, path: Path, kind: str, timezone: str) -> Parsed:
    try:
        payload = path.read_bytes().decode("utf-8", "backslashreplace")
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
    except OSError as error:
        raise wrong_use(f"{path}: {error.strerror}") from error
    stream = path.name if kind.endswith("log") else ""
    return reader.parse(
        Envelope("inspect", kind, path.name, payload, written, written, tz=timezone, stream=stream)
    )


def _guess(reader: Connector, path: Path) -> str:
    """Take the kind whose name is in the file's, else the one for documents or logs."""
    stem = path.name.replace("-", "_")
    named = [kind for kind in sorted(reader.kinds) if kind.removesuffix("_log") in stem]
    if named:
        return named[0]
    if path.suffix == ".json":
        documents = [kind for kind in sorted(reader.kinds) if not kind.endswith("log")]
        if documents:
            return documents[0]
    raise wrong_use(f"{path}: say --kind; {reader.tool} has {', '.join(sorted(reader.kinds))}")


def _print(path: Path, parsed: Parsed, answer_format: Format) -> None:
    if answer_format is Format.TABLE:
        typer.echo(f"{path}: {parsed.seen} seen, {len(parsed.rejects)} rejected")
    if parsed.error:
        typer.echo(f"{path}: {parsed.error}", err=True)
    for verdict in parsed.verdicts:
        where = verdict.repo or "every repository"
        typer.echo(f"{path}: all sets of {where}: {verdict.integrity}", err=True)
    for table, frame in parsed.frames.items():
        if answer_format is Format.TABLE:
            typer.echo(f"\nraw.{table}")
        filled = [name for name in frame.columns if frame[name].null_count() < frame.height]
        show(frame.select(filled), answer_format)
    if parsed.rejects:
        rows = [{"where": r.native_id, "rule": r.rule, "reason": r.reason} for r in parsed.rejects]
        show(pl.DataFrame(rows), answer_format)
