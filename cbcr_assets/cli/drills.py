"""`cbcr drills …` and `cbcr audit`: ask that a restore be proven, and see what people did.

Belongs here: arguments and what is printed. Does not belong here: what a request is (see
`cbcr_assets.steps.drills`), what is written down (see `cbcr_assets.steps.acting`).
"""

import getpass
import uuid
from typing import Annotated

import polars as pl
import typer

from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import Format, FormatOption, now_utc, show
from cbcr_assets.config.dashboards import Role
from cbcr_assets.steps import actions, drills
from cbcr_assets.steps.acting import DONE, FAILED, Desk, Outcome, Person
from cbcr_assets.steps.platform import Platform, open_platform
from cbcr_assets.warehouse import WarehouseMissing

app = typer.Typer(help="Ask for restore drills, and see which wait.", no_args_is_help=True)

ByOption = Annotated[str, typer.Option("--by", help="Who you are; by default the user's name.")]


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Answered and withdrawn ones, too.")] = False,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """List requested drills, those that wait the longest first. Exit 1 when one waits."""
    platform = open_platform()
    _settle(platform)
    found = drills.requests(platform, every=every)
    show(pl.DataFrame([one.row() for one in found], infer_schema_length=None), answer_format)
    raise typer.Exit(1 if any(one.state == "open" for one in found) else 0)


@app.command()
def request(
    instance: Annotated[str, typer.Argument(help="Instance, as in the inventory.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    by: ByOption = "",
) -> None:
    """Ask the team of an instance to restore and verify it; a verified restore answers it."""
    platform = open_platform()
    team = _team(platform, instance)
    desk = _desk(platform, by)
    _say(actions.request_drill(desk, instance, reason=reason, key=uuid.uuid4().hex, team=team))


@app.command()
def withdraw(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `cbcr drills list` says.")],
    by: ByOption = "",
) -> None:
    """Withdraw a request. Exit 1 when it waits no longer."""
    desk = _desk(open_platform(), by)
    _say(actions.withdraw_drill(desk, identity, key=uuid.uuid4().hex))


def audit(
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """List what people did on the dashboards and asked of drills, the newest first."""
    found = actions.audit(_desk(open_platform(), ""), limit=limit)
    show(pl.DataFrame([deed.row() for deed in found], infer_schema_length=None), answer_format)


def _desk(platform: Platform, by: str) -> Desk:
    # Who may run the command may read and write every file of CBCR anyhow.
    return Desk(platform, Person(by or getpass.getuser(), Role.ADMIN, "command line"), now_utc())


def _say(outcome: Outcome) -> None:
    if outcome.kind == FAILED:
        raise wrong_use(outcome.text)
    typer.echo(outcome.text)
    raise typer.Exit(0 if outcome.kind == DONE else 1)


def _settle(platform: Platform) -> None:
    """Close what a published restore has answered; the watch lane does it as restores arrive."""
    try:
        with platform.warehouse.read() as session:
            drills.settle(platform, session)
    except WarehouseMissing:
        return


def _team(platform: Platform, instance: str) -> str:
    """Return the team of an instance; refuse one that nobody knows."""
    try:
        with platform.warehouse.read() as session:
            rows = session.rows(
                "select coalesce(team, '') from raw.instances where instance_id = $id",
                {"id": instance},
            )
    except WarehouseMissing:
        return ""
    if not rows:
        raise wrong_use(f"no instance {instance!r}; the inventory knows its instances")
    return str(rows[0][0])
