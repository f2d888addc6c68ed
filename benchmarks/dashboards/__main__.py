"""Measure the dashboards in Chromium beside the targets, and print the table.

Usage: python -m benchmarks.dashboards [--folder FOLDER] [--repeat 5] [--viewers 10]

Without a folder that `python -m benchmarks.dashboards.fleet` has filled, the fleet is made first:
50,000 instances and ten million attempts, some 10 GB of disk. Needs Chromium and Linux.

Belongs here: the steps, the server, the table. Does not belong here: the browser's clock.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import BrowserContext, Playwright, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from benchmarks.dashboards import browser
from benchmarks.dashboards.fleet import make
from benchmarks.measure import machine
from streamlit_app.navigation import PAGES

ROOT = Path(__file__).resolve().parents[2]
_MIB = 1 << 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help="what `benchmarks.dashboards.fleet` made")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--viewers", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cbcr-bench-") as scratch:
        serving = given.folder / "serving" if given.folder else make(Path(scratch) / "fleet")
        print(machine())
        with sync_playwright() as playwright:
            _first_loads(playwright, serving, Path(scratch))
            _steps(playwright, serving, Path(scratch), given.repeat)
            _viewers(playwright, serving, Path(scratch), given.viewers)
        print(f"load at the end {os.getloadavg()[0]:.1f}")


def _first_loads(playwright: Playwright, serving: Path, scratch: Path) -> None:
    with (
        _server(serving) as (url, _),
        browser.reader(playwright, scratch / "first") as context,
    ):
        page = context.new_page()
        print(f"first load, cold: {browser.load(page, url):.2f} s (4 asked)")
        warm = [browser.load(page, url) for _ in range(5)]
        print(f"first load, warm: median {statistics.median(warm):.2f} s (1.5 asked)")


def _steps(playwright: Playwright, serving: Path, scratch: Path, repeat: int) -> None:
    with (
        _server(serving) as (url, process),
        browser.reader(playwright, scratch / "steps") as context,
    ):
        page = context.new_page()
        browser.load(page, url)
        found: dict[str, list[float]] = {}
        for turn in range(repeat + 1):
            for title in _titles():
                took = browser.step(page, browser.open_page(title))
                found.setdefault(f"open {title}", []).append(took)
            for label in ("Team", "Tier", "Database"):
                browser.step(page, browser.open_page("Instances"))
                took = browser.step(page, browser.choose(label, turn % 3))
                found.setdefault(f"Instances, choose a {label.lower()}", []).append(took)
            page.goto(url)
            browser.load(page, url)
        print(f"\n{'step':34} {'first':>6} {'median':>7} {'worst':>6}  s")
        later = []
        for name, all_of_them in found.items():
            first, rest = all_of_them[0], all_of_them[1:]
            later += rest
            print(f"{name:34} {first:6.2f} {statistics.median(rest):7.2f} {max(rest):6.2f}")
        later.sort()
        p95 = later[int(len(later) * 0.95)]
        print(
            f"all after the first: median {statistics.median(later):.2f} s (0.5 asked),"
            f" p95 {p95:.2f} s (1 asked), {len(later)} steps;"
            f" server {_held(process):.0f} MiB"
        )


def _viewers(playwright: Playwright, serving: Path, scratch: Path, count: int) -> None:
    with (
        _server(serving) as (url, process),
        browser.reader(playwright, scratch / "viewers") as context,
    ):
        pages = [context.new_page() for _ in range(count)]
        for page in pages:
            browser.load(page, url)
        most = _held(process)
        slow = []
        for title in _titles():
            if not _all_open(context, title):
                slow.append(title)
            most = max(most, _held(process))
        print(f"{count} viewers clicking: server at most {most:.0f} MiB (600 asked)")
        if slow:
            print(f"pages that did not stand still within two minutes: {', '.join(slow)}")


def _all_open(context: BrowserContext, title: str) -> bool:
    """Let every viewer open a page; say whether all of them got it."""
    try:
        for page in context.pages[1:]:
            browser.open_page(title)(page)
        for page in context.pages[1:]:
            browser.settle(page)
    except PlaywrightTimeoutError:
        return False
    return True


def _titles() -> list[str]:
    return [entry.title for entry in PAGES.values() if entry.in_menu]


def _held(process: subprocess.Popen[bytes]) -> float:
    server = psutil.Process(process.pid)
    return sum(p.memory_info().rss for p in [server, *server.children(recursive=True)]) / _MIB


@contextmanager
def _server(serving: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app/app.py")]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    environ = {**os.environ, "CBCR_SERVING": str(serving)}
    process = subprocess.Popen(
        command, env=environ, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield url, process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("streamlit is not ready after 60 s")


if __name__ == "__main__":
    main()
