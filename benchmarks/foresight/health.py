"""Component health at scale: the view that says it, its roll-up and its rule, with every reason.

Usage: python -m benchmarks.foresight.health [--instances 50000] [--repeat 3], or as a subject of
`benchmarks.analytics`

Makes a fleet by SQL (a week of attempts, sets, drills and samples), builds the models with the real
dbt, and prints elapsed and CPU seconds of each reading. Belongs here: the measurement. Nothing here
is a test.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb

from benchmarks.measure import apart, dump, machine, measure, table
from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import Platform, open_platform

TARGET_S = 3.0
# Every column is written out: what nobody reads would cost nothing.
READINGS = {
    "health of every component": "from live.live_component_health",
    "headlines": "from live.live_fleet_health",
    "rule component_unhealthy": "from sla.sla_component_unhealthy",
    "rules of signals": "from sla.sla_worker_down union all from sla.sla_queue_backlog"
    " union all from sla.sla_network_saturated",
    "of it: live_rpo_status": "from live.live_rpo_status",
}

_FLEET = """
set variable present = (now() at time zone 'UTC')::timestamp;
insert into raw.instances by name
select printf('db%05d', i) as instance_id, 'postgresql' as db_type,
    printf('team%d', i % 40) as team,
    1 + i % 3 as tier, 'production' as environment, 108000.0 as rpo_s, 14400.0 as rto_s,
    3600.0 as grace_s, 7776000.0 as drill_every_s, '0 1 * * *' as full_schedule, 'UTC' as timezone,
    printf('vol%03d', i % 500) as storage_volume, printf('link%02d', i % 50) as network_link,
    getvariable('present') - interval 8 day as protect_from,
    nextval('state.ingest_seq') as ingest_seq
from range($instances) as t(i);
insert into raw.sources by name
select printf('source%02d', i) as source_id, 'cbcr' as tool, 30.0 as every_s,
    case when i = 7 then 60.0 else 86400.0 end as stale_after_s,
    nextval('state.ingest_seq') as ingest_seq
from range(20) as t(i);
insert into raw.instance_aliases by name
select printf('source%02d', i % 20) as source_id, printf('db%05d', i) as native_instance,
    printf('db%05d', i) as instance_id, nextval('state.ingest_seq') as ingest_seq
from range($instances) as t(i);
insert into raw.pulls by name
select printf('p%d-%d', s, i) as pull_id, printf('source%02d', s) as source_id, 'k' as kind,
    getvariable('present') - to_minutes(5 * i + 2) as started_at, started_at as finished_at,
    i % 9 > 0 as ok, true as complete, 100 as row_count, nextval('state.ingest_seq') as ingest_seq
from range(20) as a(s), range(288) as t(i);
create temp table made as
select i, d, printf('db%05d', i) as instance_id, printf('source%02d', i % 20) as source_id,
    date_trunc('day', getvariable('present')) - to_days(d::integer) + interval 1 hour as due,
    due + to_seconds(i % 3000) as begun, hash(i, d) % 100 as dice
from range($instances) as a(i), range(8) as t(d)
where due < getvariable('present') - interval 1 hour;
insert into raw.scheduled_runs by name
select instance_id, 'full' as backup_type, due as scheduled_at, due + interval 1 hour as due_at,
    nextval('state.ingest_seq') as ingest_seq from made;
insert into raw.backup_jobs by name
select source_id, printf('%d-%d', i, d) as attempt_key, instance_id as native_instance, instance_id,
    'pgbackrest' as tool, printf('repo%02d', i % 50) as repo, 'full' as backup_type,
    begun as started_at,
    case when dice < 4 then 'failed' else 'succeeded' end as state,
    begun + interval 20 minute as finished_at,
    case when dice < 4 then 'no_space' end as error_class,
    case when dice < 4 then 'no space left on device' end as error_text,
    printf('%d-%d', i, d) as backup_label, begun as first_seen_at, begun as last_seen_at,
    nextval('state.ingest_seq') as ingest_seq
from made;
insert into raw.backup_sets by name
select source_id, printf('repo%02d', i % 50) as repo, printf('%d-%d', i, d) as label,
    instance_id as native_instance, instance_id, 'full' as backup_type, begun as started_at,
    begun + interval 20 minute as finished_at, finished_at as recovery_point_at,
    1000000000 + i as source_bytes, 500000000 as repo_bytes, 'ok' as integrity,
    'available' as lifecycle, begun as first_seen_at, begun as last_seen_at,
    nextval('state.ingest_seq') as ingest_seq
from made where dice >= 4;
insert into raw.restore_jobs by name
select source_id, printf('r%d', i) as restore_key, instance_id as native_instance, instance_id,
    'drill' as purpose, begun as requested_at, begun as started_at,
    begun + to_seconds(600 + i % 6000) as restored_at, restored_at as verified_at,
    1000000000 + i as bytes, 'succeeded' as state, 'passed' as verification,
    begun as first_seen_at, begun as last_seen_at, nextval('state.ingest_seq') as ingest_seq
from made where d = 3 and i % 3 = 0;
insert into raw.storage_samples by name
select 'source00' as source_id, printf('vol%03d', v) as volume,
    getvariable('present') - to_minutes(5 * i) as sampled_at, 1000000000000 as size_bytes,
    (1000000000000 * (0.7 - 0.0006 * v))::bigint as used_bytes,
    size_bytes - used_bytes as avail_bytes,
    nextval('state.ingest_seq') as ingest_seq
from range(500) as a(v), range(2016) as t(i);
insert into raw.network_samples by name
select 'source00' as source_id, printf('link%02d', v) as link,
    getvariable('present') - to_minutes(5 * i) as sampled_at,
    1e9 * (hash(v, i) % 1000) / 1000 as rx_bytes_s, 1e8 as tx_bytes_s, 1.25e9 as capacity_bytes_s,
    0.0 as error_rate, nextval('state.ingest_seq') as ingest_seq
from range(50) as a(v), range(2016) as t(i);
insert into raw.worker_samples by name
select 'source00' as source_id, printf('pool%02d', v) as pool,
    getvariable('present') - to_minutes(5 * i) as sampled_at, hash(v, i) % 10 as busy, 10 as total,
    sampled_at - interval 20 second as last_heartbeat_at, nextval('state.ingest_seq') as ingest_seq
from range(50) as a(v), range(2016) as t(i);
insert into raw.queue_samples by name
select 'source00' as source_id, printf('queue%02d', v) as queue,
    getvariable('present') - to_minutes(5 * i) as sampled_at, hash(v, i) % 100 as depth,
    (hash(v, i) % 3000)::double as oldest_wait_s, nextval('state.ingest_seq') as ingest_seq
from range(50) as a(v), range(2016) as t(i);
"""


def _platform(folder: Path) -> Platform:
    config = folder / "cbcr.yaml"
    config.write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n", encoding="utf-8")
    return open_platform({"CBCR_CONFIG": str(config), "PATH": "/usr/bin:/bin"})


def _prepare(folder: Path, instances: int) -> Path:
    platform = _platform(folder)
    analytics.prepare(platform)
    with duckdb.connect(str(platform.config.warehouse)) as con:
        con.execute("set TimeZone = 'UTC'")
        for statement in _FLEET.split(";\n"):
            if statement.strip():
                wanted = {"instances": instances} if "$instances" in statement else None
                con.execute(statement, wanted)
    began = time.perf_counter()
    report = analytics.dbt(platform, ["run"])
    if not report.ok:
        raise SystemExit(report.output)
    print(f"all models built in {time.perf_counter() - began:.0f} s")
    return platform.config.warehouse


def _read(warehouse: str, name: str) -> int:
    con = duckdb.connect(warehouse, read_only=True)
    con.execute("set TimeZone = 'UTC'")
    con.execute("set threads = 2")
    con.execute(f"create temp table read_ as {READINGS[name]}")
    return int(con.execute("select count(*) from read_").fetchall()[0][0])


def main(words: Sequence[str] = ()) -> None:
    """Make, build, read each in a process of its own; the best of some is told, and all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--read", nargs=2, metavar=("WAREHOUSE", "NAME"))
    parser.add_argument("--keep", type=Path, help="Folder to build in; it stays.")
    arguments = parser.parse_args(words)
    if arguments.read:
        print(dump(measure(arguments.read[1], lambda: _read(*arguments.read))))
        return
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        warehouse = str(_prepare(folder, arguments.instances))
        rows, walls = [], {}
        for name in READINGS:
            runs = [
                apart("-m", __spec__.name, "--read", warehouse, name)
                for _ in range(arguments.repeat)
            ]
            rows.append(min(runs, key=lambda run: run.wall_s))
            walls[name] = [round(run.wall_s, 2) for run in runs]
    table(f"{arguments.instances:,} instances, 2 threads", rows, {})
    print("elapsed seconds of each run:", json.dumps(walls, indent=1))
    best = min(walls["health of every component"])
    verdict = "met" if best <= TARGET_S else "NOT met"
    print(f"target of health: {TARGET_S:g} s; the best run took {best} s: {verdict}")


if __name__ == "__main__":
    main(sys.argv[1:])
