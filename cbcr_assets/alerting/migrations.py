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


STEPS: Mapping[int, Callable[[sa.Connection], None]] = {2: _to_2}
