"""The distribution's Alertmanager: what it makes of our alerts."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from cbcr_assets.alerting import Links
from cbcr_assets.alerting.message import Member, Message, Outgoing
from cbcr_assets.alerting.receivers import build
from cbcr_assets.alerting.receivers.alertmanager import Alertmanager
from cbcr_assets.alerting.receivers.base import Delivered
from cbcr_assets.config.receivers import Receiver

pytestmark = pytest.mark.e2e
# With this it ends after a second what nobody says again.
SETTINGS = "global: {resolve_timeout: 1s}\nroute: {receiver: none}\nreceivers: [{name: none}]\n"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Address of an Alertmanager that ends with the test."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        missing = "Alertmanager is not installed (apt-get install prometheus-alertmanager)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    (tmp_path / "settings.yml").write_text(SETTINGS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [program, f"--config.file={tmp_path / 'settings.yml'}", f"--storage.path={tmp_path}",
         f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_ready(address))
        yield address
    finally:
        process.terminate()
        process.wait(10)


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/-/ready").is_success
    except httpx.HTTPError:
        return False


def wait_until(is_true: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def active(url: str) -> Callable[[], list[dict[str, str]]]:
    """Labels of the alerts that it holds active."""

    def ask() -> list[dict[str, str]]:
        found = httpx.get(f"{url}/api/v2/alerts", params={"active": "true"}).json()
        return [alert["labels"] for alert in found]

    return ask


@pytest.fixture
def channel(url: str) -> Any:
    config = TypeAdapter(Receiver).validate_python(
        {"name": "am", "type": "alertmanager", "url": url, "hold": "1h"}
    )
    return build(config, links=Links("http://dash", "http://dagster"), environ={})


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def message(status: str = "breached", severity: str = "critical", count: int = 1) -> Message:
    members = tuple(
        Member(
            fingerprint=f"f{i}", episode=1, subject_kind="instance", subject_id=f"db{i}",
            status=status, severity=severity, value=2.0, objective=1.0, unit="s",
            started_at=now() - timedelta(minutes=5), summary=f"db{i} is late", was="", runbook="",
            labels={"error-code": "056", "größe": "x", "9": "y", "leer": ""}, rule="rpo", team="t",
        )
        for i in range(count)
    )  # fmt: skip
    return Message(
        id="m", kind="resolved" if status == "ok" else "opened", rule="rpo", team="t",
        severity=severity, total=count, counts={status: count}, members=members,
        evaluation_id="e", evaluated_at=now(),
    )  # fmt: skip


def tell(channel: Any, told: Message) -> None:
    assert channel.send(Outgoing(told), now=now(), timeout_s=5) == Delivered()


def test_an_alert_lives_from_its_beginning_to_its_end(channel: Any, active: Any) -> None:
    tell(channel, message())
    [labels] = active()
    assert labels == {
        "alertname": "rpo", "team": "t", "severity": "critical", "subject_kind": "instance",
        "subject_id": "db0", "error_code": "056", "gr__e": "x", "_9": "y",
    }  # fmt: skip
    time.sleep(2.5)
    assert len(active()) == 1, "what is merely not said again is not over"
    tell(channel, message("ok"))
    wait_until(lambda: active() == [])


def test_another_severity_is_the_same_alert(channel: Any, active: Any) -> None:
    tell(channel, message(severity="warning"))
    tell(channel, message(severity="critical"))
    wait_until(lambda: [labels["severity"] for labels in active()] == ["critical"])
    tell(channel, message("ok", severity="critical"))
    wait_until(lambda: active() == [])


def test_a_heartbeat_brings_what_a_message_only_counted(channel: Any, active: Any) -> None:
    everything = message(count=1_200)
    tell(channel, replace(everything, members=everything.members[:20]))
    assert len(active()) == 21
    alertmanager: Alertmanager = channel.channel
    assert alertmanager.heartbeat(everything.members, now=now(), timeout_s=5) == Delivered()
    wait_until(lambda: len(active()) == 1_200)
    ended = message("ok", count=1_200).members
    assert alertmanager.heartbeat(ended, now=now(), timeout_s=5) == Delivered()
    wait_until(lambda: active() == [])
