"""Plain DuckDB on the same rows: a native file, and the query of one who knows it well.

Belongs here: queries. One more of them, `sort`, sorts the three columns and does nothing else: no
exact answer from unsorted rows can cost less.
"""

import time
from typing import Any

import duckdb
from timing import Query, Question, answer, question, say, status_figures


def main() -> None:
    """Answer one question."""
    asked = question()
    with duckdb.connect(str(asked.folder / "plain.duckdb"), config={"memory_limit": "6GB"}) as con:
        con.execute("set TimeZone = 'UTC'")
        if asked.query == "prepare":
            prepare(con, asked)
        else:
            answer(queries(con, asked)[asked.query])


def prepare(con: duckdb.DuckDBPyConnection, asked: Question) -> None:
    """Load."""
    begun = time.perf_counter()
    for table in ("jobs", "instances"):
        con.execute(f"create or replace table {table} as from '{asked.folder / table}.parquet'")
    con.execute("checkpoint")
    size = (asked.folder / "plain.duckdb").stat().st_size / 2**20
    say(load_s=time.perf_counter() - begun, size_mib=size, version=duckdb.__version__)


def queries(con: duckdb.DuckDBPyConnection, asked: Question) -> dict[str, Query]:
    """Return the queries by name."""

    def rows(sql: str) -> list[tuple[Any, ...]]:
        return con.execute(sql).fetchall()

    return {
        "rpo_now": Query(
            lambda: rows(rpo_now(asked.now_us)),
            lambda found: status_figures([(status, age) for _, status, age in found]),
        ),
        "violations": Query(
            lambda: rows(violations(asked.now_us)), lambda found: [int(v) for v in found[0]]
        ),
        "history": Query(
            lambda: rows(f"from jobs where instance = {asked.instance}"),
            lambda found: [len(found)],
        ),
        "sort": Query(lambda: con.execute(SORT), lambda _: []),
    }


SORT = """
create or replace temp table sorted_ as
select instance, finished_at, recovery_point_at from jobs where recovery_point_at is not null
order by instance, finished_at"""


def rpo_now(now_us: int) -> str:
    """Age of the newest usable point, and what it means."""
    return f"""
with points as (
  select instance, {now_us} - epoch_us(max(recovery_point_at)) as age_us
  from jobs
  where recovery_point_at <= make_timestamp({now_us}) and finished_at <= make_timestamp({now_us})
    and (usable_until is null or usable_until > make_timestamp({now_us}))
  group by instance)
select instance,
  case when age_us is null then 'unknown' when age_us > rpo_us then 'breached'
    when age_us > 0.75 * rpo_us then 'approaching' else 'ok' end as status, age_us
from instances left join points using (instance)"""


def violations(now_us: int) -> str:
    """One global sort, then windows without partitions, which stream over the sorted rows.

    The running maximum is that of a key whose high bits are the instance's number, so that it
    begins anew with each instance by itself.
    """
    return f"""
with sorted_ as (
  select instance, epoch_us(finished_at) as c, epoch_us(recovery_point_at) as p
  from jobs where recovery_point_at is not null and finished_at <= make_timestamp({now_us})
  order by instance, finished_at),
run as (
  select instance, c,
    max(instance::hugeint * 4503599627370496 + p) over (rows unbounded preceding)
      - instance::hugeint * 4503599627370496 as p,
    lead(c) over () as next_c, lead(instance) over () as next_instance
  from sorted_),
held as (
  select instance, c, p::bigint as p,
    case when next_instance = instance then next_c else {now_us} end as n
  from run)
select count(*), sum(n - greatest(c, p + rpo_us))
from held inner join instances using (instance)
where n > p + rpo_us and n > c"""


if __name__ == "__main__":
    main()
