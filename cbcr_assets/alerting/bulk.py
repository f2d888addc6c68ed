"""Writing many rows at once, as fast as the store can.

Belongs here: what SQLite and PostgreSQL need for that. Does not belong here: what is written.

SQLite runs a statement for each row within the process. PostgreSQL takes whole columns in one
statement: a row at a time costs it a round trip each.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

_Rows = Iterable[Mapping[str, Any]]
# Below this a statement for each row is fast enough, and its plan is cached.
_FEW = 20


def insert_many(con: sa.Connection, table: sa.Table, rows: _Rows) -> None:
    """Insert rows; all of them have the same keys."""
    batch = list(rows)
    if not batch:
        return
    if con.dialect.name != "postgresql" or len(batch) <= _FEW:
        con.execute(table.insert(), batch)
        return
    names = list(batch[0])
    con.execute(table.insert().from_select(names, _columns(table, names, batch)))


def update_many(con: sa.Connection, table: sa.Table, keys: Sequence[str], rows: _Rows) -> None:
    """Update rows by key; each row has the keys and the values to set."""
    batch = list(rows)
    if not batch:
        return
    values = [name for name in batch[0] if name not in keys]
    if con.dialect.name != "postgresql" or len(batch) <= _FEW:
        statement = table.update().where(*(table.c[k] == sa.bindparam(f"b_{k}") for k in keys))
        renamed = [{f"b_{k}" if k in keys else k: v for k, v in row.items()} for row in batch]
        con.execute(statement, renamed)
        return
    given = _columns(table, [*keys, *values], batch).subquery("given")
    statement = table.update().where(*(table.c[k] == given.c[k] for k in keys))
    con.execute(statement.values({name: given.c[name] for name in values}))


def delete_many(con: sa.Connection, table: sa.Table, rows: _Rows) -> None:
    """Delete rows by the values that are given; all of them have the same keys."""
    batch = list(rows)
    if not batch:
        return
    names = list(batch[0])
    if con.dialect.name != "postgresql" or len(batch) <= _FEW:
        where = (table.c[name] == sa.bindparam(f"b_{name}") for name in names)
        con.execute(
            table.delete().where(*where), [{f"b_{k}": row[k] for k in names} for row in batch]
        )
        return
    given = _columns(table, names, batch).subquery("given")
    con.execute(table.delete().where(*(table.c[name] == given.c[name] for name in names)))


def _columns(
    table: sa.Table, names: Sequence[str], batch: Sequence[Mapping[str, Any]]
) -> sa.Select[Any]:
    arrays = [
        sa.func.unnest(
            sa.cast(sa.literal([row[name] for row in batch], ARRAY(table.c[name].type)),
                    ARRAY(table.c[name].type))
        ).label(name)
        for name in names
    ]  # fmt: skip
    return sa.select(*arrays)
