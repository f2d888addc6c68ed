"""The tables of what people asked for and did, beside those of the alerts themselves.

Belongs here: schema. Does not belong here: queries (see `deeds`, `drill_requests`, `errands`).

They lie in the alert store because that is the database many processes write, and because what
people do is mostly about alerts.
"""

import sqlalchemy as sa

from cbcr_assets.alerting.tables import _META, _moment, _text, _word

# Append-only, by trigger: who did what, when, and what came of it. An action is two rows: that it
# was asked for, and how it ended; one without its end was cut off, and nobody knows.
deed = sa.Table(
    "deed", _META,
    sa.Column("id", sa.Integer, primary_key=True),
    _moment("at"),
    _text("key"),  # of the form that was submitted; the same again does nothing
    _text("stage"),  # asked, ended
    _text("name"), _text("subject"), _text("role"),
    _text("action"), _text("target"), _word("details"),
    _word("outcome"), _word("result"),
    sa.UniqueConstraint("key", "stage"), sa.Index("deed_at", "at"),
    sqlite_autoincrement=True,
)  # fmt: skip

# Somebody wants a restore of an instance to be proven.
drill_request = sa.Table(
    "drill_request", _META,
    sa.Column("id", sa.Text, primary_key=True),
    _text("instance_id"), _word("team"), _word("reason"),
    _text("asked_by"), _moment("asked_at"),
    _moment("closed_at", nullable=True), _word("closed_by"), _word("evidence"),
    sa.Index("drill_request_open", "closed_at", "instance_id"),
)  # fmt: skip

# What the watch lane shall do in the warehouse when it is its turn to write there.
errand = sa.Table(
    "errand", _META,
    sa.Column("id", sa.Text, primary_key=True),
    _text("kind"), _text("target"), _text("asked_by"), _moment("asked_at"),
    _moment("done_at", nullable=True), _word("outcome"), _word("result"),
    sa.Index("errand_waiting", "done_at"),
)  # fmt: skip

_SQLITE = (
    "create trigger deed_no_{0} before {0} on deed"
    " begin select raise(abort, 'deed is append-only'); end"
)
_POSTGRESQL = (
    "create or replace function deed_append_only() returns trigger language plpgsql as"
    " $$ begin raise exception 'deed is append-only'; end $$",
    "create trigger deed_append_only before update or delete on deed"
    " for each statement execute function deed_append_only()",
)


@sa.event.listens_for(deed, "after_create")
def _append_only(_table: sa.Table, con: sa.Connection, **_: object) -> None:
    if con.dialect.name == "sqlite":
        for verb in ("update", "delete"):
            con.exec_driver_sql(_SQLITE.format(verb))
    elif con.dialect.name == "postgresql":
        for statement in _POSTGRESQL:
            con.exec_driver_sql(statement)
