"""Cases as a warehouse: what the product would have been told of them by their origin.

Belongs here: loading, building with the real dbt, reading the product's own marts. Does not belong
here: other methods, scoring.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.foresight.series import AHEAD, HISTORY, LAST, Case
from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import Platform, open_platform

NOW = datetime.fromisoformat("2026-06-01T00:00:01")
FIRST = datetime.fromisoformat("2026-06-01") - timedelta(days=HISTORY)
BANDS = (
    "lo95_bytes", "lo80_bytes", "p10_bytes", "mean_bytes", "hi80_bytes", "p90_bytes", "hi95_bytes",
)  # fmt: skip

_LOAD = """
insert into raw.storage_samples by name
select 'a' as source_id, volume, 1 as ingest_seq,
  $first::timestamp + to_days(day::int) + interval 12 hour as sampled_at,
  used as used_bytes, used * 100 as size_bytes from samples;
insert into raw.instances by name
select distinct instance as instance_id, volume as storage_volume, 1 as ingest_seq from sets;
insert into raw.backup_sets by name
select 'a' as source_id, volume as repo, instance || kind || start as label, kind as backup_type,
  instance as instance_id, instance as native_instance, size as repo_bytes, 1 as ingest_seq,
  $first::timestamp + to_days(start::int) + interval 2 hour as started_at,
  started_at + interval 1 hour as finished_at,
  $first::timestamp + to_days("end"::int) + interval 1 hour as expires_at,
  case when "end" <= $last then 'expired' else 'available' end as lifecycle,
  case when "end" <= $last then expires_at end as unusable_from
from sets;
"""


def open_empty(folder: Path) -> Platform:
    """Make a platform of no data in a folder."""
    config = folder / "cbcr.yaml"
    config.write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n", encoding="utf-8")
    platform = open_platform({"CBCR_CONFIG": str(config), "PATH": "/usr/bin:/bin"})
    analytics.prepare(platform)
    return platform


def load(platform: Platform, cases: Sequence[Case]) -> None:
    """Load histories and catalogs; nothing of what came after is in them."""
    samples = pl.DataFrame(
        [(c.name, day, int(used)) for c in cases for day, used in enumerate(c.history)],
        schema={"volume": pl.String, "day": pl.Int64, "used": pl.Int64},
        orient="row",
    )
    sets = pl.DataFrame(
        [
            (c.name, f"{c.name}/{one.instance}", one.kind, one.start, one.size, one.end)
            for c in cases
            for one in c.sets
        ],
        schema={
            "volume": pl.String, "instance": pl.String, "kind": pl.String, "start": pl.Int64,
            "size": pl.Int64, "end": pl.Int64,
        },
        orient="row",
    )  # fmt: skip
    with duckdb.connect(str(platform.config.warehouse)) as con:
        con.execute("set TimeZone = 'UTC'")
        con.register("samples", samples)
        con.register("sets", sets)
        for statement in _LOAD.split(";\n"):
            wanted = {"first": FIRST, "last": LAST}
            names = {name: value for name, value in wanted.items() if f"${name}" in statement}
            if statement.strip():
                con.execute(statement, names)


def build(platform: Platform, now: datetime = NOW, *selected: str) -> None:
    """Build what a forecast needs, as of a moment.

    Raises:
        SystemExit: A model failed; the output says which.
    """
    wanted = selected or ("+fct_capacity_forecast",)
    report = analytics.dbt(
        platform, ["run", "--vars", f"{{cbcr_as_of: '{now}'}}", "--select", *wanted]
    )
    if not report.ok:
        raise SystemExit(report.output[-5000:])


def read_paths(platform: Platform) -> dict[str, dict[str, list[float]]]:
    """Return the product's own paths: by volume, mean and edges of AHEAD days."""
    with duckdb.connect(str(platform.config.warehouse), read_only=True) as con:
        frame = con.sql(
            f"select volume, {', '.join(BANDS)} from marts.fct_capacity_forecast_daily"
            f" where horizon_day <= {AHEAD} order by volume, horizon_day"
        ).pl()
    return {
        str(name): {band: rows[band].to_list() for band in BANDS}
        for (name,), rows in frame.group_by(["volume"], maintain_order=True)
    }
