"""What is measured of machines and sources: dead, overdue, blind, without a capacity, forgotten.

One warehouse, built as of one moment; history is built on, twice at the same moment and once later.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from cbcr_assets.cli import main
from cbcr_assets.steps import analytics

pytestmark = pytest.mark.slow

NOW = datetime(2026, 6, 15, 12)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def samples(
    until: timedelta = timedelta(), source: str = "good", **values: Any
) -> list[dict[str, Any]]:
    """Return a sample each half hour over three days, up to so long ago."""
    moments = [NOW - until - 30 * MINUTE * i for i in range(144)]
    return [
        {
            "source_id": source, "sampled_at": at,
            **{name: value(at) if callable(value) else value for name, value in values.items()},
        }
        for at in moments
    ]  # fmt: skip


def beat(ago: timedelta) -> Callable[[datetime], datetime]:
    return lambda at: at - ago


RAW: dict[str, list[dict[str, Any]]] = {
    "sources": [
        {"source_id": name, "tool": "prometheus", "every_s": 60.0, "stale_after_s": 3600.0}
        for name in ("good", "silent", "unheard")
    ],
    "pulls": [
        {"pull_id": "1", "source_id": "good", "kind": "k", "started_at": NOW - MINUTE,
         "finished_at": NOW - MINUTE, "ok": True, "complete": True, "row_count": 90},
        {"pull_id": "2", "source_id": "silent", "kind": "k", "started_at": NOW - 6 * HOUR,
         "finished_at": NOW - 6 * HOUR, "ok": True, "complete": True, "row_count": 90},
    ],
    "worker_samples": [
        *samples(pool="alive", busy=2, total=8, last_heartbeat_at=beat(20 * timedelta(seconds=1))),
        *samples(pool="dead", busy=0, total=8, last_heartbeat_at=lambda at: NOW - 2 * DAY),
        # Its source answers, but tells nothing of it since three hours.
        *samples(3 * HOUR, pool="gone", busy=2, total=8, last_heartbeat_at=beat(MINUTE)),
        *samples(6 * HOUR, "silent", pool="blind", busy=2, total=8, last_heartbeat_at=beat(MINUTE)),
        *samples(pool="no beat told", busy=2, total=8),
        *samples(pool="half", busy=2, total=lambda at: 4 if at == NOW else 8),
        *samples(pool="empty", busy=0, total=lambda at: 0 if at == NOW else 8),
    ],
    "queue_samples": [
        *samples(queue="calm", depth=2, oldest_wait_s=30.0),
        *samples(queue="waits", depth=9, oldest_wait_s=5 * 3600.0),
        *samples(queue="only depth", depth=lambda at: 0 if at <= NOW - 5 * HOUR else 7),
        *samples(queue="paced", depth=3600, done_per_s=1.0),
        *samples(queue="empty", depth=0),
        *samples(6 * HOUR, "silent", queue="blind", depth=0),
    ],
    "network_samples": [
        *samples(link="calm", rx_bytes_s=4e8, tx_bytes_s=1e6, capacity_bytes_s=1e9),
        *samples(link="full", rx_bytes_s=1e6, tx_bytes_s=9.7e8, capacity_bytes_s=1e9),
        *samples(link="down", rx_bytes_s=0.0, tx_bytes_s=0.0, capacity_bytes_s=1e9),
        *samples(link="damaged", rx_bytes_s=1e6, tx_bytes_s=1e6, capacity_bytes_s=1e9,
                 error_rate=0.01),
        *samples(link="of unknown width", rx_bytes_s=1e6, tx_bytes_s=1e6),
        *samples(link="nobody's", rx_bytes_s=1e6, tx_bytes_s=1e6),
    ],
    "storage_samples": [
        *samples(volume="roomy", size_bytes=100, used_bytes=40, avail_bytes=60),
        *samples(volume="tight", size_bytes=100, used_bytes=96, avail_bytes=4),
        # As df has it: 90 of 95, five are reserved for root.
        *samples(volume="reserved", size_bytes=100, used_bytes=90, avail_bytes=5),
        *samples(6 * HOUR, volume="old", size_bytes=100, used_bytes=40, avail_bytes=60),
    ],
    "instances": [
        {"instance_id": "a", "tier": 1, "protect_from": NOW - HOUR, "rpo_s": 86400.0,
         "storage_volume": "tight", "network_link": "of unknown width"},
        {"instance_id": "b", "tier": 2, "protect_from": NOW - HOUR, "rpo_s": 86400.0,
         "storage_volume": "never measured", "network_link": "never seen"},
        {"instance_id": "odd", "tier": 2, "protect_from": NOW - 40 * DAY, "rpo_s": 172800.0,
         "full_schedule": "0 1 * * *"},
    ],
    "instance_aliases": [
        {"source_id": "good", "native_instance": "odd", "instance_id": "odd"},
    ],
    # Each day a gigabyte, a little more or less; the newest is forty times as large.
    "backup_jobs": [
        {"source_id": "good", "attempt_key": f"k{day}", "native_instance": "odd",
         "instance_id": "odd", "tool": "pg_dump", "repo": "r", "backup_type": "full",
         "state": "succeeded", "started_at": NOW - day * DAY, "backup_label": f"k{day}",
         "finished_at": NOW - day * DAY + 10 * MINUTE, "first_seen_at": NOW - day * DAY,
         "source_bytes": 40_000_000_000 if day == 1 else 1_000_000_000 + day % 7 * 10_000_000}
        for day in range(1, 40)
    ],
    "backup_sets": [
        {"source_id": "good", "repo": "r", "label": f"k{day}", "native_instance": "odd",
         "instance_id": "odd", "backup_type": "full", "started_at": NOW - day * DAY,
         "finished_at": NOW - day * DAY + 10 * MINUTE, "integrity": "ok",
         "recovery_point_at": NOW - day * DAY, "lifecycle": "available",
         "first_seen_at": NOW - day * DAY}
        for day in range(1, 40)
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def built(make_built: Callable[[], Any]) -> Any:
    made = make_built()
    made.load(RAW)
    made.build(as_of=NOW)
    return made


@pytest.fixture(scope="module")
def health(built: Any) -> dict[tuple[str, str], tuple[Any, ...]]:
    found = built.query(
        "select kind, component_id, state, score::double, main_signal, tier, reasons[1].value"
        " from live.live_component_health",
        as_of=NOW,
    )
    return {(kind, name): tuple(rest) for kind, name, *rest in found}


def test_a_pool_is_dead_by_its_beat_and_unknown_by_its_source(health: Any) -> None:
    assert health["worker_pool", "alive"][:2] == ("healthy", 100)
    assert health["worker_pool", "no beat told"][:2] == ("healthy", 100)
    assert health["worker_pool", "dead"][:3] == ("critical", 0, "heartbeat_age")
    state, _, signal, _, age = health["worker_pool", "gone"]
    assert (state, signal, age) == ("critical", "heartbeat_age", 3 * 3600 + 60)
    assert health["worker_pool", "blind"][:2] == ("unknown", None)
    assert health["worker_pool", "half"][:3] == ("poor", 50, "workers_present")
    # Nothing is known of its beat, but no worker is there.
    assert health["worker_pool", "empty"][:2] == ("critical", 0)


def test_a_queue_waits_as_it_says_or_as_can_be_told_from_its_depth(health: Any) -> None:
    assert health["queue", "calm"][:2] == ("healthy", 100)
    assert health["queue", "empty"][:2] == ("healthy", 100)
    assert health["queue", "waits"][:1] + health["queue", "waits"][2:3] == ("poor", "oldest_wait")
    assert health["queue", "only depth"][-1] == 5 * 3600
    assert health["queue", "paced"][-1] == 3600
    assert health["queue", "blind"][0] == "unknown"


def test_a_link_is_full_down_damaged_or_of_unknown_width(health: Any) -> None:
    assert health["network_link", "calm"][:2] == ("healthy", 100)
    assert health["network_link", "full"][2::2] == ("utilisation", pytest.approx(0.97))
    assert health["network_link", "down"][:3] == ("critical", 0, "silent_for")
    assert health["network_link", "damaged"][:3] == ("poor", 50, "error_rate")
    state, score, signal, tier, _ = health["network_link", "of unknown width"]
    assert (state, score, signal, tier) == ("degraded", 80, "utilisation", 1)
    assert health["network_link", "never seen"][0] == "unknown"
    assert ("network_link", "nobody's") not in health


def test_a_volume_is_as_full_as_df_says_and_unknown_where_nobody_looks(health: Any) -> None:
    # Three days are too few for a forecast, and that is told: 60 + 40 * 3 / 5 at most.
    assert health["storage_volume", "roomy"][:3] == ("degraded", 84, "days_to_full")
    assert health["storage_volume", "tight"][3:] == (1, pytest.approx(0.96))
    assert health["storage_volume", "reserved"][-1] == pytest.approx(90 / 95)
    assert health["storage_volume", "old"][0] == "unknown"
    assert health["storage_volume", "never measured"][:4] == ("unknown", None, "used_share", 2)


def test_sources_and_cbcr_itself(health: Any) -> None:
    assert health["source", "good"][0] == "healthy"
    assert health["source", "silent"][:3] == ("critical", 0, "reading_age")
    assert health["source", "unheard"][0] == "unknown"
    assert health["cbcr", "cbcr"][2] == "stale_sources"


def test_a_backup_of_an_odd_size_is_a_reason_of_its_instance(built: Any, health: Any) -> None:
    assert health["instance", "odd"][:3] == ("poor", 40, "size_jump")
    assert health["instance", "odd"][-1] == pytest.approx(40, rel=0.1)
    assert health["repository", "good/r"][:2] == ("healthy", 100)


def test_the_rules_say_the_same(built: Any) -> None:
    told = {
        (rule, subject): (status, changes_at)
        for rule, subject, status, changes_at in built.query(
            "select rule, subject_id, status, changes_at from live.sla_evaluations"
            " where rule in ('worker_down', 'queue_backlog', 'network_saturated',"
            " 'component_unhealthy')", as_of=NOW,
        )
    }  # fmt: skip
    wanted = {
        ("worker_down", "alive"): "ok", ("worker_down", "dead"): "breached",
        ("worker_down", "gone"): "breached", ("worker_down", "blind"): "unknown",
        ("worker_down", "half"): "breached", ("worker_down", "empty"): "breached",
        ("queue_backlog", "calm"): "ok", ("queue_backlog", "waits"): "breached",
        ("queue_backlog", "only depth"): "breached", ("queue_backlog", "paced"): "approaching",
        ("queue_backlog", "blind"): "unknown",
        ("network_saturated", "calm"): "ok", ("network_saturated", "full"): "breached",
        ("network_saturated", "of unknown width"): "unknown",
        ("network_saturated", "never seen"): "unknown",
        ("component_unhealthy", "worker_pool/dead"): "breached",
        ("component_unhealthy", "worker_pool/blind"): "unknown",
        ("component_unhealthy", "storage_volume/never measured"): "unknown",
        ("component_unhealthy", "queue/calm"): "ok",
    }  # fmt: skip
    assert {key: told[key][0] for key in wanted} == wanted
    # Two intervals of half an hour after its newest sample nobody looks at it any more.
    assert told["worker_down", "alive"][1] == NOW + HOUR + timedelta(microseconds=1)


def test_silence_is_told_when_the_clock_says_so(built: Any) -> None:
    later = NOW + HOUR + timedelta(microseconds=1)
    rows = dict(
        built.query(
            "select subject_id, status from sla.sla_worker_down where subject_id in"
            " ('alive', 'no beat told')", as_of=NOW + HOUR,
        )
    )  # fmt: skip
    assert rows == {"alive": "ok", "no beat told": "ok"}
    late = dict(built.query("select subject_id, status from sla.sla_worker_down", as_of=later))
    # The source is stale by then, so nobody can say.
    assert late["alive"] == "unknown"


def test_what_was_forgotten_for_thirty_days_is_no_component(built: Any) -> None:
    later = NOW + 31 * DAY
    kinds = {row[0] for row in built.query("select kind from live.live_component_health",
                                           as_of=later)}  # fmt: skip
    assert "worker_pool" not in kinds
    assert {"instance", "source", "cbcr"} <= kinds


def _again(built: Any, at: datetime, *more: str) -> None:
    select = ["--select", "int_component_health", "fct_component_health", "fct_fleet_health"]
    moment = f"{{cbcr_as_of: '{at.isoformat(sep=' ')}'}}"
    report = analytics.dbt(built.platform, ["run", *select, "--vars", moment, *more])
    assert report.ok, report.output


def test_history_keeps_what_changed_and_one_row_a_day(built: Any) -> None:
    def kept() -> list[tuple[Any, ...]]:
        return built.query(
            "select evaluated_at, kind, component_id, state, score from marts.fct_component_health"
            " order by all"
        )

    first = kept()
    assert {row[0] for row in first} == {NOW}
    _again(built, NOW)
    assert kept() == first
    _again(built, NOW + MINUTE)
    moved = [row for row in kept() if row[0] == NOW + MINUTE]
    assert len(moved) < len(first) / 4
    before = {row[1:3]: row[3:] for row in first}
    for _, *component, state, score in moved:
        was, scored = before[tuple(component)]
        assert (state, score is None or round(score)) != (was, scored is None or round(scored))
    # A full refresh forgets nothing, and the next day everything is told once more.
    _again(built, NOW + DAY, "--full-refresh")
    after = kept()
    assert [row for row in after if row[0] <= NOW + MINUTE] == sorted(
        [*first, *moved], key=lambda row: row[:3]
    )
    today = [row[1:3] for row in after if row[0] == NOW + DAY]
    assert sorted(today) == sorted(row[1:3] for row in first)
    fleet = built.query(
        "select evaluated_at, headline, components, unknown from marts.fct_fleet_health"
        " where scope = 'fleet' order by 1"
    )
    assert fleet[0][0] == NOW
    assert fleet[-1][0] == NOW + DAY
    assert all(row[1] <= 59 for row in fleet)


def test_the_command_tells_what_is_bad_and_what_is_well(
    built: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built.platform.warehouse.publish(now=NOW)
    monkeypatch.setenv("CBCR_CONFIG", str(built.platform.config.file))
    monkeypatch.setenv("COLUMNS", "200")

    def told(*words: str) -> tuple[int, str, str]:
        words = ("health", "--as-of", "2026-06-15T12:00:00Z", *words)
        monkeypatch.setattr("sys.argv", ["cbcr", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, error = capsys.readouterr()
        return int(stopped.value.code or 0), out, error

    code, out, _ = told("--component", "worker_pool", "--format", "json")
    answer = json.loads(out)
    assert code == 1
    assert answer["summary"]["components"] == len(answer["components"]) == 7
    for one in answer["components"]:
        if one["score"] is not None:
            lost = sum(reason["deduction"] or 0 for reason in one["reasons"])
            assert one["score"] == pytest.approx(100 - lost)
    code, out, error = told("--component", "worker_pool")
    assert "alive" not in out
    assert "start the workers" in out
    assert "headline 25 of 100 for 7 components" in error
    assert "alive" in told("--component", "worker_pool", "--all")[1]
    code, out, _ = told("--component", "repository", "--format", "csv")
    assert code == 0
    assert out.splitlines()[1].startswith("repository,good/r,")


def test_a_users_own_file_counts_and_a_wrong_one_is_refused(built: Any) -> None:
    platform = built.platform
    config = platform.config.file
    own = config.with_name("health.yaml")
    config.write_text(config.read_text() + "health: health.yaml\n")
    own.write_text("storage_volume:\n  signals:\n    used_share: {warn: 0.96, crit: 0.97}\n")
    changed = type(platform)(platform.config, platform.environ)
    object.__setattr__(changed.config, "health", own)
    analytics.prepare(changed)
    query = "select score::double from live.live_component_health where component_id = 'tight'"
    assert built.query(query, as_of=NOW) == [(80,)]
    own.write_text("storage_volume:\n  signals:\n    used_share: {warn: 2}\n")
    analytics.prepare(changed)
    assert built.query(query, as_of=NOW) == [(80,)]
    refused = (platform.home / "refused" / "health.yaml.txt").read_text()
    assert refused.startswith("health.yaml:3: storage_volume.signals.used_share: ok, warn")
