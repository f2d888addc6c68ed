"""A reader in Chromium: opens pages, clicks, and tells how long until the page stood still.

Belongs here: driving the browser and the clock in it. Does not belong here: which steps, tables.

The clock starts with the event in the page (click, key) and stops when the script has ended and no
skeleton is left; both are moments of the page itself, so the driver's own delay is not counted.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, Playwright

_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
]  # fmt: skip
_STILL = """() => { const a = document.querySelector('[data-testid="stApp"]');
  return a && a.dataset.testScriptState === 'notRunning'
    && a.dataset.testConnectionState === 'CONNECTED'
    && document.querySelector('[data-testid="stMain"] [data-testid="stElementContainer"]')
    && !document.querySelector('[data-testid="stSkeleton"]') }"""
_WATCH = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  const w = window.cbcrWatch = { begun: null, ran: false, still: null };
  const note = () => {
    if (w.begun === null) return;
    const quiet = app.dataset.testScriptState === 'notRunning'
      && !document.querySelector('[data-testid="stSkeleton"]');
    if (!quiet) { w.ran = true; w.still = null; }
    else if (w.ran && w.still === null) w.still = performance.now();
  };
  const begin = () => { if (w.begun === null) w.begun = performance.now(); };
  for (const kind of ['click', 'keydown'])
    document.addEventListener(kind, begin, { capture: true, once: true });
  w.observer = new MutationObserver(note);
  w.observer.observe(document.body, { subtree: true, childList: true, attributes: true });
}"""
# Still for a fifth of a second, so that a second run right after the first is part of it.
_DONE = """() => { const w = window.cbcrWatch;
  return w.still !== null && performance.now() - w.still > 200 }"""
_TIMEOUT_MS = 120_000


@contextmanager
def reader(playwright: Playwright, profile: Path) -> Iterator[BrowserContext]:
    """Start a browser with a profile folder; an empty one is a first visit."""
    context = playwright.chromium.launch_persistent_context(
        profile, executable_path=shutil.which("chromium"), headless=True, args=_FLAGS,
        viewport={"width": 1400, "height": 1000},
    )  # fmt: skip
    try:
        yield context
    finally:
        context.close()


def load(page: Page, url: str) -> float:
    """Load a page; return seconds until it stands still, counted by the page itself."""
    page.goto(url, wait_until="commit", timeout=_TIMEOUT_MS)
    settle(page)
    return float(page.evaluate("performance.now()")) / 1000


def settle(page: Page) -> None:
    """Wait until a page stands still; a page in the background draws no frames, hence polling."""
    page.wait_for_function(_STILL, timeout=_TIMEOUT_MS, polling=20)


def step(page: Page, act: Any) -> float:
    """Do something that makes the page run again; return seconds until it stands still."""
    settle(page)
    page.evaluate(_WATCH)
    act(page)
    page.wait_for_function(_DONE, timeout=_TIMEOUT_MS, polling=20)
    return float(page.evaluate("(cbcrWatch.still - cbcrWatch.begun) / 1000"))


def open_page(title: str) -> Any:
    """Return the act of choosing a page in the menu."""
    return lambda page: (
        page.locator('[data-testid="stSidebarNav"] a').get_by_text(title, exact=True).click()
    )


def choose(label: str, position: int) -> Any:
    """Return the act of adding a value to a filter by the keyboard."""

    def act(page: Page) -> None:
        box = page.locator('[data-testid="stMultiSelect"]').filter(has_text=label).locator("input")
        box.focus()
        for _ in range(position):
            page.keyboard.press("ArrowDown")
        page.evaluate("cbcrWatch.begun = performance.now()")
        page.keyboard.press("Enter")

    return act
