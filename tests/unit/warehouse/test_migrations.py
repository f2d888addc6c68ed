"""A warehouse of an older CBCR becomes one of today's shape."""

import duckdb

from cbcr_assets.warehouse.migrations import MIGRATIONS, migrate


def columns(con: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    """Names of the columns of a table in schema `state`."""
    return {row[0] for row in con.execute(f"describe state.{table}").fetchall()}


def test_what_is_remembered_of_replaced_rows_grows_with_the_warehouse() -> None:
    with duckdb.connect() as con:
        assert migrate(con) == len(MIGRATIONS)
        today = {n: columns(con, n) for n in ("replaced_backup_jobs", "replaced_backup_sets")}
        # As version 4 left it: sets were not remembered, of attempts little was, models were built.
        con.execute("drop table state.replaced_backup_sets")
        for column in ("state", "finished_at", "source_bytes"):
            con.execute(f"alter table state.replaced_backup_jobs drop column {column}")
        con.execute(
            "insert into state.replaced_backup_jobs (source_id, attempt_key, instance_id,"
            " replaced_seq, ingest_seq) values ('s', 'a', 'i', 1, 2)"
        )
        con.execute(
            "insert into state.build_marks values ('int_open_sets', 3, now()::timestamp, false)"
        )
        con.execute("delete from main.cbcr_migrations where version > 4")
        assert migrate(con) == len(MIGRATIONS) - 4
        assert {name: columns(con, name) for name in today} == today
        kept = con.execute("select attempt_key, state from state.replaced_backup_jobs").fetchall()
        assert kept == [("a", None)]
        # What models hold has other columns than before: the next build goes on from nothing.
        assert con.execute("select count(*) from state.build_marks").fetchone() == (0,)
        assert migrate(con) == 0
