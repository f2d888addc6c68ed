"""Take the pictures of the README from a running demo.

Usage: python docs/screenshots.py [--dashboard URL] [--dagster URL] [--instance ID] [--out FOLDER]

Belongs here: driving Chromium. Does not belong here: tests (see tests/dashboards).
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
]  # fmt: skip
SETTLED = """() => { const a = document.querySelector('[data-testid="stApp"]');
  return a && a.dataset.testScriptState === 'notRunning'
    && a.dataset.testConnectionState === 'CONNECTED'
    && document.querySelector('[data-testid="stMain"] [data-testid="stElementContainer"]')
    && !document.querySelector('[data-testid="stSkeleton"]') }"""


def take(context: BrowserContext, url: str, path: Path, *, is_dashboard: bool) -> None:
    """Open a page, wait until it is drawn, save it."""
    page = context.new_page()
    page.goto(url, wait_until="load", timeout=60_000)
    if is_dashboard:
        page.wait_for_function(SETTLED, timeout=60_000)
    page.wait_for_timeout(4_000)
    page.screenshot(path=str(path))
    page.close()
    print(path)


def main() -> None:
    """Take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dashboard", default="http://127.0.0.1:8501")
    parser.add_argument("--dagster", default="http://127.0.0.1:3000")
    parser.add_argument("--instance", default="")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=shutil.which("chromium"), headless=True, args=FLAGS,
            viewport={"width": 1400, "height": 1000},
        )  # fmt: skip
        if asked.dashboard != "none":
            take(context, asked.dashboard, asked.out / "overview.png", is_dashboard=True)
            take(
                context,
                f"{asked.dashboard}/instances",
                asked.out / "instances.png",
                is_dashboard=True,
            )
            url = f"{asked.dashboard}/instance?id={asked.instance}"
            take(context, url, asked.out / "instance.png", is_dashboard=True)
        if asked.dagster != "none":
            url = f"{asked.dagster}/asset-groups"
            take(context, url, asked.out / "dagster-assets.png", is_dashboard=False)
        context.close()


if __name__ == "__main__":
    main()
