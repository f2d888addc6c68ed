"""The ordered changes that bring any warehouse to today's shape.

Belongs here: DDL of schemas `raw` and `state`, one migration a change, never edited once released.
Does not belong here: models (dbt owns staging, intermediate, live, sla and marts).
"""

from dataclasses import dataclass

import duckdb

from cbcr_assets.records import RAW_TABLES
from cbcr_assets.warehouse.base import WarehouseError

# The only clock in SQL: any moment can be replayed by setting the variable.
_CLOCK = """
create or replace macro cbcr_now() as
coalesce(try_cast(getvariable('cbcr_as_of') as timestamp), (now() at time zone 'UTC')::timestamp)
"""

# The verdicts of the newest evaluation; column names and types are those of every sla_* view.
SLA_COLUMNS: dict[str, str] = {
    "rule": "varchar",
    "subject_kind": "varchar",
    "subject_id": "varchar",
    "status": "varchar",
    "severity": "varchar",
    "value": "double",
    "objective": "double",
    "unit": "varchar",
    "since": "timestamp",
    "changes_at": "timestamp",
    "team": "varchar",
    "labels": "varchar",
    "summary": "varchar",
    "runbook": "varchar",
}
_SLA_BODY = ", ".join(f"{name} {kind}" for name, kind in SLA_COLUMNS.items())


@dataclass(frozen=True)
class Migration:
    """One step; `version` grows by one."""

    version: int
    name: str
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1,
        "raw tables, clock, stream state",
        (
            "create schema if not exists raw",
            "create schema if not exists state",
            "create sequence if not exists state.ingest_seq",
            _CLOCK,
            *(table.ddl for table in RAW_TABLES),
            "create table state.streams (source_id varchar, stream varchar, carry varchar,"
            " updated_at timestamp, primary key (source_id, stream))",
            "create table state.settings (name varchar primary key, value varchar)",
            "create table state.sla_status"
            f" (evaluation_id varchar, evaluated_at timestamp, {_SLA_BODY})",
        ),
    ),
    Migration(
        2,
        "how far incremental models have read",
        (
            "create table state.build_marks (model varchar primary key, ingest_seq bigint not null,"
            " built_at timestamp not null, replayed boolean not null)",
        ),
    ),
    Migration(
        3,
        "what replaced rows said, until incremental models have read it",
        tuple(table.replaced_ddl for table in RAW_TABLES if table.remembered),
    ),
    Migration(
        4,
        "history of alerts",
        (
            "create table state.alert_journal (id bigint primary key, happened_at timestamp,"
            " what varchar, fingerprint varchar, n integer, rule varchar, severity varchar,"
            " receiver varchar, outbox_id bigint, detail varchar)",
            "create table state.alert_episodes (fingerprint varchar, n integer, rule varchar,"
            " subject_kind varchar, subject_id varchar, team varchar, severity varchar,"
            " started_at timestamp, opened_at timestamp, resolved_at timestamp, raised integer,"
            " flapping boolean, primary key (fingerprint, n))",
            "create table state.alert_deliveries (outbox_id bigint, fingerprint varchar, n integer,"
            " receiver varchar, kind varchar, says varchar, created_at timestamp,"
            " done_at timestamp, state varchar, primary key (outbox_id, fingerprint))",
        ),
    ),
    Migration(
        5,
        "more of what replaced attempts said, and what replaced sets said",
        (
            *(statement for table in RAW_TABLES for statement in table.replaced_growth),
            # Models hold other columns than before: the next build says everything anew.
            "delete from state.build_marks",
        ),
    ),
)
LATEST = MIGRATIONS[-1].version


def migrate(con: duckdb.DuckDBPyConnection) -> int:
    """Apply what is missing, in one transaction each.

    Returns:
        The number of migrations applied.

    Raises:
        WarehouseError: The warehouse was made by a newer CBCR.
    """
    con.execute(
        "create table if not exists main.cbcr_migrations"
        " (version integer primary key, name varchar, applied_at timestamp)"
    )
    row = con.execute("select coalesce(max(version), 0) from main.cbcr_migrations").fetchone()
    current = int(row[0]) if row else 0
    if current > LATEST:
        raise WarehouseError(
            f"this warehouse has schema version {current}, this CBCR knows {LATEST}:"
            " use the CBCR that made it, or a newer one"
        )
    missing = [m for m in MIGRATIONS if m.version > current]
    for migration in missing:
        con.execute("begin")
        for statement in migration.statements:
            con.execute(statement)
        con.execute(
            "insert into main.cbcr_migrations values ("
            f"{migration.version}, '{migration.name}', (now() at time zone 'UTC')::timestamp)"
        )
        con.execute("commit")
    return len(missing)
