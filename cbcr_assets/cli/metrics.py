"""`cbcr metrics …`: the state of the fleet for a monitoring system.

Belongs here: arguments, stopping. Does not belong here: what is served (see `metrics`).
"""

import signal
import sys
from collections import Counter
from typing import Annotated

import typer

from cbcr_assets.cli.errors import wrong_use
from cbcr_assets.cli.output import now_utc
from cbcr_assets.config.values import SecretRef
from cbcr_assets.metrics.exposition import expose
from cbcr_assets.metrics.server import MetricsServer
from cbcr_assets.steps.platform import Platform, open_platform, open_running

app = typer.Typer(help="Metrics of the fleet, for Prometheus and its like.", no_args_is_help=True)


@app.command()
def show() -> None:
    """Print what a scrape would be answered."""
    typer.echo(_text(open_platform()), nl=False)


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 is any free one.")] = 9464,
    host: Annotated[str, typer.Option(help="Others than 127.0.0.1 need --token.")] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option(help="Where the bearer token is: env:NAME or file:PATH.")
    ] = None,
) -> None:
    """Serve /metrics until it is told to stop; a refused configuration does not end it."""
    platform = open_running()
    try:
        secret = SecretRef(token).resolve(platform.environ) if token else None
        server = MetricsServer(host, port, text=lambda: _text(platform), token=secret)
    except (ValueError, OSError) as error:
        raise wrong_use(str(error)) from None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with server:
        typer.echo(f"metrics on http://{host}:{server.server_port}/metrics", err=True)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            return


def _text(platform: Platform) -> str:
    views = platform.alerts().alerts(only_open=True)
    counts = Counter((view.state, view.severity) for view in views)
    return expose(platform.config.serving, now=now_utc(), alerts=counts)
