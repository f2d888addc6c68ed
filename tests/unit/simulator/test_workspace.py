"""The fleet's files: deterministic, valid, and saying what really happened in it."""

import hashlib
import re
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cbcr_assets.config import expand_schedules, load_config, load_inventory, load_policy
from cbcr_assets.simulator import Fleet, FleetSpec, simulate, write_workspace
from cbcr_assets.simulator.schedule import slots
from cbcr_assets.simulator.volumes import CATALOG_VOLUME, PLANTED
from cbcr_assets.simulator.write_sql import DDL

ROOT = Path(__file__).resolve().parents[3]


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_specification_gives_the_same_bytes(tmp_path: Path, now: datetime) -> None:
    spec = FleetSpec(instances=20, days=12, seed=3)
    for name in ("a", "b"):
        write_workspace(simulate(spec, now=now), tmp_path / name)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    write_workspace(simulate(FleetSpec(20, 12, seed=4), now=now), tmp_path / "c")
    assert digest(tmp_path / "a") != digest(tmp_path / "c")


def test_the_configuration_is_one_that_users_could_have_written(
    workspace: Path, fleet: Fleet
) -> None:
    config = load_config(workspace, environ={})
    assert {source.tool for source in config.sources.values()} == {
        "pgbackrest",
        "cbcr",
        "prometheus",
    }
    assert any(feed.sql for source in config.sources.values() for feed in source.feeds)
    inventory = load_inventory(config.inventory, sources=config.sources)
    assert len(inventory.instances) == len(fleet.databases)
    zones = {instance.columns["timezone"] for instance in inventory.instances}
    assert len(zones) > 3
    kinds = {
        type(one).__name__ for one in load_policy(config.alerting, environ={}).receivers.values()
    }
    assert kinds == {"FileReceiver", "ConsoleReceiver"}


def test_its_schedules_mean_the_same_to_cbcr(workspace: Path, fleet: Fleet) -> None:
    config = load_config(workspace, environ={})
    inventory = load_inventory(config.inventory, sources=config.sources)
    expanded = expand_schedules(
        inventory, start=min(d.protect_from for d in fleet.databases), until=fleet.now
    )
    ours = {
        (database.instance_id, kind, moment)
        for database in fleet.databases
        for kind, cron in (("full", database.full_schedule), ("incr", database.incr_schedule))
        for moment in slots(database, cron, until=fleet.now)
    }
    theirs = set(expanded.select("instance_id", "backup_type", "scheduled_at").iter_rows())
    away = {d.instance_id: d.maintenance for d in fleet.databases if d.maintenance}
    assert away
    assert ours <= theirs
    for name, _, moment in theirs - ours:
        assert away[name].start <= moment < away[name].stop


def test_every_attempt_is_read_back_in_its_state(heard: Any, fleet: Fleet) -> None:
    assert heard.rejects == fleet.truth.rejects == 1
    truth = Counter(dict(fleet.truth.attempts_by_state))
    truth["succeeded"] += fleet.truth.strangers
    assert heard.states() == truth
    assert set(truth) == {"succeeded", "failed", "lost", "cancelled", "running"}


def test_every_attempt_is_read_back_with_its_times_and_error(heard: Any, fleet: Fleet) -> None:
    suffixes = {key.rsplit(":", 1)[-1]: row for (_, key), row in heard.attempts().items()}
    for attempt in fleet.attempts:
        row = suffixes[attempt.key]
        assert row["started_at"] == attempt.started_at
        assert row.get("finished_at") == attempt.finished_at
        assert row["backup_type"] == attempt.backup_type, attempt
        assert row.get("backup_label", "") == attempt.label
        if attempt.state == "failed":
            assert row["error_code"] == attempt.error_code
            assert row["error_text"].startswith(attempt.error_text[:60])
            assert row["error_class"] in {"unreachable", "lock", "no_space", "timeout"}


def test_every_set_is_listed_once_in_its_life_and_gone_when_it_went(
    heard: Any, fleet: Fleet
) -> None:
    rows = heard.rows["backup_sets"]
    listed = {(r["label"], r["finished_at"]) for r in rows if r["finished_at"] is not None}
    assert listed == {(one.label, one.finished_at) for one in fleet.sets}
    gone = {r["label"]: r["unusable_from"] for r in rows if r["unusable_from"] is not None}
    assert gone == {one.label: one.gone_at for one in fleet.sets if one.gone_at is not None}
    newest = max(answer.finished_at for answer in heard.answers)
    now_listed = sum(
        row["label"] not in gone
        for row in rows
        if row["last_seen_at"] >= newest or row["source_id"] == "edge"
    )
    assert now_listed == fleet.truth.sets_available


def test_restores_and_samples_are_read_back(heard: Any, fleet: Fleet) -> None:
    purposes = Counter(row["purpose"] for row in heard.rows["restore_jobs"])
    assert purposes == {"drill": fleet.truth.drills, "unknown": fleet.truth.clones}
    assert fleet.truth.drills
    assert fleet.truth.clones
    assert len(heard.rows["storage_samples"]) == len(fleet.storage)
    assert len(heard.rows["log_archive"]) == len(fleet.archives)


def test_hosts_in_tokyo_write_their_own_time(workspace: Path, fleet: Fleet) -> None:
    inbox = workspace.parent / "inbox" / "pgbr-tokyo" / "info"
    assert '"tz": "Asia/Tokyo"' in next(inbox.iterdir()).read_text()
    names = {d.instance_id for d in fleet.databases if d.source == "pgbr-tokyo"}
    one = next(s for s in fleet.sets if s.instance_id in names and s.backup_type == "full")
    assert not one.label.startswith(f"{one.started_at:%Y%m%d-%H}")


def test_storage_is_a_sawtooth_that_grows(fleet: Fleet) -> None:
    by_volume: dict[str, list[int]] = {}
    for sample in fleet.storage:
        if sample.size_bytes is None:
            assert sample.used_bytes
            continue
        used = sample.size_bytes - (sample.avail_bytes or 0)
        by_volume.setdefault(sample.volume, []).append(used)
        assert 0 < used < sample.size_bytes
    own = by_volume.keys() - {planted.name for planted in PLANTED} - {CATALOG_VOLUME}
    assert len(own) >= 2
    for used in (by_volume[volume] for volume in own):
        falls = sum(after < before for before, after in pairwise(used))
        assert 90 < falls < len(used) // 2
        assert sum(used[-24:]) > sum(used[:24])


def test_one_volume_holds_what_its_catalog_says(fleet: Fleet) -> None:
    here = {d.instance_id for d in fleet.databases if d.volume == CATALOG_VOLUME}
    held = sum(s.repo_bytes for s in fleet.sets if s.instance_id in here and s.gone_at is None)
    last = [sample for sample in fleet.storage if sample.volume == CATALOG_VOLUME][-1]
    assert last.size_bytes is not None
    assert last.avail_bytes is not None
    assert held / (last.size_bytes - last.avail_bytes) == pytest.approx(1 / 1.3)


def test_the_sqlite_tables_are_those_of_the_documentation() -> None:
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- example: ddl_sqlite -->\n```sql\n(.*?)```", page, re.DOTALL)
    assert block is not None
    assert block[1] == DDL
