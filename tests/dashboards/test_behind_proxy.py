"""Behind a proxy that logs people in: its word counts when it brings its secret, and nobody else's.

The test speaks as the proxy does: it opens the connection of a page and reads what is drawn.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
SECRET = "p" * 40
CONFIG = """
sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}
dashboards:
  address: 0.0.0.0
  allowed_hosts: [cbcr.example.org]
  behind_proxy:
    secret: env:CBCR_TEST_PROXY
    user_header: X-Forwarded-Email
    roles: {viewer: [staff], operator: [dba-oncall]}
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "cbcr.yaml").write_text(CONFIG)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app/app.py")]
    # The proxy stands on this machine in this test, so nothing else needs to be reached.
    command += ["--server.port", str(number), "--server.address", "127.0.0.1"]
    environ = {
        **os.environ, "CBCR_CONFIG": str(folder / "cbcr.yaml"), "CBCR_HOME": str(folder / "home"),
        "CBCR_SERVING": str(folder / "serving"), "CBCR_TEST_PROXY": SECRET,
    }  # fmt: skip
    process = subprocess.Popen(
        command, env=environ, cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while not _is_up(number):
            assert process.poll() is None, "streamlit ended"
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield number
    finally:
        process.terminate()
        process.wait(20)


def _is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
            return True
    except OSError:
        return False


def drawn(port: int, **headers: str) -> bytes:
    """Return what the page draws, as bytes of Streamlit's messages."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    with connect(
        f"ws://cbcr.example.org:{port}/_stcore/stream", sock=socket.create_connection(
            ("127.0.0.1", port)
        ), origin=f"http://cbcr.example.org:{port}", subprotocols=["streamlit"],
        additional_headers=said, max_size=None, proxy=None,
    ) as page:  # fmt: skip
        ask = BackMsg()
        ask.rerun_script.query_string = ""
        page.send(ask.SerializeToString())
        found, deadline = b"", time.monotonic() + 60
        while b"Nothing was published yet" not in found and b"No access" not in found:
            assert time.monotonic() < deadline, found
            found += page.recv(timeout=60)
        while True:
            try:
                found += page.recv(timeout=2)
            except TimeoutError:
                return found


@pytest.mark.parametrize(
    ("groups", "shown"),
    [("staff, dba-oncall", b"ann@example.org \xc2\xb7 operator"), ("staff", b"\xc2\xb7 viewer")],
)
def test_who_the_proxy_names_has_the_role_of_their_groups(
    port: int, groups: str, shown: bytes
) -> None:
    found = drawn(
        port, X_CBCR_Proxy=SECRET, X_Forwarded_Email="ann@example.org", X_Forwarded_Groups=groups
    )
    assert shown in found
    assert b"Nothing was published yet" in found


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Forwarded_Email": "ann@example.org", "X_Forwarded_Groups": "guests"},
        {"X_Forwarded_User": "ann@example.org", "X_Forwarded_Groups": "dba-oncall"},
    ],
)
def test_who_has_no_role_or_no_name_sees_nothing(port: int, headers: dict[str, str]) -> None:
    found = drawn(port, X_CBCR_Proxy=SECRET, **headers)
    assert b"No access" in found
    assert b"Nothing was published yet" not in found


@pytest.mark.parametrize("secret", ["", "guess", SECRET[:-1], SECRET + "p"])
def test_who_passes_the_proxy_by_is_not_answered(port: int, secret: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        drawn(
            port, X_CBCR_Proxy=secret, X_Forwarded_Email="ann@example.org",
            X_Forwarded_Groups="dba-oncall",
        )  # fmt: skip
