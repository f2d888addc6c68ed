"""The same timelines for the distribution's Alertmanager and the rehearsal: the same is told."""

import json
import os
import shutil
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from cbcr_assets.alerting.simulation import simulate
from cbcr_assets.alerting.timeline import load_timeline
from cbcr_assets.config import load_policy

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
_MISSING = "prometheus-alertmanager is not installed (apt-get install prometheus-alertmanager)"
WAIT, INTERVAL, REPEAT = 2, 4, 9
# What fires (+) and is over (-) in each, seconds after the beginning; half way between two points
# of the lattice, which is 2, 6, 10, … in all of them.
TIMELINES = {
    "one": [(0, "+a")],
    "new-member": [(0, "+a"), (4, "+b")],
    "resolved": [(0, "+a"), (4, "-a")],
    "silent-flap": [(0, "+a"), (1, "-a"), (4, "+b")],
    "invisible-flap": [(0, "+a"), (3, "-a"), (4.5, "+a")],
    "partial": [(0, "+a"), (0, "+b"), (4, "-a"), (8, "-b")],
    "back": [(0, "+a"), (4, "-a"), (12, "+a")],
    "swap": [(0, "+a"), (4, "-a"), (4, "+b")],
    "both-ways": [(0, "+a"), (0, "+b"), (4, "-a"), (4, "+c"), (8, "-b")],
    "inhibited": [(0, "+source"), (0, "+target"), (4, "+a")],
    "freed": [(0, "+source"), (0, "+target"), (8, "-source")],
}
HORIZON = 20
ROUTE = f"""
  group_by: [timeline]
  group_wait: {WAIT}s
  group_interval: {INTERVAL}s
  repeat_interval: {REPEAT}s
"""
INHIBIT = """
inhibit_rules:
  - source_matchers: ['instance="source"']
    target_matchers: ['instance="target"']
    equal: [timeline]
"""


@pytest.fixture
def alertmanager(tmp_path):
    """Alertmanager on loopback, and what its webhook gets: seconds, timeline, firing, resolved."""
    if shutil.which("prometheus-alertmanager") is None:
        if os.environ.get("CI"):
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    told = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            told.append((time.monotonic(), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            return

    hook = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    config = tmp_path / "alertmanager.yml"
    config.write_text(
        f"route:\n  receiver: r{ROUTE}{INHIBIT}receivers:\n  - name: r\n    webhook_configs:\n"
        f"      - url: http://127.0.0.1:{hook.server_port}/\n"
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as free:
        port = free.server_port
    process = subprocess.Popen(
        ["prometheus-alertmanager", f"--config.file={config}", f"--storage.path={tmp_path}/am",
         f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}/-/ready").is_success:
                break
        except httpx.HTTPError:
            time.sleep(0.05)
    yield url, told
    process.terminate()
    process.wait(10)
    hook.shutdown()
    hook.server_close()


def post(url, timeline, events):
    now = datetime.now(UTC)
    alerts = []
    for event in events:
        labels = {"alertname": "x", "timeline": timeline, "instance": event[1:]}
        end = now if event[0] == "-" else now + timedelta(hours=1)
        alerts.append({"labels": labels, "endsAt": end.isoformat()})
    httpx.post(f"{url}/api/v2/alerts", json=alerts).raise_for_status()


def names(alerts, status=None):
    return sorted(
        one.get("labels", one)["instance"] for one in alerts if status in (None, one.get("status"))
    )


def test_the_same_timelines_tell_the_same(alertmanager, tmp_path):
    url, told = alertmanager
    began = time.monotonic()
    moments = sorted({at for events in TIMELINES.values() for at, _ in events})
    for at in moments:
        time.sleep(max(began + at - time.monotonic(), 0))
        for timeline, events in TIMELINES.items():
            if now := [event for then, event in events if then == at]:
                post(url, timeline, now)
    time.sleep(max(began + HORIZON - time.monotonic(), 0))
    theirs = {timeline: [] for timeline in TIMELINES}
    for _, body in told:
        facts = names(body["alerts"], "firing"), names(body["alerts"], "resolved")
        theirs[body["groupLabels"]["timeline"]].append(facts)
    assert rehearsed(tmp_path) == theirs


def rehearsed(tmp_path):
    (tmp_path / "alerting.yaml").write_text(
        f"route:\n  receiver: r{ROUTE}{INHIBIT}receivers: [{{name: r, type: console}}]\n"
    )
    policy = load_policy(tmp_path / "alerting.yaml", environ={})
    ours = {}
    for timeline, events in TIMELINES.items():
        played = [
            {"t": at, "op": "evaluate", "status": "firing" if event[0] == "+" else "ok",
             "labels": {"alertname": "x", "timeline": timeline, "instance": event[1:]}}
            for at, event in events
        ]  # fmt: skip
        content = {"tick": 0.5, "horizon": HORIZON - 1.5, "events": played}
        (tmp_path / "timeline.json").write_text(json.dumps(content))
        ours[timeline] = [
            (names(one["firing"]), names(one["resolved"]))
            for one in simulate(policy, load_timeline(tmp_path / "timeline.json"))
        ]
    return ours
