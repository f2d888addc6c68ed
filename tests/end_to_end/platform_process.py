"""`cbcr up` as a user starts it, with a stub Slack at the other end of real HTTP.

Belongs here: writing a configuration, starting and stopping the platform, recording what arrives.
Does not belong here: what is tested. Loaded by path like `lab`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN = "xoxb-test-token"


@dataclass
class StubSlack:
    """Answers like Slack's Web API and remembers what arrived, and when (UTC)."""

    messages: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    def matching(self, *words: str) -> list[tuple[datetime, dict[str, Any]]]:
        """Return the messages whose JSON text holds every word."""
        return [
            (at, body) for at, body in list(self.messages)
            if all(word in json.dumps(body) for word in words)
        ]  # fmt: skip

    def wait_after(
        self, moment: datetime, *words: str, timeout_s: float
    ) -> tuple[datetime, dict[str, Any]]:
        """Wait for the first message with these words that arrives after a moment."""

        def later() -> list[tuple[datetime, dict[str, Any]]]:
            return [(at, body) for at, body in self.matching(*words) if at > moment]

        wait_until(lambda: bool(later()), timeout_s, f"Slack: {words} after {moment}")
        return later()[0]

    def wait(
        self, *words: str, timeout_s: float, count: int = 1
    ) -> tuple[datetime, dict[str, Any]]:
        """Wait for the `count`-th message with these words."""
        wait_until(lambda: len(self.matching(*words)) >= count, timeout_s, f"Slack: {words}")
        return self.matching(*words)[count - 1]


@contextmanager
def stub_slack() -> Iterator[StubSlack]:
    """Serve a stub Slack on a free loopback port."""
    stub = StubSlack()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived = datetime.now(UTC)
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.headers.get("authorization") != f"Bearer {TOKEN}":
                self._answer({"ok": False, "error": "invalid_auth"})
                return
            stub.messages.append((arrived, {"path": self.path, **json.loads(raw)}))
            stamp = f"{arrived.timestamp():.6f}"
            self._answer({"ok": True, "ts": stamp, "channel": "C1", "message": {"ts": stamp}})

        def _answer(self, body: Mapping[str, object]) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}/api/"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


CBCR_YAML = """
sources:
  pgbr:
    tool: pgbackrest
    every: 5s
    stale_after: 10m
    feeds:
      - kind: info
        command: [pgbackrest, --config={conf}, info, --output=json, --log-level-file=off]
        timeout: 15s
      - {{kind: backup_log, file: {log}/*-backup.log}}
      - {{kind: restore_log, file: {log}/*-restore.log}}
      - {{kind: expire_log, file: {log}/*-expire.log}}
  drills:
    tool: cbcr
    every: 5s
    stale_after: 1d
    feeds:
      - drop: inbox
inventory: inventory.yaml
alerting: alerting.yaml
lanes:
  build_every: "{build_every}"
"""
INVENTORY_YAML = """
instances:
  - id: orders-db
    db_type: postgresql
    team: payments
    tier: 1
    rpo: {rpo}
    rto: 1h
    environment: test
    aliases: [{{source: pgbr, name: orders}}]
"""
ALERTING_YAML = """
route: {receiver: slack}
receivers:
  - name: slack
    type: slack
    token: env:CBCR_TEST_SLACK_TOKEN
    channel: "#on-call"
    base_url: URL
    send_resolved: true
"""


def write_config(
    home: Path, *, conf: Path, log: Path, slack: str, rpo: str, build_every: str = "0 0 1 1 *"
) -> Path:
    """Write the three files of a user; return cbcr.yaml."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "inbox" / "drills" / "drill").mkdir(parents=True)
    (home / "inventory.yaml").write_text(INVENTORY_YAML.format(rpo=rpo))
    (home / "alerting.yaml").write_text(ALERTING_YAML.replace("URL", slack))
    (home / "cbcr.yaml").write_text(CBCR_YAML.format(conf=conf, log=log, build_every=build_every))
    return home / "cbcr.yaml"


@dataclass
class RunningPlatform:
    """A started `cbcr up`."""

    config: Path
    environ: dict[str, str]
    port: int
    dashboard_port: int
    process: subprocess.Popen[bytes]
    output: Path

    def cbcr(self, *arguments: str, timeout_s: float = 180) -> subprocess.CompletedProcess[str]:
        """Run another `cbcr` command on the same platform."""
        return subprocess.run(
            [*CBCR, *arguments], env=self.environ, cwd=self.config.parent, text=True,
            capture_output=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def graphql(self, query: str, variables: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Ask the webserver."""
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            decoded: dict[str, Any] = json.load(answer)
            return decoded

    def launch_build(self) -> str:
        """Launch the job that builds and publishes; return the run's id."""
        launched = self.graphql(_LAUNCH_BUILD)["data"]["launchRun"]
        run_id: str = launched["run"]["runId"]
        return run_id

    def run_status(self, run_id: str) -> str:
        """Return the status of a run, such as SUCCESS."""
        found = self.graphql(_STATUS, {"id": run_id})
        status: str = found["data"]["runOrError"]["status"]
        return status


_LAUNCH_BUILD = """mutation { launchRun(executionParams: {mode: "default", selector: {
  repositoryLocationName: "analytics", repositoryName: "__repository__",
  jobName: "build_and_publish"}}) { __typename ... on LaunchRunSuccess { run { runId } } } }"""
_STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"

CBCR = [sys.executable, "-c", "from cbcr_assets.cli import main; main()"]


@contextmanager
def running_platform(config: Path, *, ready_s: float = 300) -> Iterator[RunningPlatform]:
    """Start `cbcr up` and stop it with SIGINT at the end; nothing of it may stay alive."""
    port, dashboard_port = free_port(), free_port()
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("CBCR_", "DAGSTER_"))},
        "CBCR_CONFIG": str(config),
        "CBCR_TEST_SLACK_TOKEN": TOKEN,
    }
    output = config.parent / "up.log"
    ports = ["--port", str(port), "--dashboard-port", str(dashboard_port)]
    with output.open("wb") as log:
        process = subprocess.Popen(
            [*CBCR, "up", *ports], env=environ, cwd=config.parent, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT, preexec_fn=_default_signals,
        )  # fmt: skip
    platform = RunningPlatform(config, environ, port, dashboard_port, process, output)
    try:
        wait_until(
            lambda: process.poll() is not None or b"Ctrl-C stops" in output.read_bytes(),
            ready_s, "cbcr up is ready",
        )  # fmt: skip
        if process.poll() is not None:
            raise AssertionError(f"cbcr up ended: {output.read_text()}")
        yield platform
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def _default_signals() -> None:
    # A parent that ignores SIGINT makes its children unstoppable.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)


def free_port() -> int:
    """Return a port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Wait for a condition; fail with its name."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.1)
