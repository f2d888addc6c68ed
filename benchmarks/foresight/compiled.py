"""The product's own SQL of a model, to be run on made-up rows many times over.

Belongs here: having dbt compile it, and a connection that it runs on. Does not belong here: rows.
"""

import tempfile
from pathlib import Path

import duckdb

from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import open_platform

_CLOCK = "create macro cbcr_now() as getvariable('cbcr_as_of')::timestamp"


def compiled(model: str) -> str:
    """Return the statement with which a full refresh fills a model."""
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "cbcr.yaml"
        config.write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n")
        platform = open_platform({"CBCR_CONFIG": str(config), "PATH": "/usr/bin:/bin"})
        analytics.prepare(platform)
        report = analytics.dbt(platform, ["compile", "--full-refresh", "--select", model])
        if not report.ok:
            raise RuntimeError(report.output[-5000:])
        [path] = (platform.dbt_target / "compiled").rglob(f"{model}.sql")
        return path.read_text(encoding="utf-8")


def connect(now: str) -> duckdb.DuckDBPyConnection:
    """Open an empty database in memory whose clock stands still.

    Args:
        now: The moment that `cbcr_now()` gives, naive UTC.
    """
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    con.execute(f"set variable cbcr_as_of = timestamp '{now}'")
    con.execute(_CLOCK)
    for schema in ("intermediate", "marts"):
        con.execute(f"create schema {schema}")
    return con
