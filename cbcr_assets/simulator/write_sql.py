"""A backup catalog in SQLite, as docs/formats.md asks for it, for the fleet's `sql:` feed.

Belongs here: the tables and their rows. Does not belong here: what the rows say (`write_cbcr`).
"""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

DDL = """\
create table cbcr_backup_catalog (
    change_id integer,
    instance text not null,
    repo text not null default 'default',
    label text not null,
    type text not null,
    started_at text not null,
    finished_at text not null,
    recovery_point_at text,
    log_archived integer,
    parent_label text,
    log_start text,
    log_stop text,
    source_bytes integer,
    repo_bytes integer,
    repo_delta_bytes integer,
    integrity text,
    expires_at text,
    lifecycle text,
    unusable_from text,
    primary key (repo, label)
);
create index cbcr_backup_catalog_change on cbcr_backup_catalog (change_id);
create trigger cbcr_backup_catalog_insert after insert on cbcr_backup_catalog
begin
    update cbcr_backup_catalog
    set change_id = (select coalesce(max(change_id), 0) + 1 from cbcr_backup_catalog)
    where rowid = new.rowid;
end;
create trigger cbcr_backup_catalog_update after update on cbcr_backup_catalog
when new.change_id is old.change_id
begin
    update cbcr_backup_catalog
    set change_id = (select coalesce(max(change_id), 0) + 1 from cbcr_backup_catalog)
    where rowid = new.rowid;
end;
create trigger cbcr_backup_catalog_delete before delete on cbcr_backup_catalog
begin
    update cbcr_backup_catalog
    set lifecycle = 'purged', unusable_from = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    where rowid = old.rowid and lifecycle is not 'purged';
    select raise(ignore);
end;

create table cbcr_job_events (
    change_id integer primary key autoincrement,
    event text not null,
    kind text,
    run_id text not null,
    instance text not null,
    type text,
    tool text,
    repo text,
    worker text,
    purpose text,
    label text,
    scheduled_at text,
    requested_at text,
    target_at text,
    started_at text,
    finished_at text,
    state text,
    rc integer,
    duration_s real,
    bytes integer,
    source_bytes integer,
    transferred_bytes integer,
    error_code text,
    error_class text,
    error_text text
);
"""
_ENTRY = (
    "instance", "repo", "label", "type", "started_at", "finished_at", "source_bytes",
    "repo_bytes", "integrity", "expires_at", "lifecycle", "unusable_from",
)  # fmt: skip
_EVENT = (
    "event", "run_id", "instance", "type", "tool", "repo", "worker", "label", "scheduled_at",
    "started_at", "finished_at", "rc", "source_bytes", "transferred_bytes", "error_code",
    "error_class", "error_text",
)  # fmt: skip


def write_catalog(
    path: Path, entries: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]
) -> None:
    """Write the database anew.

    Args:
        path: The SQLite file.
        entries: The catalog's backups.
        events: The events of the job log, in the order of their times.
    """
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DDL)
        for table, columns, rows in (
            ("cbcr_backup_catalog", _ENTRY, entries),
            ("cbcr_job_events", _EVENT, events),
        ):
            marks = ", ".join("?" for _ in columns)
            connection.executemany(
                f"insert into {table} ({', '.join(columns)}) values ({marks})",
                ([row.get(column) for column in columns] for row in rows),
            )
        connection.commit()
