"""Attempts at scale: live views, rules, an hour's increment and a full refresh, at two sizes.

Usage: python benchmarks/success.py [--instances 5000] [--attempts 1000000 10000000]

Makes a fleet by SQL, builds the models that rest on attempts with the real dbt, and prints CPU
seconds of each view and of an hour's increment, and the elapsed seconds of a full refresh, with the
ratio of the larger to the smaller fleet: what costs the same at both does not grow with history.
Both fleets get the same number of rows an hour; the statements of the increment are dbt's own, run
again outside of it. Belongs here: the measurement. Nothing here is a test.
"""

import argparse
import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import Platform, open_platform

MODELS = (
    "int_attempts_kept",
    "int_sources_spoken",
    "fct_backup_attempts",
    "fct_backup_success_daily",
)
VIEWS = (
    "live.live_attempts",
    "sla.sla_backup_failed",
    "sla.sla_backup_failing_repeatedly",
    "sla.sla_backup_lost",
    "sla.sla_backup_missed",
    "sla.sla_success_budget_burn",
)
ROWS_AN_HOUR = 570

# Each instance starts a backup every 8.77 hours, each nineteenth a full one: 2,000 in two years.
_FLEET = """
set variable start_at = now() at time zone 'UTC' - to_seconds($attempts * 3600.0 / $an_hour);
insert into raw.instances by name
select printf('db%05d', i) as instance_id, 'postgresql' as db_type,
    printf('team%d', i % 40) as team,
    1 + i % 3 as tier, 'production' as environment, 86400.0 as rpo_s, 3600.0 as grace_s,
    '0 1 * * 0' as full_schedule, '0 */8 * * *' as incr_schedule, 'UTC' as timezone,
    getvariable('start_at')::timestamp as protect_from, nextval('state.ingest_seq') as ingest_seq
from range($instances) as t(i);
insert into raw.sources by name
select 'a' as source_id, 'pgbackrest' as tool, 30.0 as every_s, 86400.0 as stale_after_s,
    nextval('state.ingest_seq') as ingest_seq;
insert into raw.instance_aliases by name
select 'a' as source_id, instance_id as native_instance, instance_id,
    nextval('state.ingest_seq') as ingest_seq from raw.instances;
insert into raw.pulls by name
select 'p' as pull_id, 'a' as source_id, 'k' as kind, now() at time zone 'UTC' as started_at,
    now() at time zone 'UTC' as finished_at, true as ok, true as complete,
    nextval('state.ingest_seq') as ingest_seq;
create temp table made as
select i, printf('db%05d', i % $instances) as instance_id,
    case (i // $instances) % 19 when 0 then 'full' else 'incr' end as backup_type,
    getvariable('start_at')::timestamp
        + to_microseconds((i * 3600000000.0 / $an_hour)::bigint) as begun,
    hash(i, 1) % 1000 as dice, hash(i, 2) as identity,
    (select max(ingest_seq) from raw.pulls) + 1 + i // $an_hour as seq
from range($attempts) as t(i);
insert into raw.scheduled_runs by name
select instance_id, backup_type, begun - interval 30 second as scheduled_at,
    begun + interval 1 hour as due_at, seq as ingest_seq
from made order by i;
insert into raw.scheduled_runs by name
select printf('db%05d', i % $instances) as instance_id, 'incr' as backup_type,
    (now() at time zone 'UTC')::timestamp + to_microseconds((i * 3600000000.0 / $an_hour)::bigint)
        as scheduled_at,
    scheduled_at + interval 1 hour as due_at, (select max(seq) from made) as ingest_seq
from range($an_hour * 48) as t(i);
insert into raw.backup_jobs by name
select 'a' as source_id, printf('%016x', identity) as attempt_key, instance_id as native_instance,
    instance_id, 'pgbackrest' as tool, 'r1' as repo, backup_type, begun as started_at,
    case when dice < 20 then 'failed' when dice < 22 then 'cancelled' when dice < 23 then 'running'
        else 'succeeded' end as state,
    case when dice <> 22 then begun + to_seconds(60 + dice) end as finished_at,
    case when dice < 20 then '056' end as error_code,
    case when dice < 20 then 'unable to find primary cluster' end as error_text,
    printf('%016x', identity) as backup_label, 1000000000 as source_bytes, 'w1' as worker,
    begun as first_seen_at, begun as last_seen_at, seq as ingest_seq
from made where dice <> 999 order by i;
drop table made;
select count(nextval('state.ingest_seq')) from range((select max(ingest_seq) from raw.backup_jobs));
"""

# An hour: 559 new attempts, some failed, some still running, and one that comes two days late.
_HOUR = """
set variable seq = nextval('state.ingest_seq');
set variable present = now() at time zone 'UTC';
create or replace temp table hour_ as
select instance_id, row_number() over (order by hash(instance_id, $hour)) as n from raw.instances;
insert into raw.backup_jobs by name
select 'a' as source_id, printf('h%d-%d', $hour, n) as attempt_key, instance_id as native_instance,
    instance_id, 'pgbackrest' as tool, 'r1' as repo, 'incr' as backup_type,
    case when n % 50 = 0 then 'failed' when n % 50 = 1 then 'running' else 'succeeded' end
        as state,
    getvariable('present')::timestamp
        - case when n = 560 then interval 2 day else interval 9 minute end as started_at,
    case when n % 50 <> 1 then getvariable('present')::timestamp
        - case when n = 560 then interval 2 day else interval 5 minute end end as finished_at,
    getvariable('present')::timestamp as first_seen_at,
    getvariable('present')::timestamp as last_seen_at,
    getvariable('seq') as ingest_seq
from hour_ where n <= 560;
"""


@dataclass
class Figures:
    """What one fleet cost, seconds by name."""

    seconds: dict[str, float] = field(default_factory=dict)

    def keep(self, name: str, value: float) -> None:
        """Keep the best of several runs: the machine is never idle."""
        self.seconds[name] = min(value, self.seconds.get(name, value))


def open_file(platform: Platform) -> duckdb.DuckDBPyConnection:
    """Open the warehouse with UTC as its zone."""
    con = duckdb.connect(str(platform.config.warehouse))
    con.execute("set TimeZone = 'UTC'")
    return con


def run_script(platform: Platform, script: str, **values: int) -> None:
    """Run a script with `$name` replaced by whole numbers."""
    for name, value in values.items():
        script = script.replace(f"${name}", str(value))
    with open_file(platform) as con:
        con.execute(script)


def build(platform: Platform, *options: str) -> list[tuple[str, str]]:
    """Build what rests on attempts with dbt; return the statements of each incremental model."""
    wanted = [f"+{name.rsplit('.', 1)[-1]}" for name in (*MODELS, *VIEWS)]
    arguments = ["--log-format", "json", "--log-level", "debug", "run", "--threads", "1"]
    report = analytics.dbt(platform, [*arguments, *options, "--select", *wanted])
    if not report.ok:
        raise SystemExit(report.output[-5000:])
    found = []
    for line in report.output.splitlines():
        event = json.loads(line) if line.startswith("{") else {"info": {"name": ""}, "data": {}}
        model = event["data"].get("node_info", {}).get("node_name", "")
        sql = str(event["data"].get("sql", ""))
        is_told = event["info"]["name"] == "SQLQuery" and model in MODELS
        if is_told and sql.lower().strip(" \n;") not in ("begin", "commit"):
            found.append((model, sql))
    return found


def refresh(platform: Platform, figures: Figures) -> None:
    """Build everything anew and keep the seconds that dbt gives for each model."""
    build(platform, "--full-refresh")
    results = json.loads((platform.dbt_target / "run_results.json").read_text())["results"]
    for result in results:
        name = result["unique_id"].rsplit(".", 1)[-1]
        if name in MODELS:
            figures.keep(f"full refresh, elapsed: {name}", result["execution_time"])


def replay(platform: Platform, figures: Figures, statements: list[tuple[str, str]]) -> None:
    """Run the statements of an incremental build again and keep the CPU seconds of each model."""
    spent = dict.fromkeys(MODELS, 0.0)
    with open_file(platform) as con:
        for model, sql in statements:
            begun = time.process_time()
            con.execute(sql)
            spent[model] += time.process_time() - begun
    for model, seconds in spent.items():
        figures.keep(f"one hour, CPU: {model}", seconds)
    figures.keep("one hour, CPU: all of these", sum(spent.values()))


def read_views(platform: Platform, figures: Figures, when: str) -> None:
    """Read each view whole and keep its CPU seconds."""
    with open_file(platform) as con:
        for view in VIEWS:
            for _ in range(3):
                begun = time.process_time()
                con.execute(f"create or replace temp table read_ as from {view}")
                figures.keep(f"{when}: {view}", time.process_time() - begun)


def measure(instances: int, attempts: int) -> Figures:
    """Measure one fleet."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "cbcr.yaml"
        config.write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n")
        platform = open_platform({"CBCR_CONFIG": str(config), "PATH": "/usr/bin:/bin"})
        analytics.prepare(platform)
        run_script(platform, _FLEET, attempts=attempts, instances=instances, an_hour=ROWS_AN_HOUR)
        refresh(platform, figures)
        read_views(platform, figures, "after a build, CPU")
        run_script(platform, _HOUR, hour=0)
        statements = build(platform)
        for hour in range(1, 4):
            run_script(platform, _HOUR, hour=hour)
            read_views(platform, figures, "with an hour's news, CPU")
            replay(platform, figures, statements)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=5000)
    parser.add_argument("--attempts", type=int, nargs="+", default=[1_000_000, 10_000_000])
    asked = parser.parse_args()
    found = [measure(asked.instances, attempts) for attempts in asked.attempts]
    print(f"{'seconds':58}" + "".join(f"{n:>14,}" for n in asked.attempts) + "   ratio")
    for name, first in found[0].seconds.items():
        values = [figures.seconds[name] for figures in found]
        ratio = f"{values[-1] / first:8.1f}" if first and len(values) > 1 else ""
        print(f"{name:58}" + "".join(f"{value:14.3f}" for value in values) + ratio)


if __name__ == "__main__":
    main()
