"""In a real browser at a real OpenID Connect provider: log in, roles, log out, and who is refused.

The pages of this test are its own; server, gate, guard and forms are those of the dashboards.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from cbcr_assets.alerting import deeds
from cbcr_assets.alerting.tables import open_store, reading
from cbcr_assets.cli.demonstration import Demo
from cbcr_assets.steps.platform import open_platform

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
CLIENT_SECRET, COOKIE_SECRET = "only-the-provider-knows", "c" * 40
SECTION = """
dashboards:
  login:
    metadata_url: http://127.0.0.1:{provider}/.well-known/openid-configuration
    client_id: cbcr-tests
    client_secret: env:CBCR_TEST_CLIENT
    cookie_secret: env:CBCR_TEST_COOKIE
    redirect_uri: http://127.0.0.1:{port}/oauth2callback
    roles: {{viewer: [staff], operator: [dba-oncall], admin: [dba-leads]}}
"""
PAGES = """
import streamlit as st
from streamlit_app import access, action_forms, actions, server

if server.is_starting():
    app = st.App(__file__, **server.options())
else:
    st.set_page_config(page_title="CBCR", page_icon="🛟")
    person = access.gate()
    st.title(f"Here is {person.name}")
    matchers = action_forms.meant(rule=st.query_params.get("rule", ""))
    action_forms.acknowledge(matchers, what="this rule", place="test")
    action_forms.audit_table()
    if st.button("Act without a form"):
        try:
            st.write(actions.acknowledge(matchers, key="by-hand").text)
        except access.NotAllowedError as error:
            st.error(str(error))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


class Served:
    """The dashboards with a login, and the provider."""

    def __init__(self, folder: Path, demo: Demo, script: Path) -> None:
        self.provider, self.port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "streamlit.log"
        config = demo.platform.config
        self.config = config.file.with_name(f"with-login-{self.port}.yaml")
        section = SECTION.format(provider=self.provider, port=self.port)
        self.config.write_text(config.file.read_text() + section)
        self.environ = {
            **os.environ, "CBCR_CONFIG": str(self.config), "CBCR_HOME": str(config.home),
            "CBCR_SERVING": str(config.serving), "CBCR_TEST_CLIENT": CLIENT_SECRET,
            "CBCR_TEST_COOKIE": COOKIE_SECRET,
        }  # fmt: skip
        provider = [sys.executable, str(ROOT / "tests/dashboards/oidc_provider.py")]
        provider += [str(self.provider), CLIENT_SECRET, self.url]
        command = [sys.executable, "-m", "streamlit", "run", str(script)]
        command += ["--server.port", str(self.port), "--server.address", "127.0.0.1"]
        command += ["--server.headless", "true", "--server.fileWatcherType", "none"]
        command += ["--browser.gatherUsageStats", "false", "--client.toolbarMode", "viewer"]
        with self.log.open("wb") as log:
            self.children = [
                subprocess.Popen(
                    line, env=self.environ, cwd=folder, stdin=subprocess.DEVNULL,
                    stdout=log, stderr=subprocess.STDOUT,
                )
                for line in (provider, command)
            ]  # fmt: skip

    def wait(self) -> None:
        metadata = f"http://127.0.0.1:{self.provider}/.well-known/openid-configuration"
        deadline = time.monotonic() + 120
        while not (answers(f"{self.url}/_stcore/health") and answers(metadata)):
            assert all(c.poll() is None for c in self.children), self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def stop(self) -> None:
        for child in self.children:
            child.terminate()
        for child in self.children:
            child.wait(20)


@pytest.fixture(scope="module")
def own_pages(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("login")
    (folder / "pages.py").write_text(PAGES)
    served = Served(folder, demo, folder / "pages.py")
    try:
        served.wait()
        yield served
    finally:
        served.stop()


@pytest.fixture(scope="module")
def real_pages(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("real"), demo, ROOT / "streamlit_app" / "app.py")
    try:
        served.wait()
        yield served
    finally:
        served.stop()


@pytest.fixture
def page(context: Any) -> Iterator[Any]:
    context.clear_cookies()
    opened = context.new_page()
    opened.refused = []
    opened.on(
        "console",
        lambda said: opened.refused.append(said.text) if "Security Policy" in said.text else None,
    )
    yield opened
    opened.close()
    context.clear_cookies()
    assert opened.refused == []


def log_in(page: Any, served: Served, user: str, path: str = "") -> None:
    page.goto(f"{served.url}{path}")
    page.get_by_role("button", name="Log in").click(timeout=60_000)
    page.get_by_role("heading", name="Who are you?").wait_for(timeout=60_000)
    page.get_by_role("link", name=user, exact=True).click()


def deeds_of(served: Served) -> list[deeds.Deed]:
    platform = open_platform(served.environ)
    with reading(open_store(platform.alert_store)) as con:
        return deeds.newest(con, limit=100)


def firing_rule(served: Served) -> str:
    views = open_platform(served.environ).alerts().alerts()
    return next(view.rule for view in views if view.is_open and not view.acked_by)


def test_nobody_sees_anything_before_the_login_and_the_pages_work_after_it(
    page: Any, real_pages: Served
) -> None:
    page.goto(f"{real_pages.url}/instances")
    page.get_by_role("button", name="Log in").wait_for(timeout=60_000)
    assert page.get_by_role("link", name="Instances").count() == 0
    assert page.locator('[data-testid="stDataFrame"]').count() == 0
    log_in(page, real_pages, "vic")
    page.get_by_text("Could we restore now?").first.wait_for(timeout=60_000)
    page.get_by_text("vic · viewer").wait_for()
    # Charts and tables draw under the policy of the headers: see what the fixture asserts.
    page.locator("canvas, svg.marks").first.wait_for(timeout=60_000)
    page.goto(f"{real_pages.url}/instances")
    page.locator('[data-testid="stDataFrame"] canvas').first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in").wait_for(timeout=60_000)
    page.reload()
    page.get_by_role("button", name="Log in").wait_for(timeout=60_000)
    assert page.get_by_text("vic · viewer").count() == 0


def test_somebody_without_a_role_is_told_so_and_sees_nothing(page: Any, own_pages: Served) -> None:
    log_in(page, own_pages, "eve")
    page.get_by_text("none of their groups has a role here").wait_for(timeout=60_000)
    assert page.get_by_text("Here is eve").count() == 0
    page.get_by_role("button", name="Log out").wait_for()


def test_a_viewer_has_no_form_and_is_refused_without_one(page: Any, own_pages: Served) -> None:
    log_in(page, own_pages, "vic")
    page.get_by_role("heading", name="Here is vic").wait_for(timeout=60_000)
    assert page.get_by_role("button", name="Acknowledge").count() == 0
    page.get_by_role("button", name="Act without a form").click()
    page.get_by_text("To acknowledge one must be an operator; vic is a viewer.").wait_for()
    newest = deeds_of(own_pages)[0]
    assert (newest.name, newest.subject, newest.outcome) == ("vic", "id-of-vic", "refused")


def test_an_operator_acknowledges_and_a_double_click_is_one_deed(
    page: Any, context: Any, own_pages: Served
) -> None:
    rule = firing_rule(own_pages)
    log_in(page, own_pages, "ann")
    page.get_by_role("heading", name="Here is ann").wait_for(timeout=60_000)
    page.goto(f"{own_pages.url}/?rule={rule}")
    page.get_by_role("button", name="Acknowledge").click(timeout=60_000)
    page.locator('[data-testid="stFormSubmitButton"] button').dblclick()
    page.get_by_text("Acknowledged").first.wait_for(timeout=60_000)
    page.wait_for_timeout(2000)
    mine = [deed for deed in deeds_of(own_pages) if deed.name == "ann"]
    assert [(deed.action, deed.role, deed.outcome) for deed in mine] == [
        ("acknowledge", "operator", "done")
    ]
    views = open_platform(own_pages.environ).alerts().alerts()
    assert {v.acked_by for v in views if v.rule == rule and v.state == "open"} == {"ann"}


def test_an_admin_sees_what_people_did(page: Any, own_pages: Served) -> None:
    log_in(page, own_pages, "adam")
    page.get_by_role("heading", name="Here is adam").wait_for(timeout=60_000)
    page.locator('[data-testid="stDataFrame"] canvas').first.wait_for(timeout=60_000)


def ask(served: Served, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    connection = HTTPConnection("127.0.0.1", served.port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}
    finally:
        connection.close()


def shake_hands(served: Served, **headers: str) -> int:
    socket_headers = {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **headers,
    }  # fmt: skip
    connection = HTTPConnection("127.0.0.1", served.port, timeout=20)
    try:
        connection.request("GET", "/_stcore/stream", headers=socket_headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_headers_hosts_and_origins(own_pages: Served) -> None:
    status, headers = ask(own_pages, "/")
    assert status == 200
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert (
        "unsafe-inline"
        not in headers["content-security-policy"].split("script-src")[1].split(";")[0]
    )
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert ask(own_pages, "/", Host="evil.example")[0] == 403
    assert ask(own_pages, "/_stcore/health", Host="10.0.0.9")[0] == 200
    assert ask(own_pages, "/_stcore/metrics")[0] == 403
    own = f"127.0.0.1:{own_pages.port}"
    assert shake_hands(own_pages, Origin=f"http://{own}") == 101
    assert shake_hands(own_pages, Origin="http://evil.example") == 403
    assert shake_hands(own_pages, Origin=f"http://localhost:{own_pages.port}") == 403
    assert shake_hands(own_pages, Host="evil.example", Origin="http://evil.example") == 403


def test_no_secret_is_on_disk_or_in_a_log(own_pages: Served, demo: Demo) -> None:
    places = [own_pages.log, *demo.platform.config.file.parent.rglob("*")]
    for path in places:
        if path.is_file() and path.stat().st_size < 5_000_000:
            content = path.read_bytes()
            assert CLIENT_SECRET.encode() not in content, path
            assert COOKIE_SECRET.encode() not in content, path
    assert not list(own_pages.log.parent.rglob("secrets.toml"))


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({"CBCR_CONFIG": "/nonexistent/cbcr.yaml"}, "do not listen on 0.0.0.0"),
        ({"CBCR_TEST_COOKIE": "short"}, "login.cookie_secret: at least 32"),
        ({"CBCR_TEST_CLIENT": ""}, "the environment variable CBCR_TEST_CLIENT is empty"),
    ],
)
def test_it_refuses_to_start_where_strangers_could_look(
    own_pages: Served, extra: dict[str, str], told: str
) -> None:
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app/app.py")]
    command += ["--server.port", str(free_port()), "--server.address", "0.0.0.0"]
    done = subprocess.run(
        command, env={**own_pages.environ, **extra}, cwd=own_pages.log.parent, timeout=120,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert told in done.stdout
    assert "Traceback" not in done.stdout
