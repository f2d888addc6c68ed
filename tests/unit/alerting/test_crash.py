"""SIGKILL in the middle of delivery: nothing is lost."""

import subprocess
import sys
import time
from datetime import timedelta

import pytest

POLICY = """
route: {{receiver: hook}}
receivers:
  - {{name: hook, type: webhook, url: "{url}/hook"}}
"""
COURIER = """
import sys
from datetime import datetime
from pathlib import Path
from cbcr_assets.alerting import Links, open_service
from cbcr_assets.config.alerting import load_policy
folder, now = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
service = open_service(
    store_url=f"sqlite:///{folder}/alerts.db", links=Links("d", "g"),
    policy=load_policy(folder / "alerting.yaml", environ={}),
)
print("ready", flush=True)
sys.stdin.readline()
service.deliver(now=now, budget_s=30)
"""
MESSAGES = 30
KILLS = 4


@pytest.mark.slow
def test_a_killed_courier_loses_nothing(engine_at, stub, row, tmp_path):
    engine = engine_at(tmp_path, POLICY.format(url=stub.url))
    for number in range(MESSAGES):
        engine.say(row("db", "breached"), rule=f"rule{number:02}")

    def slowly(path, body):
        time.sleep(0.01)
        return b""

    stub.answer = slowly
    for kill in range(KILLS):
        engine.now += timedelta(seconds=60)
        courier = subprocess.Popen(
            [sys.executable, "-c", COURIER, str(tmp_path), engine.now.isoformat()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        with courier:
            assert courier.stdout.readline() == b"ready\n"
            before = len(stub.requests)
            courier.stdin.write(b"go\n")
            courier.stdin.flush()
            deadline = time.monotonic() + 20
            while len(stub.requests) < before + 1 + kill and time.monotonic() < deadline:
                time.sleep(0.001)
            courier.kill()
        assert courier.returncode == -9
    assert engine.service.deliver(now=engine.now, budget_s=0).pending > 0
    assert engine.deliver(after_s=60, budget_s=30).pending == 0
    rules = [body["rule"] for body in stub.bodies()]
    assert set(rules) == {f"rule{number:02}" for number in range(MESSAGES)}
    assert len(rules) - len(set(rules)) <= KILLS  # at most what was in flight comes twice
