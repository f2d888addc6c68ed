"""In a real browser: links, back, forward, reload, cold links, and not one request leaves."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cbcr_assets.cli.demonstration import Demo

pytestmark = pytest.mark.browser
Sql = Callable[[str], list[tuple[Any, ...]]]

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


def choose(page: Any, *, row: int, table: int = 0) -> None:
    """Select a row that is in sight; the table is a canvas, so by where the row is."""
    assert row < 13
    grid = page.locator('[data-testid="stDataFrame"]').nth(table)
    grid.locator("canvas").first.wait_for()
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    page.mouse.click(box["x"] + 15, box["y"] + 35 + 17 + 35 * row)


def test_from_the_first_screen_to_one_instance_and_back(
    page: Any, app_url: str, demo: Demo
) -> None:
    page.goto(app_url)
    settle(page, "Could we restore now?")
    page.get_by_role("link", name="Instances").click()
    settle(page, "instances, worst first")
    choose(page, row=0)
    link = page.locator('[data-testid="stPageLink"] a', has_text="Open ").first
    link.wait_for(timeout=30_000)
    name = link.inner_text().split("Open ")[1].removesuffix(" →").strip()
    link.click()
    settle(page, "Data at risk over time")
    assert f"/instance?id={name}" in page.url
    page.go_back()
    settle(page, "instances, worst first")
    page.go_forward()
    settle(page, "Data at risk over time")
    assert name in page.locator("h1").inner_text()
    page.reload()
    settle(page, "Data at risk over time")
    assert name in page.locator("h1").inner_text()


def test_a_cold_deep_link_opens_the_instance(page: Any, app_url: str, demo: Demo) -> None:
    name = next(i.subject_id for i in demo.truth.incidents if i.rule == "backup_failed")
    page.goto(f"{app_url}/instance?id={name}")
    settle(page, "Restores and drills")
    assert name in page.locator("h1").inner_text()
    assert page.get_by_text("backup_failed").first.is_visible()


def test_something_is_red_to_the_one_failing_job_and_its_log_line(
    page: Any, app_url: str, sql: Sql
) -> None:
    clicks: list[str] = []

    def count(path: str) -> None:
        clicks.append(path)

    page.expose_function("counted", count)
    page.add_init_script(
        "addEventListener('click', () => window.counted(location.pathname), {capture: true})"
    )
    row, name = sql(
        "select row, subject_id from (select subject_kind, subject_id, row_number() over ("
        " order by case status when 'breached' then 0 when 'unknown' then 1 else 2 end,"
        " case severity when 'critical' then 0 else 1 end, since, subject_id) - 1 as row"
        " from live.sla_evaluations where status <> 'ok') where subject_kind = 'instance'"
        " and subject_id in (select instance_id from live.live_rpo_status"
        " where consecutive_failures > 0) order by row limit 1"
    )[0]
    source, key, error = sql(
        "select source_id, attempt_key, error_text from marts.fct_backup_attempts"
        f" where instance_id = '{name}' and state in ('failed', 'lost')"
        " order by started_at desc limit 1"
    )[0]
    page.goto(app_url)
    settle(page, "What is wrong now")
    choose(page, row=row)
    link = page.locator('[data-testid="stPageLink"] a', has_text=f"Open {name}")
    link.wait_for(timeout=30_000)
    link.click()
    settle(page, "Data at risk over time")
    page.locator('[data-testid="stPageLink"] a', has_text="Open the newest failure").click()
    settle(page, "What its source said")
    log = page.locator('[data-testid="stCode"]', has_text=key.split(":")[-1]).first
    log.wait_for(timeout=30_000)
    assert (error or key)[:40] in log.inner_text()
    assert f"source={source}" in page.url
    assert len(clicks) <= 4, clicks
    cold = page.url
    page.go_back()
    settle(page, "Data at risk over time")
    page.go_back()
    settle(page, "What is wrong now")
    page.go_forward()
    settle(page, "Data at risk over time")
    page.goto(cold)
    settle(page, "What its source said")


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("rpo?days=7&by=tier", "Was the promise kept?"),
        ("restores?rows=tier", "Could we restore in time?"),
        ("operations?hours=72&rows=source", "What runs, and what failed?"),
    ],
)
def test_the_menu_and_cold_links_open_every_page_with_what_was_asked(
    page: Any, app_url: str, address: str, text: str
) -> None:
    page.goto(f"{app_url}/{address}")
    settle(page, text)
    chosen = [part.split("=")[1] for part in address.split("?")[1].split("&")]
    for word in chosen:
        pressed = page.locator('[role="radio"][aria-checked="true"]', has_text=word)
        pressed.first.wait_for(timeout=30_000)
    page.get_by_role("link", name="Instances").click()
    settle(page, "instances, worst first")
    page.go_back()
    settle(page, text)
    assert page.url.endswith(address)


def test_a_day_of_the_calendar_is_chosen_by_a_click_and_undone_by_back(
    page: Any, app_url: str, sql: Sql
) -> None:
    page.goto(f"{app_url}/rpo")
    settle(page, "Day by day")
    chart = page.locator('[data-testid="stVegaLiteChart"]').first
    chart.locator("canvas, svg").first.wait_for()
    page.wait_for_timeout(1_000)
    box = chart.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 70, box["y"] + 55)
    page.wait_for_url("**/rpo?day=*", timeout=30_000)
    settle(page, "In violation on")
    page.go_back()
    page.wait_for_url(f"{app_url}/rpo", timeout=30_000)
    settle(page, "Day by day")
    page.get_by_text("In violation on").first.wait_for(state="detached", timeout=30_000)
