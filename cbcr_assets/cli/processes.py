"""`cbcr up`: one process tree with a clean start and a clean stop.

Belongs here: starting, watching and stopping webserver, daemon, code locations, Streamlit and the
listener for Slack's button.
Does not belong here: what they do.
"""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import typer

from cbcr_assets.alerting.receivers.slack_interactivity import HEALTH
from cbcr_assets.config.main import SlackButton
from cbcr_assets.steps.platform import CODE_ROOT, Platform
from cbcr_assets.templates import read_template

_READY_S = 180
_STOP_S = 20
_HOST = "127.0.0.1"
_WILDCARDS = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True)
class Child:
    """One started server.

    Attributes:
        name: What a person calls it.
        url: Where people find it.
        health: Answers when it is ready.
        log: File of its output.
        process: The process.
    """

    name: str
    url: str
    health: str
    log: Path
    process: subprocess.Popen[bytes]


def up(platform: Platform, *, port: int, dashboard_port: int) -> None:
    """Run everything until Ctrl-C, SIGTERM, or until one of the servers dies."""
    with _servers(platform, port=port, dashboard_port=dashboard_port) as children:
        _wait_until_ready(children)
        for child in children:
            typer.echo(f"{child.name:10} {child.url}")
        typer.echo("Ctrl-C stops everything")
        _watch(children)


@contextmanager
def _servers(platform: Platform, *, port: int, dashboard_port: int) -> Iterator[list[Child]]:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _stop_requested)
    environ = _environment(platform)
    children: list[Child] = []
    try:
        children.append(_dagster(platform, environ, port))
        children.append(_streamlit(platform, environ, dashboard_port))
        if platform.config.slack_button is not None:
            children.append(_slack_button(platform, environ, platform.config.slack_button))
        yield children
    except KeyboardInterrupt:
        typer.echo("stopping …", err=True)
    finally:
        _stop(children, graphql=f"http://{_HOST}:{port}/graphql")


def _stop_requested(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _environment(platform: Platform) -> dict[str, str]:
    home = platform.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(read_template("dagster.yaml"), encoding="utf-8")
    return {
        **platform.environ,
        "CBCR_CONFIG": str(platform.config.file),
        "CBCR_HOME": str(platform.home),
        "CBCR_SERVING": str(platform.config.serving),
        "DAGSTER_HOME": str(home),
    }


def _dagster(platform: Platform, environ: Mapping[str, str], port: int) -> Child:
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(CODE_ROOT / "workspace.yaml")]
    command += ["-h", _HOST, "-p", str(port)]
    url = f"http://{_HOST}:{port}"
    return _start("Dagster", url, f"{url}/server_info", command, environ, platform)


def _streamlit(platform: Platform, environ: Mapping[str, str], port: int) -> Child:
    # The app itself refuses to listen where strangers could look: see streamlit_app.server.
    address = platform.config.dashboards.address
    command = [sys.executable, "-m", "streamlit", "run", str(CODE_ROOT / "streamlit_app/app.py")]
    command += ["--server.port", str(port), "--server.address", address]
    command += ["--server.headless", "true", "--browser.gatherUsageStats", "false"]
    command += ["--server.fileWatcherType", "none"]
    here = _HOST if address in _WILDCARDS else address
    url = f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"
    return _start("Streamlit", url, f"{url}/_stcore/health", command, environ, platform)


def _slack_button(platform: Platform, environ: Mapping[str, str], place: SlackButton) -> Child:
    code = "from cbcr_assets.cli import main; main()"
    command = [sys.executable, "-c", code, "alerts", "serve-slack"]
    url = f"http://{place.host}:{place.port}"
    return _start("Slack", url, url + HEALTH, command, environ, platform)


def _start(
    name: str,
    url: str,
    health: str,
    command: list[str],
    environ: Mapping[str, str],
    platform: Platform,
) -> Child:
    log = platform.home / "logs" / f"{name.lower()}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=dict(environ),
            cwd=platform.home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C must reach us alone: we end runs in flight before the servers go.
            start_new_session=True,
        )
    return Child(name, url, health, log, process)


def _wait_until_ready(children: list[Child]) -> None:
    deadline = time.monotonic() + _READY_S
    for child in children:
        while not _answers(child.health):
            _fail_if_dead(child)
            if time.monotonic() > deadline:
                raise _failed(child, f"is not ready after {_READY_S} s")
            time.sleep(0.3)


def _watch(children: list[Child]) -> None:
    while True:
        for child in children:
            _fail_if_dead(child)
        time.sleep(1)


def _fail_if_dead(child: Child) -> None:
    if child.process.poll() is not None:
        raise _failed(child, f"ended with exit code {child.process.returncode}")


def _failed(child: Child, what: str) -> typer.Exit:
    tail = child.log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
    typer.echo("\n".join(tail), err=True)
    typer.echo(f"{child.name} {what}; its log is {child.log}", err=True)
    return typer.Exit(1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def _stop(children: list[Child], *, graphql: str) -> None:
    """End runs in flight first: a dbt child would otherwise live on and write."""
    _end_runs(graphql)
    tree = [p for child in children for p in _descendants(child.process.pid)]
    for child in children:
        if child.process.poll() is None:
            child.process.send_signal(signal.SIGINT)
    for child in children:
        try:
            child.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.process.kill()
    for process in tree:
        if process.is_running():
            process.terminate()
    _, alive = psutil.wait_procs(tree, timeout=5)
    for process in alive:
        process.kill()


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
        return found
    except psutil.NoSuchProcess:
        return []


_UNFINISHED = """{ runsOrError(filter: {statuses: [QUEUED, NOT_STARTED, STARTING, STARTED]}) {
  ... on Runs { results { runId } } } }"""
_TERMINATE = """mutation ($ids: [String!]!) { terminateRuns(runIds: $ids,
  terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) { __typename } }"""


def _end_runs(graphql: str) -> None:
    try:
        data = _post(graphql, {"query": _UNFINISHED})
        ids = [run["runId"] for run in data["data"]["runsOrError"]["results"]]
        if ids:
            _post(graphql, {"query": _TERMINATE, "variables": {"ids": ids}})
    except (OSError, ValueError, KeyError, TypeError):
        return  # the webserver is gone already; the process tree is ended below all the same


def _post(
    url: str, body: dict[str, object]
) -> dict[str, dict[str, dict[str, list[dict[str, str]]]]]:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        decoded: dict[str, dict[str, dict[str, list[dict[str, str]]]]] = json.load(answer)
        return decoded
