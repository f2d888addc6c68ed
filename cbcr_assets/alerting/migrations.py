"""From the tables of an earlier version to those of this one.

Belongs here: one step a version; a released step is never edited.
Does not belong here: tables as they are now (see `tables`), which makes those that are new.
"""

from collections.abc import Callable, Mapping

import sqlalchemy as sa

# Version 1 told each change by itself; its episodes are routed when the engine first decides.
_TO_2 = (
    "alter table alert_state add column rule text not null default ''",
    "alter table alert_state add column since_e float not null default 0",
    "alter table alert_state add column seen_e float not null default 0",
    "alter table alert_state add column due_e float",
    "alter table alert_state add column flips text",
    "update alert_state set rule = coalesce((select max(e.rule) from episode e"
    " where e.fingerprint = alert_state.fingerprint), '')",
    "create index alert_state_due on alert_state (due_e)",
    *(
        f"alter table episode add column {column}"
        for column in (
            "was text not null default ''", "value float", "objective float",
            "unit text not null default ''", "fired integer not null default 1",
            "raised integer not null default 0", "flapping integer not null default 0",
            "acked_by text not null default ''", "ack_until_e float",
            "chain text not null default ''", "step integer not null default 0",
            "remaining_s float not null default 0", "resume_e float", "due_e float",
            "muted_by text not null default ''",
        )
    ),
    "create index episode_due on episode (due_e)",
    "alter table outbox add column rank integer not null default 1",
    "alter table outbox add column created_e float not null default 0",
    "alter table outbox add column due_e float not null default 0",
    "alter table outbox add column lease_e float",
    "alter table outbox drop column not_before",
    "alter table outbox drop column lease_until",
    "alter table outbox_member add column says text not null default 'firing'",
    "update outbox_member set says = 'resolved' where outbox_id in"
    " (select id from outbox where kind = 'resolved')",
    "drop table pause",
)  # fmt: skip


def _to_2(con: sa.Connection) -> None:
    for statement in _TO_2:
        con.exec_driver_sql(statement)


# Version 2 let SQLite give the id of a forgotten last row again; PostgreSQL's sequences never do.
_OUTBOX = (
    "id, dedup_key, receiver, stream, kind, payload, state, attempts, rank, created_at, done_at,"
    " created_e, due_e, lease_e, ref, error"
)
_JOURNAL = (
    "id, at, what, fingerprint, n, rule, subject_kind, subject_id, status, severity,"
    " evaluation_id, receiver, outbox_id, detail"
)
_TO_3_SQLITE = (
    "create table outbox_3 (id integer primary key autoincrement, dedup_key text not null unique,"
    " receiver text not null, stream text not null, kind text not null, payload text not null,"
    " state text not null, attempts integer not null default 0, rank integer not null default 1,"
    " created_at datetime not null, done_at datetime, created_e float not null default 0,"
    " due_e float not null default 0, lease_e float, ref text, error text)",
    f"insert into outbox_3 ({_OUTBOX}) select {_OUTBOX} from outbox",
    "create table journal_3 (id integer primary key autoincrement, at datetime not null,"
    " what text not null, fingerprint text, n integer, rule text, subject_kind text,"
    " subject_id text, status text, severity text, evaluation_id text, receiver text,"
    " outbox_id integer, detail text)",
    f"insert into journal_3 ({_JOURNAL}) select {_JOURNAL} from journal",
    # The journal, and what a message is about, may still name messages that went.
    "delete from sqlite_sequence where name in ('outbox_3', 'journal_3')",
    "insert into sqlite_sequence (name, seq) select 'outbox_3', coalesce(max(id), 0) from"
    " (select id from outbox union all select outbox_id from journal"
    " union all select outbox_id from outbox_member)",
    "insert into sqlite_sequence (name, seq) select 'journal_3', coalesce(max(id), 0) from journal",
    "drop table outbox",
    "drop table journal",
    "alter table outbox_3 rename to outbox",
    "alter table journal_3 rename to journal",
)


def _to_3(con: sa.Connection) -> None:
    if con.dialect.name == "sqlite":
        for statement in _TO_3_SQLITE:
            con.exec_driver_sql(statement)
    con.exec_driver_sql("alter table outbox add column is_over integer not null default 0")
    # A store that began with version 1 has no such index yet.
    con.exec_driver_sql(
        "create index if not exists outbox_waiting on outbox (state, receiver, stream, id)"
    )


def _to_4(_con: sa.Connection) -> None:
    """Tables of what people do are new: they are made with all that is missing."""


STEPS: Mapping[int, Callable[[sa.Connection], None]] = {2: _to_2, 3: _to_3, 4: _to_4}
