"""How long forecasts of a large fleet take: 1,000 volumes of two years, and the catalog on them.

Belongs here: making that fleet by SQL, and timing the models that dbt runs. Does not belong here:
accuracy.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import duckdb

from benchmarks.foresight.fleet import build, open_empty
from cbcr_assets.steps.platform import Platform

_NOW = datetime.fromisoformat("2026-06-01T00:00:01")
_LATER = datetime.fromisoformat("2026-06-02T00:00:01")
_DAYS = 730
# Forecasts and what they rest on, and nothing that rests on them, such as health and its sources.
_MODELS = ("path:models/intermediate/capacity", "int_capacity_days+,path:models/marts/capacity")

# One backup an instance and day: a full each seventh day, else an increment; kept for 35 days.
_FLEET = """
set variable start_at = timestamp '2026-06-01' - to_days($days);
insert into raw.storage_samples by name
select 'a' as source_id, printf('v%04d', v) as volume,
  getvariable('start_at') + to_days(d::int) + interval 20 hour as sampled_at,
  (1e12 * (1 + d * (v % 7) / 3000.0 + 0.02 * sin(d / 7.0 * 6.283)
    + (hash(v, d) % 1000) / 1e5))::bigint as used_bytes,
  4000000000000 as size_bytes, 1 as ingest_seq
from range($volumes) as a(v), range($days + 1) as b(d);
insert into raw.instances by name
select printf('db%05d', i) as instance_id, printf('v%04d', i % $volumes) as storage_volume,
  1 as ingest_seq
from range($instances) as t(i);
insert into raw.backup_sets by name
select 'a' as source_id, printf('v%04d', i % $volumes) as repo, printf('%d-%d', i, d) as label,
  printf('db%05d', i) as instance_id, instance_id as native_instance,
  case when (d + i) % 7 = 0 then 'full' else 'incr' end as backup_type,
  getvariable('start_at') + to_days(d::int) + interval 2 hour as started_at,
  started_at + interval 1 hour as finished_at,
  (7e9 * case when backup_type = 'full' then 1 else 0.05 end * (1 + d / 2000.0))::bigint
    as repo_bytes,
  started_at + interval 35 day as expires_at,
  case when expires_at <= timestamp '2026-06-01' then 'expired' else 'available' end as lifecycle,
  case when lifecycle = 'expired' then expires_at end as unusable_from, 1 as ingest_seq
from range($instances) as a(i), range($days) as b(d);
"""


def measure(sets: int, volumes: int) -> None:
    """Make one fleet and print what a first build and a day's build of its forecasts take."""
    with tempfile.TemporaryDirectory() as folder:
        platform = open_empty(Path(folder))
        instances = max(sets // _DAYS, volumes)
        script = _FLEET
        for name, value in {"days": _DAYS, "volumes": volumes, "instances": instances}.items():
            script = script.replace(f"${name}", str(value))
        with duckdb.connect(str(platform.config.warehouse)) as con:
            con.execute("set TimeZone = 'UTC'")
            con.execute(script)
            (count,) = con.execute("select count(*) from raw.backup_sets").fetchone() or (0,)
        build(
            platform, _NOW, "+fct_storage_daily", "stg_backup_sets", "stg_instances", "stg_sources"
        )
        for title, now in (("first build", _NOW), ("the next day", _LATER)):
            before = _children()
            build(platform, now, *_MODELS)
            cpu_s, peak_gib = _children()[0] - before[0], _children()[1]
            _print(platform, f"{int(count):,} sets: {title}", cpu_s, peak_gib)


def _children() -> tuple[float, float]:
    """Return CPU seconds of ended children, and the most memory that one of them held, GiB."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return used.ru_utime + used.ru_stime, used.ru_maxrss / unit


def _print(platform: Platform, title: str, cpu_s: float, peak_gib: float) -> None:
    results = json.loads((platform.dbt_target / "run_results.json").read_text(encoding="utf-8"))
    spent = {r["unique_id"].rsplit(".", 1)[-1]: r["execution_time"] for r in results["results"]}
    mine = {n: s for n, s in spent.items() if n.startswith(("int_capacity", "fct_capacity"))}
    slowest = sorted(mine.items(), key=lambda pair: -pair[1])[:4]
    told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in slowest)
    print(
        f"| {title} | {sum(mine.values()):.1f} | {cpu_s:.1f} | {peak_gib:.1f} | {told} |"
        f" {os.getloadavg()[0]:.1f} |",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", type=int, default=1_000_000)
    parser.add_argument("--volumes", type=int, default=1000)
    asked = parser.parse_args(arguments or [])
    print(
        f"\n| {asked.volumes:,} volumes | models, elapsed s | CPU s with dbt's start | peak GiB |"
        " the slowest | load |\n|---|---|---|---|---|---|"
    )
    measure(asked.sets, asked.volumes)


if __name__ == "__main__":
    main(sys.argv[1:])
