"""The warehouse the dashboards are measured on: 50,000 instances, ten million attempts, samples.

Usage: python -m benchmarks.dashboards.fleet FOLDER

Belongs here: making, building and publishing it once. Does not belong here: backups (see
`benchmarks.rpo.history`, which makes them), browsers.
"""

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from benchmarks.rpo import product
from benchmarks.rpo.generate import generate
from benchmarks.rpo.shape import Place, Shape

INSTANCES, ATTEMPTS, DAYS = 50_000, 10_000_000, 90

# Drills of a third of the fleet; a sample each hour of twenty volumes, links, pools and queues.
_BESIDE = """
insert into raw.restore_jobs by name
select 'source0' as source_id, 'r' || instance_id as restore_key, instance_id, 'drill' as purpose,
  cbcr_now() - to_hours((hash(instance_id) % 2000)::integer) as requested_at,
  requested_at + interval 5 minute as started_at,
  started_at + to_seconds((600 + hash(instance_id, 1) % 9000)::bigint) as restored_at,
  restored_at + interval 5 minute as verified_at, 1000000000 as bytes, 'succeeded' as state,
  case when hash(instance_id, 2) % 20 = 0 then 'failed' else 'passed' end as verification,
  requested_at as first_seen_at, verified_at as last_seen_at,
  nextval('state.ingest_seq') as ingest_seq
from raw.instances where hash(instance_id) % 3 = 0;
insert into raw.storage_samples by name
select 'source0' as source_id, 'volume' || v as volume, cbcr_now() - to_hours(i::integer) as
  sampled_at, 100000000000000 as size_bytes,
  (1e14 * (0.9 - 0.01 * v) - 1e10 * i)::bigint as used_bytes,
  size_bytes - used_bytes as avail_bytes,
  nextval('state.ingest_seq') as ingest_seq
from range(20) as a(v), range($hours) as t(i);
insert into raw.network_samples by name
select 'source0' as source_id, 'link' || v as link, cbcr_now() - to_hours(i::integer) as sampled_at,
  1e9 * (hash(v, i) % 1000) / 1000 as rx_bytes_s, 1e8 as tx_bytes_s, 1.25e9 as capacity_bytes_s,
  0.0 as error_rate, nextval('state.ingest_seq') as ingest_seq
from range(20) as a(v), range($hours) as t(i);
insert into raw.worker_samples by name
select 'source0' as source_id, 'pool' || v as pool, cbcr_now() - to_hours(i::integer) as sampled_at,
  hash(v, i) % 10 as busy, 10 as total, sampled_at as last_heartbeat_at,
  nextval('state.ingest_seq') as ingest_seq
from range(20) as a(v), range($hours) as t(i);
insert into raw.queue_samples by name
select 'source0' as source_id, 'queue' || v as queue, cbcr_now() - to_hours(i::integer) as
  sampled_at, hash(v, i) % 100 as depth, (hash(v, i) % 3000)::double as oldest_wait_s,
  nextval('state.ingest_seq') as ingest_seq
from range(20) as a(v), range($hours) as t(i)
"""


def make(folder: Path, *, instances: int = INSTANCES, attempts: int = ATTEMPTS) -> Path:
    """Make the warehouse, build it with the real dbt, publish it.

    Returns:
        The folder of snapshots.
    """
    end = datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    place = Place(folder)
    _say("makes the history")
    generate(Shape(instances, attempts, days=DAYS, end=end), place)
    with duckdb.connect(str(place.warehouse)) as con:
        con.execute("set TimeZone = 'UTC'")
        for statement in _BESIDE.split(";\n"):
            con.execute(statement, {"hours": DAYS * 24} if "$hours" in statement else None)
    _say("builds all models")
    on = product.platform_on(place)
    built = product.build(on, memory="6GB", full_refresh=True, tests=False)
    _say(f"built in {built.wall_s:.0f} s ({built.cpu_s:.0f} CPU s), publishes")
    product.publish(on, end)
    return place.serving


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--instances", type=int, default=INSTANCES)
    parser.add_argument("--attempts", type=int, default=ATTEMPTS)
    given = parser.parse_args()
    print(make(given.folder.absolute(), instances=given.instances, attempts=given.attempts))
