"""Roll up storage samples: CPU seconds of a first build and of one more hour.

Usage: python benchmarks/rollups.py [--volumes 500] [--days 90]

One sample a volume and five minutes. Prints CPU and wall seconds a step, dbt's own start included,
which the step `nothing new` is made of; then the size of raw samples and rollups. Belongs here: the
measurement. Nothing here is a test.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import Platform, open_platform
from cbcr_assets.steps.retention import retention_plan

START = datetime.fromisoformat("2026-01-01")
MARTS = ("fct_storage_hourly", "fct_storage_daily")
SAMPLE = """
insert into raw.storage_samples
select 's', 'volume-' || v, $start::timestamp + to_seconds(300 * i), 10000000000000,
    9000000000000 - used, used, $seq + i // 12
from range($since, $until) as ticks(i), range($volumes) as volumes(v),
    lateral (select (i * 1000003 * (v + 1) + hash(i, v) % 100000000) % 8000000000000 as used)
order by i, v
"""


def cpu_s() -> float:
    """Return CPU seconds of the children that have ended: dbt is one, this process only waits."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def apart(work: Callable[..., None], **arguments: object) -> None:
    """Run something in a process of its own, so that its memory is gone afterwards."""
    child = multiprocessing.get_context("spawn").Process(target=work, kwargs=arguments)
    child.start()
    child.join()
    assert child.exitcode == 0


def opened(config: Path) -> Platform:
    """Open the platform of a configuration."""
    return open_platform({**os.environ, "CBCR_CONFIG": str(config)})


def add(config: Path, since: int, until: int, volumes: int) -> None:
    """Add samples as hourly loads leave them: each hour has its own ingest sequence."""
    platform = opened(config)
    with platform.warehouse.write() as session:
        seq = session.next_seq()
        session.execute(SAMPLE, {"start": START, "since": since, "until": until,
                                 "volumes": volumes, "seq": seq})  # fmt: skip
    settle(platform)


def repeat(config: Path, since: datetime, until: datetime) -> None:
    """Let the samples of one volume have come only now."""
    platform = opened(config)
    with platform.warehouse.write() as session:
        newest = session.query("select max(ingest_seq) from raw.storage_samples").item()
        session.execute(
            "update raw.storage_samples set ingest_seq = $seq where volume = 'volume-7'"
            " and sampled_at >= $since and sampled_at < $until",
            {"seq": newest + 1, "since": since, "until": until},
        )
    settle(platform)


def settle(platform: Platform) -> None:
    """Write the log into the file, as it is between two real loads."""
    with platform.warehouse.live(as_of=START) as session:
        session.execute("checkpoint")


def build(platform: Platform, *options: str) -> None:
    """Build the two marts and what they read; data tests are not what is measured."""
    chosen = ["--select", "stg_storage_samples", *MARTS]
    report = analytics.dbt(platform, ["run", *options, *chosen])
    assert report.ok, report.output


def measured(title: str, platform: Platform, *options: str) -> None:
    """Build and print what it took: all of dbt, and the two models alone."""
    cpu, wall = cpu_s(), time.perf_counter()
    build(platform, *options)
    cpu, wall = cpu_s() - cpu, time.perf_counter() - wall
    told = json.loads((platform.dbt_target / "run_results.json").read_text())["results"]
    models = sum(one["execution_time"] for one in told)
    print(f"{title:24} {cpu:7.2f} CPU s {wall:7.2f} s, the models {models:6.2f} s", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--volumes", type=int, default=500)
    parser.add_argument("--days", type=int, default=90)
    given = parser.parse_args()
    ticks = given.days * 288
    with tempfile.TemporaryDirectory() as name:
        config = Path(name, "cbcr.yaml")
        config.write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n")
        platform = opened(config)
        analytics.prepare(platform)
        build(platform)  # dbt parses its project once
        measured("nothing at all", platform)

        apart(add, config=config, since=0, until=ticks, volumes=given.volumes)
        print(f"{ticks * given.volumes:,} samples")
        measured("first build", platform)
        measured("nothing new", platform)
        apart(add, config=config, since=ticks, until=ticks + 12, volumes=given.volumes)
        measured("one hour more", platform)
        # The hours and days of a week that arrives late, and no others, are made anew.
        apart(
            repeat, config=config, since=START + timedelta(days=5), until=START + timedelta(days=12)
        )
        measured("a week late, one volume", platform)
        measured("full refresh", platform, "--full-refresh")
        now = START + timedelta(days=given.days)
        analytics.publish(platform, now=now)
        for row in retention_plan(platform, now=now).iter_rows(named=True):
            if row["table"] in {"raw.storage_samples", *(f"marts.{mart}" for mart in MARTS)}:
                each = row["of_bytes"] / row["of_rows"]
                print(f"{row['table']:26} {row['of_rows']:12,} rows {row['of_bytes'] / 1e6:8.1f} MB"
                      f" {each:6.1f} bytes a row")  # fmt: skip


if __name__ == "__main__":
    main()
