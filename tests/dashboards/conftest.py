"""Fixtures of the dashboard tests: one small demo, built and published once by the real path."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from cbcr_assets.cli.demonstration import Demo, prepare
from cbcr_assets.warehouse import connect, current

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest makes its page `__main__`, which a process spawned by a later test would import."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A published demo of 20 databases."""
    before = dict(os.environ)
    now = datetime.now(UTC).replace(tzinfo=None)
    folder = tmp_path_factory.mktemp("demo") / "fleet"
    try:
        yield prepare(folder, instances=20, days=30, seed=1, now=now)
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def serving(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's snapshots, named to the app."""
    monkeypatch.setenv("CBCR_SERVING", str(demo.platform.config.serving))
    return demo.platform.config.serving


@pytest.fixture
def run() -> Callable[..., AppTest]:
    """Runs the app without a browser: a page, what it is asked; a stack trace on it fails."""
    import streamlit as st

    st.cache_data.clear()
    st.cache_resource.clear()

    def run_page(page: str = "", **parameters: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(ROOT / "streamlit_app" / "app.py"), default_timeout=60)
        if page:
            app.switch_page(f"app_pages/{page}.py")
        for name, value in parameters.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, app.exception
        return app

    return run_page


@pytest.fixture
def words() -> Callable[[AppTest], str]:
    """Everything that a page says, tables and charts aside."""

    def said(app: AppTest) -> str:
        kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.warning,
                 app.error, app.info, app.success)  # fmt: skip
        texts = [str(element.value) for kind in kinds for element in kind]
        return "\n".join([*texts, *(f"{one.label}: {one.value}" for one in app.metric)])

    return said


@pytest.fixture
def sql(serving: Path) -> Callable[[str], list[tuple[Any, ...]]]:
    """Asks the snapshot that the app reads."""

    def ask(query: str) -> list[tuple[Any, ...]]:
        with connect(current(serving).path) as con:
            return con.execute(query).fetchall()

    return ask


@pytest.fixture
def changed(serving: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the app read a copy of the snapshot after some statements."""

    def change(*statements: str) -> None:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        copy = folder / "warehouse-1.duckdb"
        shutil.copyfile(current(serving).path, copy)
        with duckdb.connect(str(copy)) as con:
            for statement in statements:
                con.execute(statement)
        (folder / "CURRENT").write_text("1\n")
        monkeypatch.setenv("CBCR_SERVING", str(folder))

    return change


@pytest.fixture(scope="session")
def app_url(demo: Demo) -> Iterator[str]:
    """A running Streamlit server on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app/app.py")]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    environ = {**os.environ, "CBCR_SERVING": str(demo.platform.config.serving)}
    process = subprocess.Popen(
        command, env=environ, cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not _healthy(url):
            assert process.poll() is None, "streamlit ended"
            assert time.monotonic() < deadline, "streamlit is not ready after 60 s"
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
            return bool(answer.read() == b"ok")
    except OSError:
        return False


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Chromium of the distribution; in CI a missing one fails."""
    chromium = shutil.which("chromium")
    if chromium is None:
        reason = "chromium is not installed (apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    flags = [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    ]  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=chromium, headless=True, args=flags,
            viewport={"width": 1400, "height": 1000},
        )  # fmt: skip
        yield browser
        browser.close()
