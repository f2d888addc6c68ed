"""The SQL that merges a batch into a raw table, generated from the table's definition.

Belongs here: pure text building from `records`. Does not belong here: connections.

A merge folds the stored row and all rows of the batch with the same key into one. Per column the
observation that knows best wins (the table's `precedence`; ties go to the newcomer), nulls never
overwrite. So a load is idempotent and a terminal state never goes back, whatever the order.
"""

from cbcr_assets.records import Column, Merge, RawTable

# One number is compared several times faster than a pair; no batch has so many rows.
_ROWS = 2**32
_INTEGRITY = ("unchecked", "ok", "suspect", "corrupt")


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def _list(names: tuple[str, ...] | list[str], prefix: str = "") -> str:
    return ", ".join(prefix + quote(name) for name in names)


def _same_key(table: RawTable, left: str, right: str) -> str:
    return " and ".join(f"{left}.{quote(k)} = {right}.{quote(k)}" for k in table.key)


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


def append_sql(table: RawTable, seq: int) -> str:
    """Insert rows of `batch_` whose key is new; the first of equal keys wins."""
    columns = _list([c.name for c in table.columns])
    return f"""
insert into raw.{table.name} ({columns}, ingest_seq)
select distinct on ({_list(table.key)}) {columns}, {seq}
from batch_ anti join raw.{table.name} using ({_list(table.key)})
order by {_list(table.key)}, row_"""


def fresh_sql(table: RawTable, seq: int) -> str:
    """Insert rows of `batch_` whose key is new and stands alone (`alone_`) there.

    Nothing has to be folded for them, which is what makes a large first load fast.
    """
    columns = _list([c.name for c in table.columns])
    return f"""
insert into raw.{table.name} ({columns}, ingest_seq)
select {columns}, {seq}
from batch_ anti join raw.{table.name} using ({_list(table.key)})
where alone_"""


def rest_sql(table: RawTable, seq: int) -> str:
    """Keep in `incoming_` what was not inserted just now."""
    inserted = f"(select {_list(table.key)} from raw.{table.name} where ingest_seq = {seq})"
    return f"""
create or replace temp table incoming_ as
from batch_ anti join {inserted} as inserted using ({_list(table.key)})"""


def all_sql() -> str:
    """Keep all of `batch_` in `incoming_`."""
    return "create or replace temp table incoming_ as from batch_"


def strike_sql() -> str:
    """Strike what is `known_` off `incoming_`."""
    return "create or replace temp table incoming_ as from incoming_ anti join known_ using (row_)"


def known_sql(table: RawTable) -> tuple[str, str]:
    """Find rows of `incoming_` that say nothing new, and store only that they were seen.

    Such a row is alone with its key, and each watched value is stored already or not given.
    """
    watched = [c for c in table.columns if c.name not in {*table.key, *table.unwatched}]
    same = " and ".join(_says_nothing(column) for column in watched)
    seen = ", ".join(f"incoming_.{quote(n)}" for n in (*table.key, *sorted(table.unwatched)))
    grown = [f"known_.{quote(n)} > stored.{quote(n)}" for n in sorted(table.unwatched)]
    sets = [f"{quote(n)} = greatest(stored.{quote(n)}, known_.{quote(n)})"
            for n in sorted(table.unwatched)]  # fmt: skip
    return (
        f"""
create or replace temp table known_ as
select {seen}, incoming_.row_
from incoming_ inner join raw.{table.name} as stored on {_same_key(table, "incoming_", "stored")}
where incoming_.alone_ and {same}""",
        f"update raw.{table.name} as stored set {', '.join(sets)} from known_"
        f" where {_same_key(table, 'stored', 'known_')} and ({' or '.join(grown)})",
    )


def _says_nothing(column: Column) -> str:
    name = quote(column.name)
    match column.merge:
        case Merge.REPLACE:
            return f"incoming_.{name} is not distinct from stored.{name}"
        case Merge.LEAST:
            says_nothing = f"incoming_.{name} >= stored.{name}"
        case Merge.GREATEST:
            says_nothing = f"incoming_.{name} <= stored.{name}"
        case _:
            says_nothing = f"incoming_.{name} = stored.{name}"
    return f"(incoming_.{name} is null or {says_nothing})"


def merge_sql(table: RawTable) -> str:
    """Fold `incoming_` with the stored rows of the same keys into temporary table `merged_`."""
    columns = _list([c.name for c in table.columns])
    folded = ",\n    ".join(
        [
            *(quote(k) for k in table.key),
            *(_folded(c) for c in table.columns if c.name not in table.key),
        ]
    )
    return f"""
create or replace temp table merged_ as
with stored as (
  select {columns}, -1 as row_ from raw.{table.name} semi join incoming_ using ({_list(table.key)})
), both_ as (
  select *, ({table.precedence})::hugeint * {_ROWS} + row_ as rank_
  from (select * from stored union all by name select {columns}, row_ from incoming_)
)
select
    {folded}
from both_ group by {_list(table.key)}"""


def changed_sql(table: RawTable) -> str:
    """Keep in `changed_` the merged rows that are new or say something new (`is_new_`)."""
    watched = [
        c.name for c in table.columns if c.name not in table.key and c.name not in table.unwatched
    ]
    differs = " or ".join(f"merged_.{quote(n)} is distinct from stored.{quote(n)}" for n in watched)
    return f"""
create or replace temp table changed_ as
select merged_.*, stored.ingest_seq is null as is_new_
from merged_ left join raw.{table.name} as stored on {_same_key(table, "merged_", "stored")}
where stored.ingest_seq is null or {differs}"""


def remember_sql(table: RawTable, seq: int) -> str:
    """Remember what incremental models may have said of the rows that `changed_` replaces."""
    names = _list([*table.key, *table.remembered])
    return (
        f"insert into state.replaced_{table.name} ({names}, replaced_seq, ingest_seq)"
        f" select {names}, ingest_seq, {seq} from raw.{table.name} as stored"
        f" semi join (from changed_ where not is_new_) as changed using ({_list(table.key)})"
    )


def replace_sql(table: RawTable, seq: int) -> tuple[str, str]:
    """Delete and insert the rows of `changed_`."""
    columns = _list([c.name for c in table.columns])
    return (
        f"delete from raw.{table.name} as stored using changed_"
        f" where {_same_key(table, 'stored', 'changed_')}",
        f"insert into raw.{table.name} ({columns}, ingest_seq)"
        f" select {columns}, {seq} from changed_",
    )


def touch_sql(table: RawTable) -> str:
    """Store unwatched columns of unchanged rows without making them news."""
    sets = ", ".join(f"{quote(n)} = merged_.{quote(n)}" for n in sorted(table.unwatched))
    differs = " or ".join(
        f"stored.{quote(n)} is distinct from merged_.{quote(n)}" for n in sorted(table.unwatched)
    )
    return f"""
update raw.{table.name} as stored set {sets}
from merged_ where {_same_key(table, "stored", "merged_")} and ({differs})"""
