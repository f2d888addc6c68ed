"""Fixtures for alerting: evaluations, policies, an engine, and a stub HTTP server."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cbcr_assets.alerting import AlertService, Evaluation, Links, open_service
from cbcr_assets.alerting.clock import Uptime
from cbcr_assets.config import Policy, load_policy

NOW = datetime.fromisoformat("2026-11-23T05:00:00")
SCHEMA = {
    "rule": pl.String, "subject_kind": pl.String, "subject_id": pl.String, "status": pl.String,
    "severity": pl.String, "value": pl.Float64, "objective": pl.Float64, "unit": pl.String,
    "since": pl.Datetime("us"), "changes_at": pl.Datetime("us"), "team": pl.String,
    "labels": pl.String, "summary": pl.String, "runbook": pl.String,
}  # fmt: skip
LOG = """
route: {receiver: log}
receivers:
  - {name: log, type: file, path: alerts.jsonl}
"""


def make_row(
    subject_id: str, status: str, severity: str = "warning", **facts: Any
) -> dict[str, Any]:
    return {
        "rule": "rpo", "subject_kind": "instance", "subject_id": subject_id, "status": status,
        "severity": severity, "value": 5400.0, "objective": 3600.0, "unit": "s",
        "since": NOW - timedelta(minutes=30), "changes_at": None, "team": "payments",
        "labels": json.dumps({"instance": subject_id, "tier": 1}),
        "summary": f"{subject_id} is {status}", "runbook": "docs/runbooks/rpo.md", **facts,
    }  # fmt: skip


def make_evaluation(
    *rows: dict[str, Any], minute: float = 0, rule: str = "rpo", name: str = ""
) -> Evaluation:
    at = NOW + timedelta(minutes=minute)
    frame = pl.DataFrame([{**row, "rule": rule} for row in rows], schema=SCHEMA)
    return Evaluation(name or f"{at:%Y%m%dT%H%M%S.%fZ}", rule, at, frame)


@dataclass
class Engine:
    """An engine with a clock that the test turns, and what its file receiver got."""

    folder: Path
    policy: Policy
    store_url: str
    now: datetime = NOW
    boot_s: float | None = None  # what the machine counts; None: only the wall clock is trusted

    def __post_init__(self) -> None:
        self.service = self.open()

    def open(self) -> AlertService:
        links = Links("http://dash", "http://dagster")
        return open_service(
            store_url=self.store_url, policy=self.policy, links=links, timer=self.uptime
        )

    def uptime(self) -> Uptime | None:
        return None if self.boot_s is None else Uptime("boot", self.boot_s)

    def sleep(self, seconds: float, *, jump_s: float = 0) -> None:
        """Let time pass; somebody may move the wall clock on top of it."""
        self.now += timedelta(seconds=seconds + jump_s)
        if self.boot_s is not None:
            self.boot_s += seconds

    def use(self, text: str) -> None:
        """Change the policy, as a new process would find it."""
        path = self.folder / "alerting.yaml"
        path.write_text(text)
        self.policy = load_policy(path, environ=self.policy.environ)
        self.service = self.open()

    def say(self, *rows: dict[str, Any], **facts: Any) -> Any:
        """Ingest an evaluation one second later than the one before."""
        self.sleep(1)
        minute = (self.now - NOW).total_seconds() / 60
        return self.service.ingest(make_evaluation(*rows, minute=minute, **facts), now=self.now)

    def deliver(self, budget_s: float = 5.0, *, after_s: float = 0) -> Any:
        self.sleep(after_s)
        return self.service.deliver(now=self.now, budget_s=budget_s)

    def tick(self, after_s: float = 0) -> Any:
        """Let time pass and do what the sensor does."""
        self.sleep(after_s)
        return self.service.tick(now=self.now)

    def told(self, *rows: dict[str, Any]) -> list[dict[str, Any]]:
        """Evaluate, deliver, and return what is new in the file."""
        before = len(self.lines())
        self.say(*rows)
        self.deliver()
        return self.lines()[before:]

    def lines(self, name: str = "alerts.jsonl") -> list[dict[str, Any]]:
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    """Make a row of an SLA view."""
    return make_row


@pytest.fixture
def evaluation() -> Callable[..., Evaluation]:
    """Make an evaluation."""
    return make_evaluation


@pytest.fixture
def engine_at() -> Callable[..., Engine]:
    """Open an engine in a folder."""

    def make(folder: Path, text: str = LOG, *, store_url: str = "", environ: Any = None) -> Engine:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "alerting.yaml"
        path.write_text(text)
        policy = load_policy(path, environ=environ or {})
        return Engine(folder, policy, store_url or f"sqlite:///{folder}/alerts.db")

    return make


@pytest.fixture
def engine(engine_at: Callable[..., Engine], tmp_path: Path) -> Engine:
    """An engine that writes into a file."""
    return engine_at(tmp_path)


@dataclass
class Stub:
    """An HTTP server that answers what the test wants and remembers what it was asked."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    answer: Callable[[str, dict[str, Any]], bytes] | None = None
    hang: threading.Event | None = None
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    def bodies(self, path: str = "") -> list[dict[str, Any]]:
        return [body for where, _, body in self.requests if path in where]


def slack_answer(path: str, body: dict[str, Any]) -> bytes:
    return json.dumps(
        {"ok": True, "ts": f"17.{hash(str(body)) % 10**6:06}", "channel": "C1"}
    ).encode()


@pytest.fixture
def like_slack() -> Callable[[str, dict[str, Any]], bytes]:
    """Answer like Slack's Web API."""
    return slack_answer


@pytest.fixture
def stub() -> Iterator[Stub]:
    """Serve a stub on a free loopback port."""
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            body = json.loads(raw)
            stub.requests.append((self.path, dict(self.headers.items()), body))
            if stub.hang is not None:
                stub.hang.wait(10)
            data = stub.answer(self.path, body) if stub.answer else b"ok"
            self.send_response(stub.status)
            for name, value in stub.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            try:
                self.wfile.write(data)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            return

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}"
    yield stub
    if stub.hang is not None:
        stub.hang.set()
    server.shutdown()
    server.server_close()
    thread.join(5)
