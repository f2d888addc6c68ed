"""`cbcr alerts serve-slack`: where Slack reports that somebody pressed Acknowledge.

Belongs here: arguments, starting, stopping. Does not belong here: what a press does (see
`steps.slack_button`), what Slack sends (see `alerting.receivers.slack_interactivity`).
"""

import signal
import threading
from typing import Annotated

import typer

from cbcr_assets.alerting.receivers.slack_interactivity import Interactivity, serving
from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import now_utc
from cbcr_assets.config.main import SlackButton
from cbcr_assets.steps.platform import open_running
from cbcr_assets.steps.slack_button import NoSecretError, presses, signing_secrets


def serve_slack(
    host: Annotated[
        str | None, typer.Option(help="By default as `slack_button` in cbcr.yaml says.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Likewise; 0 is any free one.")
    ] = None,
) -> None:
    """Take presses of the button Acknowledge from Slack until it is told to stop."""
    platform = open_running()
    place = platform.config.slack_button or SlackButton()
    at = host or place.host, place.port if port is None else port
    stop = threading.Event()
    try:
        platform.alerts()
        secrets = signing_secrets(platform.policy())
        with (
            presses(platform, now_utc) as acknowledge,
            serving(Interactivity(secrets, acknowledge), host=at[0], port=at[1]) as bound,
        ):
            for name in (signal.SIGINT, signal.SIGTERM):
                signal.signal(name, lambda *_: stop.set())
            typer.echo(f"Slack's button on http://{at[0]}:{bound}", err=True)
            stop.wait()
    except (NoSecretError, OSError) as error:
        raise wrong_use(str(error)) from None
