"""In a real browser: links, back, forward, reload, cold links, and not one request leaves."""

from collections.abc import Iterator
from typing import Any

import pytest

from cbcr_assets.cli.demonstration import Demo

pytestmark = pytest.mark.browser

SETTLED = """() => { const a = document.querySelector('[data-testid="stApp"]');
  return a && a.dataset.testScriptState === 'notRunning'
    && a.dataset.testConnectionState === 'CONNECTED'
    && document.querySelector('[data-testid="stMain"] [data-testid="stElementContainer"]')
    && !document.querySelector('[data-testid="stSkeleton"]') }"""


@pytest.fixture
def page(context: Any, app_url: str) -> Iterator[Any]:
    opened = context.new_page()
    elsewhere: list[str] = []
    opened.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((app_url, "data:", "blob:", app_url.replace("http", "ws")))
            else elsewhere.append(request.url)
        ),
    )
    yield opened
    opened.close()
    assert elsewhere == []


def settle(page: Any, text: str) -> None:
    page.get_by_text(text).first.wait_for(timeout=60_000)
    page.wait_for_function(SETTLED, timeout=60_000)


def test_from_the_first_screen_to_one_instance_and_back(
    page: Any, app_url: str, demo: Demo
) -> None:
    page.goto(app_url)
    settle(page, "Could we restore now?")
    page.get_by_role("link", name="Instances").click()
    settle(page, "Select a row to open one.")
    grid = page.locator('[data-testid="stDataFrame"]').first
    grid.locator("canvas").first.wait_for()
    box = grid.bounding_box()
    page.mouse.click(box["x"] + 15, box["y"] + 35 + 17)
    link = page.locator('[data-testid="stPageLink"] a', has_text="Open ")
    link.wait_for(timeout=30_000)
    name = link.inner_text().removeprefix("Open ").removesuffix(" →").strip()
    link.click()
    settle(page, "Data at risk over time")
    assert f"/instance?id={name}" in page.url
    page.go_back()
    settle(page, "Select a row to open one.")
    page.go_forward()
    settle(page, "Data at risk over time")
    assert name in page.locator("h1").inner_text()
    page.reload()
    settle(page, "Data at risk over time")
    assert name in page.locator("h1").inner_text()


def test_a_cold_deep_link_opens_the_instance(page: Any, app_url: str, demo: Demo) -> None:
    name = next(i.subject_id for i in demo.truth.incidents if i.rule == "backup_failed")
    page.goto(f"{app_url}/instance?id={name}")
    settle(page, "Last drill")
    assert name in page.locator("h1").inner_text()
    assert page.get_by_text("backup_failed").first.is_visible()
