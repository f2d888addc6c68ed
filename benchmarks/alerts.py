"""How fast a storm is decided, stored and told, on SQLite, on PostgreSQL, and beside Alertmanager.

Usage: python benchmarks/alerts.py [--alerts 50000] [--groups 400] [--no-alertmanager]

1. So many alerts that all change state, decided, stored and enqueued in one transaction; the same
   again unchanged; then all of them over. Prints seconds, messages and peak memory of the store's
   own process.
2. 5,000 alerts in 40 groups with an equal group_wait, told to the same webhook on loopback by the
   distribution's prometheus-alertmanager and by CBCR, one after the other. Prints when the first
   and the last message arrived, and about how many alerts.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import polars as pl

from cbcr_assets.alerting import AlertService, Evaluation, Links, open_service
from cbcr_assets.alerting.clock import uptime
from cbcr_assets.config import load_policy

POLICY = """
route: {{receiver: hook, group_by: [rule, team], group_wait: {wait}, group_interval: 5m}}
receivers: [{{name: hook, type: webhook, url: "{url}"{storm}}}]
"""
ALERTMANAGER = """
route: {{receiver: hook, group_by: [rule, team], group_wait: {wait}s, group_interval: 5m}}
receivers: [{{name: hook, webhook_configs: [{{url: "{url}"}}]}}]
"""
WAIT_S = 2
PROCESSES = multiprocessing.get_context("spawn")


def now() -> datetime:
    """Return the present, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def evaluations(alerts: int, groups: int, status: str, name: str) -> list[Evaluation]:
    """Return one evaluation a rule; ten teams in each rule."""
    rules, at = groups // 10, now()
    number = pl.int_range(alerts // rules, eager=True)
    found = []
    for rule in range(rules):
        frame = pl.DataFrame({"subject_id": pl.select(pl.format("db-{}", number)).to_series()})
        severity = pl.when(number % 50 == 0).then(pl.lit("critical")).otherwise(pl.lit("warning"))
        frame = frame.with_columns(
            rule=pl.lit(f"rule{rule}"), subject_kind=pl.lit("instance"), status=pl.lit(status),
            severity=severity,
            value=pl.lit(7200.0), objective=pl.lit(3600.0), unit=pl.lit("s"), since=pl.lit(at),
            team=pl.format("team{}", number % 10),
            labels=pl.concat_str(pl.lit('{"tier": 1, "instance": "'), "subject_id", pl.lit('"}')),
            summary=pl.concat_str("subject_id", pl.lit(" has no recovery point since two hours")),
            runbook=pl.lit("docs/runbooks/rpo.md"),
        )  # fmt: skip
        found.append(Evaluation(name, f"rule{rule}", at, frame))
    return found


def storm(name: str, store_url: str, folder: Path, alerts: int, groups: int) -> None:
    """Measure one store."""
    policy = folder / "alerting.yaml"
    limit = ", storm: {max_groups: 5, window: 10m}"
    policy.write_text(POLICY.format(wait="0s", url="http://127.0.0.1:9/", storm=limit))
    service = open_service(
        store_url=store_url, policy=load_policy(policy, environ={}), links=Links("", ""),
        timer=uptime,
    )  # fmt: skip
    for what, status in (("all new", "breached"), ("unchanged", "breached"), ("all over", "ok")):
        batch = evaluations(alerts, groups, status, f"{name}-{what}")
        began, cpu = time.monotonic(), time.process_time()
        report = service.ingest_many(batch, now=now())
        took_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
        waiting = service.deliver(now=now(), budget_s=0).pending
        rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{name}: {alerts} {what}: {took_s:5.2f} s, cpu {cpu_s:.2f} s (opened"
            f" {report.opened}, resolved {report.resolved}), messages waiting {waiting},"
            f" peak memory {rss_mb:.0f} MB"
        )


def alone(name: str, store_url: str, folder: Path, alerts: int, groups: int) -> None:
    """Measure one store in a process of its own: its peak memory is nobody else's."""
    process = PROCESSES.Process(target=storm, args=(name, store_url, folder, alerts, groups))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def serve(told: Connection) -> None:
    """Be a webhook on loopback that tells when messages arrive and about how many alerts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at = time.monotonic()
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            told.send((at, len(body["alerts"]) if "alerts" in body else body["total"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.send(f"http://127.0.0.1:{server.server_port}/")
        server.serve_forever()


class Hook:
    """The webhook, in a process of its own: a receiver is another program for both of them."""

    def __init__(self) -> None:
        """Serve on a free port."""
        self._seen: list[tuple[float, int]] = []
        self._told, theirs = PROCESSES.Pipe(duplex=False)
        self._process = PROCESSES.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        self.url: str = self._told.recv()

    @property
    def seen(self) -> list[tuple[float, int]]:
        """Moments of what arrived, and about how many alerts it is."""
        while self._told.poll():
            self._seen.append(self._told.recv())
        return self._seen

    def wait(self, alerts: int, timeout_s: float = 60) -> None:
        """Wait until so many alerts were told."""
        until = time.monotonic() + timeout_s
        while sum(count for _, count in self.seen) < alerts and time.monotonic() < until:
            time.sleep(0.01)

    def line(self, name: str, began: float) -> str:
        """Return what was seen, in words."""
        moments = sorted(at - began for at, _ in self.seen)
        return (
            f"{name}: {len(self.seen)} messages about {sum(c for _, c in self.seen)} alerts,"
            f" first after {moments[0]:.2f} s, last after {moments[-1]:.2f} s"
        )

    def close(self) -> None:
        """End the server."""
        self._process.terminate()
        self._process.join()


def beside_alertmanager(folder: Path, alerts: int, groups: int) -> None:
    """Tell the same storm with both."""
    hook = Hook()
    with alertmanager(folder, hook.url) as url:
        posted = [
            {"labels": {"alertname": row["rule"], "rule": row["rule"], "team": row["team"],
                        "instance": row["subject_id"], "severity": row["severity"]},
             "annotations": {"summary": row["summary"]}}
            for one in evaluations(alerts, groups, "breached", "am")
            for row in one.rows.iter_rows(named=True)
        ]  # fmt: skip
        began = time.monotonic()
        for first in range(0, len(posted), 500):
            httpx.post(f"{url}/api/v2/alerts", json=posted[first : first + 500], timeout=30)
        hook.wait(alerts)
        print(hook.line("Alertmanager", began))
    hook.close()
    hook = Hook()
    policy = folder / "cbcr.yaml"
    policy.write_text(POLICY.format(wait=f"{WAIT_S}s", url=hook.url, storm=""))
    service = open_service(
        store_url=f"sqlite:///{folder}/beside.db", policy=load_policy(policy, environ={}),
        links=Links("", ""), timer=uptime,
    )  # fmt: skip
    batch = evaluations(alerts, groups, "breached", "cbcr")
    began = time.monotonic()
    service.ingest_many(batch, now=now())
    drain(service, hook, alerts)
    print(hook.line("CBCR", began))
    hook.close()


def drain(service: AlertService, hook: Hook, alerts: int) -> None:
    """Tick whenever something is due, until everything was told."""
    until = time.monotonic() + 60
    while sum(count for _, count in hook.seen) < alerts and time.monotonic() < until:
        time.sleep(min(service.wakes_in_s(now=now()) or 0.0, 0.5))
        service.tick(now=now())


@contextmanager
def alertmanager(folder: Path, hook: str) -> Iterator[str]:
    """Run the distribution's Alertmanager on a free port."""
    config = folder / "alertmanager.yml"
    config.write_text(ALERTMANAGER.format(wait=WAIT_S, url=hook))
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as free:
        port = free.server_port
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        ["prometheus-alertmanager", f"--config.file={config}", f"--storage.path={folder}/am",
         f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(200):
            try:
                if httpx.get(f"{url}/-/ready").status_code == httpx.codes.OK:
                    break
            except httpx.HTTPError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def postgresql() -> Iterator[str | None]:
    """Run a PostgreSQL server of our own, if one is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        yield None
        return
    programs, user = found[-1].parent, "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="cbcr-pg-") as name:
        if user:
            shutil.chown(name, user)

        def run(*words: object) -> None:
            command = [str(word) for word in words]
            subprocess.run(command, user=user, cwd=name, check=True, stdout=subprocess.DEVNULL)

        run(programs / "initdb", "-D", f"{name}/data", "-U", "cbcr", "-A", "trust", "-E", "UTF8")
        options = f"-c listen_addresses='' -c unix_socket_directories='{name}'"
        server = (programs / "pg_ctl", "-D", f"{name}/data", "-w", "-l", f"{name}/log")
        run(*server, "-o", options, "start")
        try:
            yield f"postgresql+psycopg://cbcr@/postgres?host={name}"
        finally:
            run(*server, "-m", "immediate", "stop")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alerts", type=int, default=50_000)
    parser.add_argument("--groups", type=int, default=400)
    parser.add_argument("--store", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--no-alertmanager", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cbcr-bench-") as name:
        folder, size = Path(name), (arguments.alerts, arguments.groups)
        if arguments.store != "postgresql":
            alone("SQLite", f"sqlite:///{folder}/storm.db", folder, *size)
        if arguments.store != "sqlite":
            with postgresql() as url:
                if url is None:
                    print("PostgreSQL: not installed", file=sys.stderr)
                else:
                    alone("PostgreSQL", url, folder, *size)
        if not arguments.no_alertmanager:
            beside_alertmanager(folder, 5_000, 40)


if __name__ == "__main__":
    main()
