"""The scrape endpoint: who may ask, and what nobody can answer."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from cbcr_assets.metrics.server import CONTENT_TYPE, MetricsServer, is_loopback
from cbcr_assets.warehouse import WarehouseMissing


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    servers: list[Any] = []

    def start(text: Callable[[], str], token: str | None = None) -> str:
        server = MetricsServer("127.0.0.1", 0, text=text, token=token)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_scrape(serve: Any) -> None:
    url = serve(lambda: "# EOF\n")
    answer = httpx.get(f"{url}/metrics")
    assert (answer.status_code, answer.text) == (200, "# EOF\n")
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert httpx.get(f"{url}/healthz").text == "ok\n"
    assert httpx.get(f"{url}/").status_code == 404


def test_a_token(serve: Any) -> None:
    url = serve(lambda: "# EOF\n", token="secret")
    assert httpx.get(f"{url}/metrics").status_code == 401
    wrong = httpx.get(f"{url}/metrics", headers={"authorization": "Bearer other"})
    assert wrong.status_code == 401
    right = httpx.get(f"{url}/metrics", headers={"authorization": "Bearer secret"})
    assert right.status_code == 200


def test_nothing_published_is_no_empty_fleet(serve: Any) -> None:
    def missing() -> str:
        raise WarehouseMissing("nothing was published yet")

    answer = httpx.get(f"{serve(missing)}/metrics")
    assert (answer.status_code, answer.text) == (503, "nothing was published yet\n")


def test_a_fault_is_told_without_its_text(serve: Any) -> None:
    def broken() -> str:
        raise RuntimeError("password=hunter2")

    answer = httpx.get(f"{serve(broken)}/metrics")
    assert answer.status_code == 503
    assert "RuntimeError" in answer.text
    assert "hunter2" not in answer.text


def test_closing_waits_for_the_scrape_under_way() -> None:
    asked, done = threading.Event(), []

    def slow() -> str:
        asked.set()
        time.sleep(0.5)
        done.append(True)
        return "# EOF\n"

    server = MetricsServer("127.0.0.1", 0, text=slow, token=None)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/metrics"
    client = threading.Thread(target=httpx.get, args=(url,))
    client.start()
    assert asked.wait(5)
    server.shutdown()
    server.server_close()
    assert done == [True]
    client.join(5)


def test_others_may_not_ask_without_a_token() -> None:
    with pytest.raises(ValueError, match="--token"):
        MetricsServer("0.0.0.0", 0, text=lambda: "", token=None)
    assert is_loopback("::1")
    assert not is_loopback("backup01")
