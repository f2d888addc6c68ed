"""`cbcr alerts test-route|simulate|…`: try a policy out before somebody is woken up by it.

Belongs here: commands that need a policy and nothing else. Does not belong here: the engine.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from cbcr_assets.alerting.route import Node, compile_routes, matching
from cbcr_assets.alerting.simulation import as_lines
from cbcr_assets.alerting.simulation import simulate as play
from cbcr_assets.alerting.timeline import ReceiverFault, load_timeline
from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import Format, FormatOption, show
from cbcr_assets.config import Policy, load_policy
from cbcr_assets.config.alertmanager import convert
from cbcr_assets.config.policy_schema import policy_schema
from cbcr_assets.config.problems import closest
from cbcr_assets.steps.platform import open_platform

PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="An alerting.yaml; by default the configured one.")
]


def try_route(
    labels: Annotated[
        list[str], typer.Argument(help="Labels of an alert, such as rule=rpo severity=critical.")
    ],
    policy: PolicyOption = None,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """Show who would be told about an alert with these labels, and when. Tells nobody."""
    given = dict(_label(text) for text in labels)
    root = compile_routes(_policy(policy).route)
    show(pl.DataFrame([_route(node, given) for node in matching(root, given)]), answer_format)


def simulate(
    timeline: Annotated[Path, typer.Option("--timeline", help="What happens: YAML or JSON.")],
    policy: PolicyOption = None,
    answer_format: FormatOption = Format.TABLE,
) -> None:
    """Play a timeline against a policy: the real engine on a virtual clock. Tells nobody.

    With --format json each delivered message is one JSON object on a line of its own.
    """
    loaded, happens = _policy(policy), load_timeline(timeline)
    for event in happens.events:
        if isinstance(event, ReceiverFault) and event.receiver not in loaded.receivers:
            near = closest(event.receiver, list(loaded.receivers))
            hint = f"; did you mean {near!r}?" if near else ""
            raise wrong_use(f"{timeline}: unknown receiver {event.receiver!r}{hint}")
    delivered = play(loaded, happens)
    if answer_format is Format.JSON:
        typer.echo(as_lines(delivered), nl=False)
        return
    schema = ("t", "receiver", "reason", "group", "firing", "resolved", "step")
    rows = [_message(one) for one in delivered]
    show(pl.DataFrame(rows, schema=schema, orient="row"), answer_format)


def import_alertmanager(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An alertmanager.yml.")],
) -> None:
    """Turn an alertmanager.yml into an alerting.yaml on stdout; what has no place is told."""
    converted = convert(file)
    typer.echo(converted.text, nl=False)
    for note in converted.notes:
        typer.echo(note, err=True)


def schema() -> None:
    """Print the JSON schema of alerting.yaml, for editors."""
    typer.echo(json.dumps(policy_schema(), indent=2))


def _policy(path: Path | None) -> Policy:
    if path is None:
        path = open_platform().config.alerting
    return load_policy(path, environ=os.environ)


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise wrong_use(f"{text!r} is no label; write name=value")
    return name, value.strip('"')


def _route(node: Node, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "receiver": node.receiver,
        "route": node.id,
        "group": _plain(node.labels_of_group(labels)),
        "group_wait_s": node.rhythm.wait_s,
        "group_interval_s": node.rhythm.interval_s,
        "repeat_interval_s": node.rhythm.repeat_s,
        "escalation": node.escalation or "",
    }


def _message(one: dict[str, Any]) -> tuple[Any, ...]:
    totals = one["totals"]
    return (
        one["t"], one["receiver"], one["reason"], _plain(one["group"]), totals["firing"],
        totals["resolved"], one["escalation_step"],
    )  # fmt: skip


def _plain(labels: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels.items())
