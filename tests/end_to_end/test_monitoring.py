"""A real Prometheus and a real node_exporter, read by HTTP feeds."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cbcr_assets.connectors.pull import PullReport
from cbcr_assets.steps.platform import Platform, open_platform
from cbcr_assets.steps.watch import collect_source, pull_source, sync_inventory

pytestmark = pytest.mark.e2e
CONFIG = """
sources:
  metrics:
    tool: prometheus
    every: 1s
    stale_after: 1m
    feeds:
      - {{kind: storage, http: "{prometheus}"}}
      - {{kind: network, http: "{prometheus}"}}
      - {{kind: queue, http: "{prometheus}"}}
  vault1:
    tool: openmetrics
    every: 1s
    stale_after: 1m
    feeds: [{{kind: metrics, http: "{exporter}"}}]
"""
INVENTORY = "instances:\n  - {id: orders, db_type: postgresql, rpo: 1d, rto: 4h}\n"


@pytest.fixture
def monitoring(tools: ModuleType, platforms: ModuleType, tmp_path: Path) -> Iterator[Any]:
    try:
        tools.need("prometheus", "prometheus-node-exporter")
    except tools.MissingTool as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    ports = (platforms.free_port(), platforms.free_port())
    started = tools.Monitoring(tmp_path, ports=ports)
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def platform(monitoring: Any, tmp_path: Path) -> Platform:
    text = CONFIG.format(prometheus=monitoring.url, exporter=monitoring.exporter_url)
    (tmp_path / "cbcr.yaml").write_text(text)
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    found = open_platform({**os.environ, "CBCR_CONFIG": str(tmp_path / "cbcr.yaml")})
    sync_inventory(found, now=soon())
    return found


def soon() -> datetime:
    """The minute that comes, as a clock that is a little fast sees it: its step is answered."""
    return datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=1)


def read(platform: Platform, source: str) -> PullReport:
    now = soon()
    collected = collect_source(platform, platform.config.sources[source], now=now)
    assert collected.errors == ()
    return pull_source(platform, source, now=now)


def newest(platform: Platform, table: str, name: str, wanted: str) -> dict[str, Any]:
    with platform.warehouse.live(as_of=soon()) as session:
        found = session.query(
            f"from raw.{table} where {name} like $wanted order by sampled_at desc limit 1",
            {"wanted": wanted},
        )
    return dict(found.row(0, named=True))


def test_what_the_exporter_measures_arrives_and_its_death_is_not_no_data(
    monitoring: Any, platform: Platform
) -> None:
    assert read(platform, "metrics").errors == ()
    root = os.statvfs("/")
    volume = newest(platform, "storage_samples", "volume", "%:/")
    assert volume["size_bytes"] == root.f_blocks * root.f_frsize
    assert volume["used_bytes"] == pytest.approx(
        (root.f_blocks - root.f_bfree) * root.f_frsize, rel=0.05
    )
    assert newest(platform, "queue_samples", "queue", "%:full")["depth"] == 3
    assert newest(platform, "network_samples", "link", "%")["rx_bytes_s"] >= 0

    assert read(platform, "vault1").errors == ()
    direct = newest(platform, "storage_samples", "volume", f"{os.uname().nodename}:/")
    assert direct["size_bytes"] == volume["size_bytes"]

    monitoring.kill_exporter()
    (error,) = {*read(platform, "metrics").errors}
    assert "exporters are down: node/127.0.0.1" in error
