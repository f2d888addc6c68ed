"""Range answers of the Prometheus lab, joined as the transport joins them."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from cbcr_assets.connectors.base import Parsed

pytestmark = pytest.mark.usefixtures("process_zone")
Read = Callable[..., Parsed]
Said = Callable[[str, str], str]


@pytest.fixture
def answers(said: Said) -> Callable[..., str]:
    def joined(**names: str) -> str:
        read = {key: json.loads(said("prometheus", f"{name}.json")) for key, name in names.items()}
        return json.dumps({"start": 1795410089, "end": 1795410108, "step": 1, "answers": read})

    return joined


def rows(parsed: Parsed, table: str) -> list[dict[str, Any]]:
    return list(parsed.frames[table].rows(named=True))


def test_storage_as_df_counts_it(read: Read, answers: Callable[..., str]) -> None:
    text = answers(size="fs_size", avail="fs_avail", free="fs_free", up="up")
    parsed = read("prometheus", "storage", text)
    first = rows(parsed, "storage_samples")[0]
    assert first["volume"] == "repo-host-1:/"
    assert first["sampled_at"] == datetime(1970, 1, 1) + timedelta(seconds=1795410094)
    used, avail, size = (first[f"{name}_bytes"] for name in ("used", "avail", "size"))
    assert avail == 69_802_364_928
    # The lab: 36.5 % as df counts, 14.7 % of the size, 74.4 % of what is not available.
    assert used / (used + avail) == pytest.approx(0.365, abs=0.01)
    assert used / size == pytest.approx(0.147, abs=0.01)
    assert parsed.ok


def test_a_dead_exporter_is_not_no_data(read: Read, answers: Callable[..., str]) -> None:
    text = answers(size="fs_size", avail="fs_avail_gap", free="fs_free", up="up_after_kill")
    parsed = read("prometheus", "storage", text)
    assert not parsed.ok
    assert "repo-host-1" in (parsed.error or "")
    assert rows(parsed, "storage_samples")


def test_exporters_of_other_jobs_do_not_matter(read: Read, answers: Callable[..., str]) -> None:
    document = json.loads(answers(depth="queue", up="up_after_kill"))
    for series in document["answers"]["up"]["data"]["result"]:
        series["metric"]["job"] = "elsewhere"
    assert read("prometheus", "queue", json.dumps(document)).ok


def test_queues_and_workers(read: Read, answers: Callable[..., str]) -> None:
    depths = [row["depth"] for row in rows(
        read("prometheus", "queue", answers(depth="queue")), "queue_samples")]  # fmt: skip
    assert (depths[0], depths[-1]) == (3, 7)
    pool = rows(read("prometheus", "workers", answers(busy="workers")), "worker_samples")[0]
    assert (pool["pool"], pool["busy"], pool["total"]) == ("repo-host-1:main", 2, None)


def test_a_negative_speed_is_an_unknown_one(read: Read, answers: Callable[..., str]) -> None:
    text = answers(rx="net_rx", tx="net_rx", speed="net_speed")
    link = rows(read("prometheus", "network", text), "network_samples")[0]
    assert (link["link"], link["capacity_bytes_s"]) == ("repo-host-1:eth0", None)


def test_no_data_is_a_success_and_nan_no_sample(read: Read, answers: Callable[..., str]) -> None:
    for name in ("empty", "nan"):
        parsed = read("prometheus", "queue", answers(depth=name))
        assert (parsed.ok, parsed.seen) == (True, 0)


def test_an_error_is_told_in_prometheus_own_words(read: Read, answers: Callable[..., str]) -> None:
    parsed = read("prometheus", "queue", answers(depth="error_parse"))
    assert not parsed.ok
    assert "unclosed left parenthesis" in (parsed.error or "")
    assert not read("prometheus", "queue", answers(depth="too_many")).ok


@pytest.mark.parametrize("value", [["a"], {"a": 1}, 7, None])
def test_a_label_that_is_no_text_is_refused(
    read: Read, answers: Callable[..., str], value: Any
) -> None:
    document = json.loads(answers(depth="queue"))
    document["answers"]["depth"]["data"]["result"][0]["metric"]["job"] = value
    parsed = read("prometheus", "queue", json.dumps(document))
    assert (parsed.ok, [reject.rule for reject in parsed.rejects]) == (False, ["type"])


def test_names_are_made_storable_and_rates_are_not_negative(
    read: Read, answers: Callable[..., str]
) -> None:
    document = json.loads(answers(depth="queue"))
    document["answers"]["depth"]["data"]["result"][0]["metric"]["queue"] = "a\x00\ud800"
    names = {row["queue"] for row in rows(read("prometheus", "queue", json.dumps(document)),
                                          "queue_samples")}  # fmt: skip
    assert names == {"repo-host-1:a\\x00\\ud800"}
    document = json.loads(answers(rx="net_rx", tx="net_rx"))
    for series in document["answers"]["rx"]["data"]["result"]:
        series["values"] = [[at, "-1"] for at, _ in series["values"]]
    parsed = read("prometheus", "network", json.dumps(document))
    assert {reject.rule for reject in parsed.rejects} == {"range"}
    assert parsed.frames == {}
