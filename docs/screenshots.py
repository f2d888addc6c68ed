"""Take a picture of every page, in light and dark, from a running demo.

Usage: python docs/screenshots.py --instance ID --job SOURCE/ATTEMPT [--out FOLDER]

Belongs here: driving Chromium. Does not belong here: tests (see tests/dashboards).
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import BrowserContext, sync_playwright

from streamlit_app.navigation import PAGES

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
]  # fmt: skip
SETTLED = """() => { const a = document.querySelector('[data-testid="stApp"]');
  return a && a.dataset.testScriptState === 'notRunning'
    && a.dataset.testConnectionState === 'CONNECTED'
    && document.querySelector('[data-testid="stMain"] [data-testid="stElementContainer"]')
    && !document.querySelector('[data-testid="stSkeleton"]') }"""


_HEIGHT = """() => document.querySelector('[data-testid="stMainBlockContainer"]')?.scrollHeight"""
_MOST_PX = 2600


def take(context: BrowserContext, url: str, path: Path) -> None:
    """Open a page, wait until it is drawn, save all of it."""
    page = context.new_page()
    page.goto(url, wait_until="load", timeout=60_000)
    if path.name.startswith("dagster"):
        page.wait_for_timeout(8_000)
    else:
        page.wait_for_function(SETTLED, timeout=120_000)
        page.wait_for_timeout(2_000)
        height = int(page.evaluate(_HEIGHT) or 1000)
        page.set_viewport_size({"width": 1400, "height": min(height + 60, _MOST_PX)})
        page.wait_for_timeout(3_000)
    page.screenshot(path=str(path))
    page.close()
    print(path)


def pages(asked: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Yield name and address of every dashboard page."""
    for name, entry in PAGES.items():
        address = f"{asked.dashboard}/{'' if name == 'overview' else name}"
        if entry.in_menu or name == "dictionary":
            yield name, address
    yield "instance", f"{asked.dashboard}/instance?id={quote(asked.instance)}"
    source, _, attempt = asked.job.partition("/")
    yield "job", f"{asked.dashboard}/job?source={quote(source)}&attempt={quote(attempt)}"


def main() -> None:
    """Take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dashboard", default="http://127.0.0.1:8501")
    parser.add_argument("--dagster", default="http://127.0.0.1:3000")
    parser.add_argument("--instance", default="", help="name of one to show")
    parser.add_argument("--job", default="", help="source/attempt of one to show")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        for scheme, suffix in (("light", ""), ("dark", "-dark")):
            with tempfile.TemporaryDirectory() as profile:
                context = playwright.chromium.launch_persistent_context(
                    profile, executable_path=shutil.which("chromium"), headless=True, args=FLAGS,
                    viewport={"width": 1400, "height": 1000}, color_scheme=scheme,
                )  # fmt: skip
                if asked.dashboard != "none":
                    for name, address in pages(asked):
                        take(context, address, asked.out / f"{name}{suffix}.png")
                if asked.dagster != "none" and not suffix:
                    take(context, f"{asked.dagster}/asset-groups", asked.out / "dagster-assets.png")
                context.close()


if __name__ == "__main__":
    main()
