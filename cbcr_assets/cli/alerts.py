"""`cbcr alerts …`: look at what the alert engine knows, and say something to it.

Belongs here: listing, acknowledging, silencing, ticking. Does not belong here: the engine, and
trying a policy out (see `rehearse`).
"""

import getpass
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any

import polars as pl
import typer

from cbcr_assets.alerting import Ack, Silence, Unsilence
from cbcr_assets.cli import rehearse, serve_slack
from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import Format, FormatOption, now_utc, show
from cbcr_assets.config import Refused
from cbcr_assets.config.matchers import Matcher, read_matcher
from cbcr_assets.config.values import positive_duration_s
from cbcr_assets.steps.alerts import tick as tick_step
from cbcr_assets.steps.platform import open_platform

app = typer.Typer(help="Operate and rehearse the alert engine.", no_args_is_help=True)

MatchersArgument = Annotated[
    list[str], typer.Argument(help="What is meant, such as 'rule=\"rpo\"'; all must match.")
]
ByOption = Annotated[str, typer.Option("--by", help="Who you are; by default the user's name.")]


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Resolved ones, too.")] = False,
    silences: Annotated[bool, typer.Option("--silences", help="Silences instead.")] = False,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """List open alerts. Exit 1 when there are any."""
    service = open_platform().alerts()
    if silences:
        show(_silences(service.silences()), answer_format)
        return
    views = service.alerts(only_open=not every)
    show(pl.DataFrame([view.row() for view in views], infer_schema_length=None), answer_format)
    raise typer.Exit(1 if any(view.is_open for view in views) else 0)


@app.command()
def ack(
    matchers: MatchersArgument,
    by: ByOption = "",
    timeout: Annotated[
        str, typer.Option("--timeout", help="When it lapses, such as 2h; else as the policy says.")
    ] = "",
) -> None:
    """Take care of what fires and matches: its escalation stands still. Exit 1: nothing does."""
    lapses_s = _duration(timeout) if timeout else None
    word = Ack(_matchers(matchers), by or getpass.getuser(), lapses_s)
    count = open_platform().alerts().say(word, now=now_utc())
    typer.echo(f"acknowledged {count}")
    raise typer.Exit(0 if count else 1)


@app.command()
def silence(
    matchers: MatchersArgument,
    lasts: Annotated[str, typer.Option("--for", help="How long, such as 2h.")],
    by: ByOption = "",
    comment: Annotated[str, typer.Option("--comment", help="Why.")] = "",
) -> None:
    """Tell nobody about what matches, for a while. Prints the id that `unsilence` takes."""
    now = now_utc()
    word = Silence(
        uuid.uuid4().hex[:8], _matchers(matchers), now,
        now + timedelta(seconds=_duration(lasts)), by or getpass.getuser(), comment,
    )  # fmt: skip
    open_platform().alerts().say(word, now=now)
    typer.echo(word.id)


@app.command()
def unsilence(
    identity: Annotated[str, typer.Argument(metavar="ID", help="What `silence` printed.")],
    by: ByOption = "",
) -> None:
    """End a silence now."""
    service, now = open_platform().alerts(), now_utc()
    running = {one.id for one in service.silences() if one.end > now}
    if identity not in running:
        raise wrong_use(
            f"no silence {identity!r} lasts; there are: {', '.join(sorted(running)) or 'none'}"
        )
    service.say(Unsilence(identity, by or getpass.getuser()), now=now)
    typer.echo(f"{identity} has ended")


@app.command()
def tick() -> None:
    """Hand over evaluations that no hook saw, deliver what waits: what the sensor does."""
    platform = open_platform()
    outcome = tick_step(platform, platform.alerts(), now=now_utc())
    typer.echo(f"reconciled {outcome.reconciled}, {outcome.delivery}")


app.command("serve-slack")(serve_slack.serve_slack)
app.command("test-route")(rehearse.try_route)
app.command()(rehearse.simulate)
app.command("import-alertmanager")(rehearse.import_alertmanager)
app.command()(rehearse.schema)


def _matchers(texts: Iterable[str]) -> tuple[Matcher, ...]:
    try:
        return tuple(read_matcher(text) for text in texts)
    except Refused as error:
        raise wrong_use(str(error)) from None


def _duration(text: str) -> float:
    try:
        return positive_duration_s(text)
    except Refused as error:
        raise wrong_use(str(error)) from None


def _silences(found: Iterable[Silence]) -> pl.DataFrame:
    rows = [
        {"id": one.id, "matchers": ", ".join(str(m) for m in one.matchers), "start": one.start,
         "end": one.end, "by": one.by, "comment": one.comment}
        for one in found
    ]  # fmt: skip
    schema: Any = {"id": pl.String, "matchers": pl.String, "start": pl.Datetime("us"),
              "end": pl.Datetime("us"), "by": pl.String, "comment": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema)
