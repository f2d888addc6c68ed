"""The same engine over PostgreSQL; skipped where no server is installed."""

import os
import shutil
import subprocess
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from cbcr_assets.alerting import DeliveryReport, Evaluation, IngestReport


def server_programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@pytest.fixture
def folder():
    # Not below pytest's folders: other sessions clear those away, with the server still running.
    # Short, for the name of a socket is.
    with tempfile.TemporaryDirectory(prefix="cbcr-pg-") as name:
        yield Path(name)


@pytest.fixture
def store_url(folder):
    programs = server_programs()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail("no PostgreSQL server is installed (apt-get install postgresql)")
        pytest.skip("no PostgreSQL server is installed (apt-get install postgresql)")
    # The server refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def run(*command):
        subprocess.run(
            list(map(str, command)), user=user, cwd=folder, check=True, capture_output=True
        )

    data = folder / "data"
    run(programs / "initdb", "-D", data, "-U", "cbcr", "-N", "-A", "trust", "-E", "UTF8")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    try:
        run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        yield f"postgresql+psycopg://cbcr@/postgres?host={folder}"
    finally:
        run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def test_the_engine_does_the_same_on_postgresql(store_url, engine_at, row, tmp_path):
    text = """
route: {receiver: gone}
receivers:
  - {name: log, type: file, path: alerts.jsonl}
  - {name: gone, type: file, path: .}
fallback: log
"""
    engine = engine_at(tmp_path, text, store_url=store_url)
    assert engine.say(row("a", "breached"), row("b", "ok")) == IngestReport(1, 0, 0, 1, False)
    assert engine.deliver() == DeliveryReport(0, 1, 0, 1)
    assert engine.say(row("a", "breached", "critical")) == IngestReport(0, 1, 0, 0, False)
    engine.use(text.replace("path: .}", "path: gone.jsonl}"))
    assert engine.deliver(after_s=10) == DeliveryReport(2, 0, 0, 0)
    assert engine.say(row("a", "ok")).resolved == 1
    engine.use(text.replace("gone", "new"))
    assert engine.deliver() == DeliveryReport(0, 0, 1, 0)
    [view] = engine.service.alerts(only_open=False)
    assert (view.state, view.pending, view.dead) == ("resolved", 0, 1)
    assert engine.service.tick(now=engine.now + timedelta(days=8)).pruned == 2

    def ingest(rule):
        engine.open().ingest(evaluation_of(engine, row, rule), now=engine.now)

    threads = [threading.Thread(target=ingest, args=(f"r{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(engine.service.alerts()) == 4


def evaluation_of(engine, row, rule):
    frame = pl.DataFrame([{**row("db", "breached"), "rule": rule}])
    return Evaluation(f"e-{rule}", rule, engine.now, frame)
