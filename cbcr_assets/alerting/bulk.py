"""Writing many rows at once, as fast as the store can and with few of them in memory.

Belongs here: what SQLite and PostgreSQL need for that. Does not belong here: what is written.

SQLite runs a statement for each row within the process; what SQLAlchemy would do for each row
takes longer than the row, so that rows go to the driver as they are. PostgreSQL takes whole
columns in one statement: a row at a time costs it a round trip each.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

_Rows = Iterable[Mapping[str, Any]]
# Below this a statement for each row is fast enough, and its plan is cached.
_FEW = 20
_PORTION = 5_000


def insert_many(con: sa.Connection, table: sa.Table, rows: _Rows) -> None:
    """Insert rows; all of them have the same keys."""
    for batch in _portions(rows):
        names = list(batch[0])
        if con.dialect.name != "postgresql":
            _one_by_one(con, table, table.insert().values(_given(names)), batch)
        elif len(batch) <= _FEW:
            con.execute(table.insert(), batch)
        else:
            con.execute(table.insert().from_select(names, _columns(table, names, batch)))


def update_many(con: sa.Connection, table: sa.Table, keys: Sequence[str], rows: _Rows) -> None:
    """Update rows by key; each row has the keys and the values to set."""
    for batch in _portions(rows):
        values = [name for name in batch[0] if name not in keys]
        if con.dialect.name != "postgresql" or len(batch) <= _FEW:
            statement = table.update().where(*_equal(table, keys)).values(_given(values))
            _one_by_one(con, table, statement, batch)
            continue
        given = _columns(table, [*keys, *values], batch).subquery("given")
        update = table.update().where(*(table.c[k] == given.c[k] for k in keys))
        con.execute(update.values({name: given.c[name] for name in values}))


def delete_many(con: sa.Connection, table: sa.Table, rows: _Rows) -> None:
    """Delete rows by the values that are given; all of them have the same keys."""
    for batch in _portions(rows):
        names = list(batch[0])
        if con.dialect.name != "postgresql" or len(batch) <= _FEW:
            _one_by_one(con, table, table.delete().where(*_equal(table, names)), batch)
            continue
        given = _columns(table, names, batch).subquery("given")
        con.execute(table.delete().where(*(table.c[name] == given.c[name] for name in names)))


def _portions(rows: _Rows) -> Iterator[list[Mapping[str, Any]]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _PORTION)):
        yield batch


def _given(names: Iterable[str]) -> dict[str, sa.BindParameter[Any]]:
    return {name: sa.bindparam(f"b_{name}") for name in names}


def _equal(table: sa.Table, names: Iterable[str]) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == given for name, given in _given(names).items()]


def _one_by_one(
    con: sa.Connection,
    table: sa.Table,
    statement: sa.UpdateBase,
    batch: Sequence[Mapping[str, Any]],
) -> None:
    """Run a statement of `b_<column>` parameters for each row."""
    compiled: Any = statement.compile(dialect=con.dialect)
    if not compiled.positional:
        renamed = [{f"b_{name}": value for name, value in row.items()} for row in batch]
        con.execute(statement, renamed)
        return
    names = [name.removeprefix("b_") for name in compiled.positiontup]
    if len(names) == 1:
        rows = [(row[names[0]],) for row in batch]
    else:
        rows = [*map(itemgetter(*names), batch)]
    written = [_written(con, table, name) for name in names]
    if any(written):
        rows = [tuple(w(v) if w else v for w, v in zip(written, row, strict=True)) for row in rows]
    con.exec_driver_sql(str(compiled), rows)


def _written(con: sa.Connection, table: sa.Table, name: str) -> Callable[[Any], Any] | None:
    """Return how the driver wants the values of a column; None: as they are."""
    return table.c[name].type.dialect_impl(con.dialect).bind_processor(con.dialect)


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
