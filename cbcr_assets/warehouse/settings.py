"""What every connection of ours is set to, so that each of them gives the same answer as fast.

Belongs here: settings of DuckDB that hold for writers, readers and dashboards alike (dbt's are in
`dbt_project/profiles.yml`). Does not belong here: what is locked down for a guest (see `query`).
"""

import duckdb

SETTINGS = (
    # Else the machine's zone decides which day a moment belongs to.
    "set TimeZone = 'UTC'",
    # Where few rows are expected, DuckDB compares each of them with all: with a hundred thousand
    # that it did not expect it takes ten times as long.
    "set asof_loop_join_threshold = 0",
)


def settle(con: duckdb.DuckDBPyConnection) -> None:
    """Set a fresh connection or cursor; cursors inherit nothing."""
    for setting in SETTINGS:
        con.execute(setting)
