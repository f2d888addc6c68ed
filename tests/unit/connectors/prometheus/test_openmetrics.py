"""Text of an exporter, scraped twice."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cbcr_assets.connectors.base import Parsed

Read = Callable[..., Parsed]
NOW = datetime(2026, 11, 23, 5)
TEXT = """# HELP node_filesystem_size_bytes Filesystem size in bytes.
# TYPE node_filesystem_size_bytes gauge
node_filesystem_size_bytes{device="/dev/vda",fstype="ext4",mountpoint="/srv"} 1000
node_filesystem_size_bytes{device="tmpfs",fstype="tmpfs",mountpoint="/run"} 10
# TYPE node_filesystem_avail_bytes gauge
node_filesystem_avail_bytes{device="/dev/vda",fstype="ext4",mountpoint="/srv"} 600
node_filesystem_avail_bytes{device="tmpfs",fstype="tmpfs",mountpoint="/run"} 10
# TYPE node_filesystem_free_bytes gauge
node_filesystem_free_bytes{device="/dev/vda",fstype="ext4",mountpoint="/srv"} 700
# TYPE node_network_receive_bytes_total counter
node_network_receive_bytes_total{device="eth0"} RX
# TYPE node_network_transmit_bytes_total counter
node_network_transmit_bytes_total{device="eth0"} 50
# TYPE node_network_speed_bytes gauge
node_network_speed_bytes{device="eth0"} 1.25e+08
# TYPE backup_queue_depth gauge
backup_queue_depth{queue="full"} 3
backup_queue_depth{queue="idle"} NaN
"""


def scrape(read: Read, received: str, at: datetime, carry: str = "") -> Parsed:
    text = TEXT.replace("RX", received)
    facts = {"host": "vault1", "stream": "metrics:x", "started_at": at, "finished_at": at}
    return read("openmetrics", "metrics", text, carry=carry, **facts)


def only(parsed: Parsed, table: str) -> dict[str, Any]:
    (row,) = parsed.frames[table].rows(named=True)
    return dict(row)


def test_storage_and_queues_of_one_scrape(read: Read) -> None:
    parsed = scrape(read, "100", NOW)
    volume = only(parsed, "storage_samples")
    assert (volume["volume"], volume["used_bytes"], volume["avail_bytes"]) == (
        "vault1:/srv", 300, 600,
    )  # fmt: skip
    assert volume["sampled_at"] == NOW
    assert only(parsed, "queue_samples")["depth"] == 3
    assert "network_samples" not in parsed.frames


def test_rates_need_the_scrape_before(read: Read) -> None:
    first = scrape(read, "100", NOW)
    link = only(scrape(read, "700", NOW + timedelta(seconds=60), first.carry), "network_samples")
    assert (link["link"], link["rx_bytes_s"], link["tx_bytes_s"]) == ("vault1:eth0", 10.0, 0.0)
    assert link["capacity_bytes_s"] == 125_000_000


def test_a_restart_is_no_rate(read: Read) -> None:
    first = scrape(read, "100", NOW)
    again = scrape(read, "7", NOW + timedelta(seconds=60), first.carry)
    assert "network_samples" not in again.frames
    third = scrape(read, "67", NOW + timedelta(seconds=120), again.carry)
    assert only(third, "network_samples")["rx_bytes_s"] == 1.0


def test_what_is_no_exposition_is_refused(read: Read) -> None:
    parsed = read("openmetrics", "metrics", "<html>\n{oops")
    assert (parsed.ok, parsed.seen) == (False, 1)
