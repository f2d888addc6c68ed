"""Recording from backup programs: durable, concurrent, and read back by the pull."""

import gzip
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from cbcr_assets.connectors.pull import pull
from cbcr_assets.connectors.registry import connector
from cbcr_assets.connectors.transports.drop import offered
from cbcr_assets.metrics import MetricsCollector
from cbcr_assets.metrics.otlp import pushing_meter
from cbcr_assets.warehouse import FileWarehouse

NOW = datetime(2026, 11, 23, 12)
START, END = datetime(2026, 11, 23, 4), datetime(2026, 11, 23, 4, 5)


def read_back(tmp_path: Path, table: str) -> list[dict[str, Any]]:
    """Pull the inbox as the platform does; what the raw table then has."""
    warehouse = FileWarehouse(tmp_path / "w.duckdb", tmp_path / "s")
    report = pull(
        warehouse, "programs", connector("cbcr"), offered(tmp_path / "inbox", "programs"),
        timezone="UTC", now=NOW + timedelta(days=36_500), acknowledge=lambda _: None,
    )  # fmt: skip
    assert (report.rejected, report.errors) == (0, ())
    with warehouse.live(as_of=NOW) as session:
        return session.query(f"from raw.{table}").to_dicts()


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def collector(tmp_path: Path, reader: InMemoryMetricReader) -> MetricsCollector:
    meter = MeterProvider(metric_readers=[reader]).get_meter("test")
    return MetricsCollector(tmp_path / "inbox", "programs", meter=meter, clock=lambda: NOW)


def emitted(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    data = reader.get_metrics_data()
    assert data is not None
    return {
        metric.name: list(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_a_completion_is_an_attempt(collector: MetricsCollector, tmp_path: Path) -> None:
    collector.record_backup_completion("orders", START, END, 1_000, True)
    east = timezone(timedelta(hours=9))
    collector.record_backup_completion(
        "crm", START.replace(tzinfo=UTC).astimezone(east), END.replace(tzinfo=UTC), 7, False,
        backup_type="dump",
    )  # fmt: skip
    good, bad = sorted(read_back(tmp_path, "backup_jobs"), key=lambda row: row["source_bytes"])[
        ::-1
    ]
    assert (good["native_instance"], good["state"], good["duration_s"]) == (
        "orders",
        "succeeded",
        300,
    )
    assert (bad["started_at"], bad["state"], bad["backup_type"]) == (START, "failed", "dump")


def test_a_restore_is_a_restore_without_proof(collector: MetricsCollector, tmp_path: Path) -> None:
    collector.record_restore_completion("orders", START, END, 1_000, True)
    (row,) = read_back(tmp_path, "restore_jobs")
    assert (row["state"], row["bytes"], row["verification"]) == ("succeeded", 1_000, None)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"end_time": START - timedelta(seconds=1)}, "before it started"),
        ({"size": -1}, "not negative"),
        ({"backup_type": "differential"}, "differential"),
    ],
)
def test_nonsense_is_refused_and_not_recorded(
    collector: MetricsCollector, tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    facts = {"start_time": START, "end_time": END, "size": 1, "success": True} | change
    with pytest.raises(ValueError, match=told):
        collector.record_backup_completion("orders", **facts)
    assert list((tmp_path).rglob("*.json")) == []


def test_instruments(collector: MetricsCollector, reader: InMemoryMetricReader) -> None:
    collector.record_backup_completion("orders", START, END, 1_000, True)
    collector.record_restore_completion("orders", START, END, 1_000, False)
    collector.emit_gauge("storage.utilization", 0.4, {"volume": "vault"})
    collector.emit_metric("network.utilization", 0.2)
    collector.emit_metric("my.latency", 3.0)
    collector.update_backup_ages()
    told = emitted(reader)
    (duration,) = told["backup.duration"]
    assert (duration.sum, dict(duration.attributes)) == (
        300.0, {"db.instance.id": "orders", "backup.type": "full"},
    )  # fmt: skip
    assert told["backup.success"][0].attributes["success"] is True
    assert told["restore.success"][0].attributes["success"] is False
    assert told["backup.size"][0].sum == 1_000
    assert told["storage.utilization"][0].value == 0.4
    assert told["network.utilization"][0].value == 0.2
    assert told["my.latency"][0].sum == 3.0
    assert told["restore.duration"][0].count == 1


def test_a_late_record_does_not_make_a_backup_younger(
    collector: MetricsCollector, reader: InMemoryMetricReader
) -> None:
    collector.record_backup_completion("orders", START, END, 1, True)
    collector.record_backup_completion("orders", START - timedelta(days=9), START, 1, True)
    collector.record_backup_completion("orders", END, NOW, 1, False)
    collector.update_backup_ages()
    (age,) = emitted(reader)["backup.last_success_age"]
    assert age.value == (NOW - END).total_seconds()


def test_ages_of_the_fleet_are_read_from_what_is_published(
    tmp_path: Path, reader: InMemoryMetricReader
) -> None:
    serving = tmp_path / "serving"
    collector = MetricsCollector(
        tmp_path / "inbox", "programs", serving=serving, clock=lambda: NOW,
        meter=MeterProvider(metric_readers=[reader]).get_meter("test"),
    )  # fmt: skip
    collector.update_backup_ages()  # nothing is published yet
    warehouse = FileWarehouse(tmp_path / "w.duckdb", serving)
    with warehouse.write() as session:
        session.execute("create schema if not exists marts")
        session.execute(
            "create table marts.fct_backup_attempts as select * from (values"
            " ('orders', 'full', timestamp '2026-11-23 03:00', true),"
            " ('orders', 'full', timestamp '2026-11-22 03:00', true),"
            " ('orders', 'full', timestamp '2026-11-23 09:00', false),"
            " ('crm', null, timestamp '2026-11-20 12:00', true),"
            " (null, 'full', timestamp '2026-11-23 11:00', true)"
            ") as t(instance_id, backup_type, finished_at, is_success)"
        )
    warehouse.publish(now=NOW)
    collector.record_backup_completion("orders", START, END, 1, True, backup_type="incr")
    collector.record_backup_completion("orders", START - timedelta(days=3), START, 1, True)
    collector.update_backup_ages()
    ages = {
        (p.attributes["db.instance.id"], p.attributes["backup.type"]): p.value
        for p in emitted(reader)["backup.last_success_age"]
    }
    assert ages == {
        ("orders", "full"): (NOW - START).total_seconds(),
        ("orders", "incr"): (NOW - END).total_seconds(),
        ("crm", "unknown"): 3 * 86_400.0,
    }


def test_many_threads_lose_nothing(
    collector: MetricsCollector, reader: InMemoryMetricReader, tmp_path: Path
) -> None:
    def record(number: int) -> None:
        for second in range(number, 200, 8):
            ended = START + timedelta(seconds=second)
            collector.record_backup_completion("orders", START, ended, 1, True)
            collector.update_backup_ages()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(record, range(8)))
    collector.update_backup_ages()
    (age,) = emitted(reader)["backup.last_success_age"]
    assert age.value == (NOW - START).total_seconds() - 199
    assert len(read_back(tmp_path, "backup_jobs")) == 200


def test_measurements_are_pushed_by_otlp(tmp_path: Path) -> None:
    pushed: list[tuple[str, bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            pushed.append((self.headers["authorization"], body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/v1/metrics"
        with pushing_meter(address, headers={"authorization": "Bearer x"}) as meter:
            collector = MetricsCollector(tmp_path, "programs", meter=meter, clock=lambda: NOW)
            collector.record_backup_completion("orders", START, END, 1_000, True)
            collector.update_backup_ages()
        server.shutdown()
    ((token, body),) = pushed
    request = ExportMetricsServiceRequest.FromString(body)
    (metrics,) = (s.metrics for r in request.resource_metrics for s in r.scope_metrics)
    told = {metric.name: metric for metric in metrics}
    assert token == "Bearer x"
    assert set(told) >= {"backup.duration", "backup.size", "backup.success"}
    assert told["backup.duration"].histogram.data_points[0].sum == 300
    (age,) = told["backup.last_success_age"].gauge.data_points
    assert age.as_double == (NOW - END).total_seconds()
    assert {a.key: a.value.string_value for a in age.attributes}["db.instance.id"] == "orders"


WORKER = """
import sys
from datetime import datetime, timedelta
from cbcr_assets.metrics import MetricsCollector
collector = MetricsCollector(sys.argv[1], "programs")
start = datetime(2026, 11, 23, 4)
for number in range(int(sys.argv[3])):
    collector.record_backup_completion(f"db-{sys.argv[2]}-{number}", start, start, 1, True)
    print(number, flush=True)
"""


@pytest.mark.slow
def test_many_processes_and_one_of_them_killed(tmp_path: Path) -> None:
    def start(name: str, count: int) -> "subprocess.Popen[str]":
        words = [sys.executable, "-c", WORKER, str(tmp_path / "inbox"), name, str(count)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    workers = [start(str(number), 100) for number in range(4)]
    victim = start("victim", 1_000_000)
    assert victim.stdout is not None
    while victim.stdout.readline().strip() != "20":
        time.sleep(0.001)
    os.kill(victim.pid, signal.SIGKILL)
    told = 21 + len(victim.stdout.readlines())
    victim.wait()
    victim.stdout.close()
    for worker in workers:
        worker.communicate(timeout=60)
        assert worker.returncode == 0
    names = [row["native_instance"] for row in read_back(tmp_path, "backup_jobs")]
    assert sum(not name.startswith("db-victim") for name in names) == 400
    # What it was told is recorded is there; at most the one in the making is more.
    assert told <= sum(name.startswith("db-victim") for name in names) <= told + 1


@pytest.mark.slow
def test_workers_killed_at_random_leave_whole_records_only(tmp_path: Path) -> None:
    """Every record that a worker was told of is there, none is half, none is there twice."""
    dice = random.Random(3)
    told: dict[str, int] = {}
    for batch in range(3):
        workers = {}
        for number in range(6):
            name = f"{batch}x{number}"
            words = [sys.executable, "-c", WORKER, str(tmp_path / "inbox"), name, "1000000"]
            workers[name] = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        for worker in workers.values():
            assert worker.stdout is not None
            assert worker.stdout.readline() == "0\n"  # all of them write now
        for name, worker in workers.items():
            time.sleep(dice.uniform(0, 0.05))
            worker.kill()
            assert worker.stdout is not None
            told[name] = 1 + sum(line.endswith("\n") for line in worker.stdout)
            worker.wait()
            worker.stdout.close()
    names = [row["native_instance"] for row in read_back(tmp_path, "backup_jobs")]
    assert len(names) == len(set(names))
    for name, count in told.items():
        kept = sum(found.startswith(f"db-{name}-") for found in names)
        assert count <= kept <= count + 1, name
