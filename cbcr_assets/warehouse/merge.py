"""The SQL that merges a batch into a raw table, generated from the table's definition.

Belongs here: pure text building from `records`. Does not belong here: connections.

A load looks at the keys of the whole table once; all else goes by the ids of the rows found there,
so that its cost is that of the batch.

A merge folds the stored row and all rows of the batch with the same key into one. Per column the
observation that knows best wins (the table's `precedence`; ties go to the newcomer), nulls never
overwrite. So a load is idempotent and a terminal state never goes back, whatever the order.
"""

from cbcr_assets.records import Column, Merge, RawTable

# No batch has so many rows.
_ROWS = 2**32
_INTEGRITY = ("unchecked", "ok", "suspect", "corrupt")


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def _list(names: tuple[str, ...] | list[str], prefix: str = "") -> str:
    return ", ".join(prefix + quote(name) for name in names)


def _folded(column: Column) -> str:
    name = quote(column.name)
    match column.merge:
        case Merge.LEAST:
            return f"min({name}) as {name}"
        case Merge.GREATEST:
            return f"max({name}) as {name}"
        case Merge.REPLACE:
            return f"arg_max_null({name}, rank_) as {name}"
        case Merge.WORST:
            order = ", ".join(f"'{word}'" for word in _INTEGRITY)
            return f"list_extract([{order}], max(list_position([{order}], {name}))) as {name}"
        case _:
            return f"arg_max({name}, rank_) as {name}"


def places_sql(table: RawTable) -> str:
    """Find the stored rows that have a key of `batch_`: the one look at the whole table.

    Whatever follows is of the size of the batch, for it goes by `place_`, the row's id.
    """
    return f"""
create or replace temp table places_ as
select stored.rowid as place_
from raw.{table.name} as stored semi join batch_ using ({_list(table.key)})"""


def stored_sql(table: RawTable) -> str:
    """Fetch the stored rows themselves into `stored_`."""
    return f"""
create or replace temp table stored_ as
select stored.rowid as place_, stored.*
from raw.{table.name} as stored
where stored.rowid in (select place_ from places_)"""


def _unknown(table: RawTable, *, known: bool) -> str:
    """Return `batch_` without the rows whose key is stored, if any is (`known`)."""
    return f"batch_ anti join stored_ using ({_list(table.key)})" if known else "batch_"


def append_sql(table: RawTable, seq: int, *, known: bool, several: bool) -> str:
    """Insert rows of `batch_` whose key is new; the first of equal keys wins (`several`)."""
    columns = _list([c.name for c in table.columns])
    first = f"distinct on ({_list(table.key)}) " if several else ""
    order = f"order by {_list(table.key)}, row_" if several else ""
    return f"""
insert into raw.{table.name} ({columns}, ingest_seq)
select {first}{columns}, {seq}
from {_unknown(table, known=known)}
{order}"""


def alone_sql(table: RawTable, seq: int, *, known: bool) -> str:
    """Insert rows of `batch_` whose key is new and stands alone (`alone_`) there.

    Nothing has to be folded for them, which is what makes a large first load fast.
    """
    columns = _list([c.name for c in table.columns])
    return f"""
insert into raw.{table.name} ({columns}, ingest_seq)
select {columns}, {seq}
from {_unknown(table, known=known)}
where alone_"""


def several_sql(table: RawTable, seq: int, *, known: bool) -> str:
    """Fold rows of `batch_` whose key is new and told several times, and insert them."""
    columns = _list([c.name for c in table.columns])
    rows = f"select {columns}, row_ from {_unknown(table, known=known)} where not alone_"
    return f"""
insert into raw.{table.name} ({columns}, ingest_seq)
with told as ({rows}), {_fold("told", table)}
select {columns}, {seq} from folded"""


def _fold(rows: str, table: RawTable) -> str:
    """Return CTEs, of which `folded` has one row a key of the CTE `rows`.

    Rows are ranked by what they know and then by their place. One number of 64 bits is compared
    much faster than a pair, so what they know becomes its place among all that is known.
    """
    others = [c for c in table.columns if c.name not in table.key]
    folded = ",\n    ".join([*(quote(k) for k in table.key), *map(_folded, others)])
    return f"""knowing as (
  select *, ({table.precedence})::hugeint as known_ from {rows}
), knowledge as (
  select known_, row_number() over (order by known_) as level_
  from (select distinct known_ from knowing)
), ranked as (
  select knowing.*, level_ * {_ROWS} + row_ as rank_
  from knowing inner join knowledge on knowing.known_ is not distinct from knowledge.known_
), folded as (
  select
    {folded}
  from ranked group by {_list(table.key)}
)"""


def known_sql(table: RawTable) -> tuple[str, str]:
    """Find rows of `batch_` that say nothing new, and store only that they were seen.

    Such a row is alone with its key, and each watched value is stored already or not given.
    """
    watched = [c for c in table.columns if c.name not in {*table.key, *table.unwatched}]
    same = " and ".join(_says_nothing(column) for column in watched)
    names = sorted(table.unwatched)
    seen = ", ".join(f"greatest(stored.{quote(n)}, batch_.{quote(n)}) as {quote(n)}" for n in names)
    grown = " or ".join(f"batch_.{quote(n)} > stored.{quote(n)}" for n in names)
    return (
        f"""
create or replace temp table known_ as
select batch_.row_, stored.place_, {seen}, {grown} as grown_
from batch_ inner join stored_ as stored using ({_list(table.key)})
where batch_.alone_ and {same}""",
        f"update raw.{table.name} as stored set {_sets(names, 'known_')} from known_"
        " where stored.rowid = known_.place_ and known_.grown_",
    )


def _sets(names: list[str], source: str) -> str:
    return ", ".join(f"{quote(n)} = {source}.{quote(n)}" for n in names)


def _says_nothing(column: Column) -> str:
    name = quote(column.name)
    match column.merge:
        case Merge.REPLACE:
            return f"batch_.{name} is not distinct from stored.{name}"
        case Merge.LEAST:
            says_nothing = f"batch_.{name} >= stored.{name}"
        case Merge.GREATEST:
            says_nothing = f"batch_.{name} <= stored.{name}"
        case _:
            says_nothing = f"batch_.{name} = stored.{name}"
    return f"(batch_.{name} is null or {says_nothing})"


def merge_sql(table: RawTable) -> str:
    """Fold rows of `batch_` with the stored rows of the same keys into temporary table `merged_`.

    Those that are `known_` have been dealt with.
    """
    rest, stored = f"batch_ semi join stored_ using ({_list(table.key)})", "stored_"
    if table.unwatched:
        rest += " anti join known_ using (row_)"
        stored += " anti join known_ using (place_)"
    columns = _list([c.name for c in table.columns])
    watched = [c for c in table.columns if c.name not in {*table.key, *table.unwatched}]
    differs = " or ".join(
        f"folded.{quote(c.name)} is distinct from stored.{quote(c.name)}" for c in watched
    )
    touched = " or ".join(
        f"folded.{quote(n)} is distinct from stored.{quote(n)}" for n in sorted(table.unwatched)
    )
    return f"""
create or replace temp table merged_ as
with told as (
  select {columns}, row_ + 1 as row_ from {rest}
  union all by name
  select {columns}, 0 as row_ from {stored}
), {_fold("told", table)}
select folded.*, stored.place_, {differs} as changed_, {touched or "false"} as touched_
from folded inner join stored_ as stored using ({_list(table.key)})"""


def remember_sql(table: RawTable, seq: int) -> str:
    """Remember what incremental models may have said of the rows that are replaced."""
    names = _list([*table.key, *table.remembered])
    return (
        f"insert into state.replaced_{table.name} ({names}, replaced_seq, ingest_seq)"
        f" select {names}, ingest_seq, {seq}"
        " from stored_ semi join (from merged_ where changed_) as changed using (place_)"
    )


def replace_sql(table: RawTable, seq: int) -> tuple[str, str]:
    """Delete and insert the rows of `merged_` that say something new."""
    columns = _list([c.name for c in table.columns])
    return (
        f"delete from raw.{table.name} where rowid in (select place_ from merged_ where changed_)",
        f"insert into raw.{table.name} ({columns}, ingest_seq)"
        f" select {columns}, {seq} from merged_ where changed_",
    )


def touch_sql(table: RawTable) -> str:
    """Store unwatched columns of unchanged rows without making them news."""
    return (
        f"update raw.{table.name} as stored set {_sets(sorted(table.unwatched), 'merged_')}"
        " from merged_ where stored.rowid = merged_.place_"
        " and merged_.touched_ and not merged_.changed_"
    )
