"""`cbcr alerts serve-slack`: what Slack sends over loopback, and what comes of it."""

import hashlib
import hmac
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import httpx
import pytest

from cbcr_assets.alerting.receivers.blocks import ACKNOWLEDGE
from cbcr_assets.alerting.receivers.signing import seal
from cbcr_assets.cli import processes
from cbcr_assets.cli.diagnosis import findings
from cbcr_assets.steps.own_alerts import Verdict, tell
from cbcr_assets.steps.platform import open_platform

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
CONFIG = "sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n"
POLICY = """
route: {{receiver: slack}}
receivers:
- {{name: slack, type: slack, token: env:TOKEN, channel: "#db", base_url: "{url}/api"{secret}}}
"""
WITH_SECRET = ", signing_secret: env:SIGNING"
PROGRAM = [sys.executable, "-c", "from cbcr_assets.cli import main; main()", "alerts"]


def now():
    return datetime.now(UTC).replace(tzinfo=None)


@pytest.fixture
def slack():
    """A server that answers like Slack's Web API and remembers (method, body)."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append((self.path.rpartition("/")[2], body))
            answer = json.dumps({"ok": True, "ts": "17.000001", "channel": "C1"}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    server.asked, server.url = asked, f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def environ(monkeypatch, tmp_path):
    """A configured CBCR without a policy."""
    (tmp_path / "cbcr.yaml").write_text(CONFIG)
    monkeypatch.setenv("CBCR_CONFIG", str(tmp_path / "cbcr.yaml"))
    monkeypatch.delenv("CBCR_HOME", raising=False)
    monkeypatch.setenv("TOKEN", "xoxb-token")
    monkeypatch.setenv("SIGNING", SECRET)
    return tmp_path


@contextmanager
def listening(folder, *words):
    """Run the command; gives its base URL."""
    command = [*PROGRAM, "serve-slack", *words]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = process.stderr.readline()
            yield re.search(r"http://\S+", said).group()
        finally:
            process.send_signal(signal.SIGTERM)
            rest = process.stderr.read()
            assert process.wait(10) == 0, rest
            assert SECRET not in said + rest


def press(value, *, at_s=None, key=SECRET):
    """Return body and headers of what Slack sends when somebody presses a button."""
    actions = [{"action_id": ACKNOWLEDGE, "value": value}]
    payload = {"type": "block_actions", "user": {"name": "ann"}, "actions": actions}
    body = urlencode({"payload": json.dumps(payload)}).encode()
    stamp = str(int(time.time() if at_s is None else at_s))
    digest = hmac.new(key.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return body, {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def button_of(asked):
    """Return the value of the button in the message that was posted."""
    [posted] = [body for method, body in asked if method == "chat.postMessage"]
    [actions] = [block for block in posted["blocks"] if block["type"] == "actions"]
    [value] = [e["value"] for e in actions["elements"] if e.get("action_id") == ACKNOWLEDGE]
    return value


def journal(folder):
    con = sqlite3.connect(folder / ".cbcr" / "alerts.db")
    rows = con.execute("select what, detail from journal where what like 'ack%' order by id")
    found = rows.fetchall()
    con.close()
    return found


def test_a_press_acknowledges_and_the_message_shows_it(environ, slack):
    (environ / "alerting.yaml").write_text(POLICY.format(url=slack.url, secret=WITH_SECRET))
    service = open_platform().alerts()
    verdict = Verdict("run_failed", "job", "watch", "breached", "critical", "it failed")
    tell(service, "x", [verdict], reference="1", now=now())
    service.deliver(now=now(), budget_s=5)
    value = button_of(slack.asked)
    with listening(environ, "--port", "0") as url:
        assert url.startswith("http://127.0.0.1:")

        def sent(body, headers):
            return httpx.post(url + "/slack", content=body, headers=headers).status_code

        assert sent(*press(value, key="of another app")) == 401
        assert sent(*press(value, at_s=time.time() - 301)) == 401
        assert sent(press(value)[0] + b"x", press(value)[1]) == 401
        assert sent(b"x" * 100_001, {}) == 413
        assert sent(*press(value + "x")) == 403
        assert sent(*press(seal(SECRET, "no-such-incident"))) == 404
        assert [view.acked_by for view in service.alerts()] == [""]
        good = press(value)
        assert sent(*good) == 200
        assert [view.acked_by for view in service.alerts()] == ["ann (Slack)"]
        assert sent(*good) == 409, "the same request again"
        deadline = time.monotonic() + 10
        while len(slack.asked) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
    [(method, body)] = slack.asked[1:]
    assert (method, body["ts"], "ann (Slack)" in body["text"]) == ("chat.update", "17.000001", True)
    assert journal(environ) == [
        ("acknowledged_nothing", "no-such-incident by ann (Slack)"),
        ("acknowledged", "ann (Slack)"),
    ]


def test_it_listens_where_cbcr_yaml_says(environ, slack):
    probe = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = probe.server_port
    probe.server_close()
    (environ / "cbcr.yaml").write_text(CONFIG + f"slack_button: {{port: {port}}}\n")
    (environ / "alerting.yaml").write_text(POLICY.format(url=slack.url, secret=WITH_SECRET))
    with listening(environ) as url:
        assert url == f"http://127.0.0.1:{port}"
        assert httpx.get(url + "/health").status_code == 200


def test_up_runs_it_and_ends_it(environ, slack):
    probe = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = probe.server_port
    probe.server_close()
    (environ / "cbcr.yaml").write_text(CONFIG + f"slack_button: {{port: {port}}}\n")
    (environ / "alerting.yaml").write_text(POLICY.format(url=slack.url, secret=WITH_SECRET))
    platform = open_platform()
    platform.alerts()
    child = processes._slack_button(platform, platform.environ, platform.config.slack_button)
    try:
        processes._wait_until_ready([child])
    finally:
        processes._stop([child], graphql="http://127.0.0.1:9/")
    assert child.process.returncode == 0, child.log.read_text()


@pytest.mark.parametrize(
    ("policy", "signing", "why"),
    [
        ("", "x", "no receiver of type slack has a signing_secret"),
        (WITH_SECRET, "", "receiver slack: signing_secret: the environment variable SIGNING is"),
    ],
)
def test_without_a_secret_it_does_not_start(policy, signing, why, environ, monkeypatch):
    (environ / "alerting.yaml").write_text(POLICY.format(url="http://127.0.0.1:9", secret=policy))
    monkeypatch.setenv("SIGNING", signing)
    done = subprocess.run(
        [*PROGRAM, "serve-slack", "--port", "0"], cwd=environ, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, why in done.stderr) == (2, True), done.stderr
    (environ / "cbcr.yaml").write_text(CONFIG + "slack_button: {}\n")
    told = findings(os.environ, now=now()).filter(what="slack_button")
    assert (told["state"].to_list(), why in told["detail"][0]) == (["wrong"], True)
