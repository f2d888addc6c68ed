"""chDB (ClickHouse in the process) on a MergeTree that is sorted by instance and finish.

Belongs here: queries. It is no dependency of CBCR: make an environment for it with
`uv venv DIR && uv pip install --python DIR/bin/python chdb` and name it with --chdb DIR.
"""

import time

import chdb
from chdb import session
from timing import Query, Question, answer, question, say, status_figures


def main() -> None:
    """Answer one question."""
    asked = question()
    base = session.Session(str(asked.folder / "chdb"))
    if asked.query == "prepare":
        prepare(base, asked)
    else:
        answer(queries(base, asked)[asked.query])


def prepare(base: session.Session, asked: Question) -> None:
    """Load, sorted."""
    begun = time.perf_counter()
    base.query("create database if not exists b")
    for table, order in (("jobs", "(instance, finished_at)"), ("instances", "instance")):
        base.query(f"drop table if exists b.{table}")
        base.query(
            f"create table b.{table} engine = MergeTree order by {order}"
            " settings allow_nullable_key = 1"
            f" as select * from file('{asked.folder / table}.parquet', Parquet)"
        )
    base.query("optimize table b.jobs final")
    took = time.perf_counter() - begun
    size = base.query(
        "select sum(bytes_on_disk) from system.parts where active and database = 'b'", "CSV"
    )
    say(load_s=took, size_mib=int(str(size)) / 2**20, version=chdb.__version__)


def queries(base: session.Session, asked: Question) -> dict[str, Query]:
    """Return the queries by name."""

    def rows(sql: str, form: str = "CSV") -> bytes:
        return bytes(base.query(sql, form).bytes())

    def lines(found: bytes) -> list[list[str]]:
        return [line.replace('"', "").split(",") for line in found.decode().splitlines()]

    return {
        "rpo_now": Query(
            lambda: rows(rpo_now(asked.now_us)),
            lambda found: status_figures(
                [(status, None if age == "\\N" else int(age)) for _, status, age in lines(found)]
            ),
        ),
        "violations": Query(
            lambda: rows(violations(asked.now_us)),
            lambda found: [int(value) for value in lines(found)[0]],
        ),
        "history": Query(
            lambda: rows(f"select * from b.jobs where instance = {asked.instance}"),
            lambda found: [len(lines(found))],
        ),
    }


def rpo_now(now_us: int) -> str:
    """Age of the newest usable point, and what it means."""
    now = f"fromUnixTimestamp64Micro(toInt64({now_us}))"
    return f"""
with points as (
  select instance,
    {now_us} - toUnixTimestamp64Micro(assumeNotNull(max(recovery_point_at))) as age_us
  from b.jobs
  where recovery_point_at <= {now} and finished_at <= {now}
    and (usable_until is null or usable_until > {now})
  group by instance)
select instance,
  multiIf(age_us is null, 'unknown', age_us > rpo_us, 'breached', age_us > 0.75 * rpo_us,
    'approaching', 'ok') as status, age_us
from b.instances as i left join points using (instance)
settings join_use_nulls = 1"""


def violations(now_us: int) -> str:
    """Running maximum over finish order, and the next completion."""
    return f"""
with held as (
  select instance, c, max(p) over (partition by instance order by c
      rows between unbounded preceding and current row) as p,
    leadInFrame(c, 1, toInt64({now_us})) over (partition by instance order by c
      rows between current row and 1 following) as n
  from (
    select instance, toUnixTimestamp64Micro(assumeNotNull(finished_at)) as c,
      toUnixTimestamp64Micro(assumeNotNull(recovery_point_at)) as p
    from b.jobs
    where recovery_point_at is not null
      and finished_at <= fromUnixTimestamp64Micro(toInt64({now_us}))))
select count(), sum(n - greatest(c, p + rpo_us))
from held inner join b.instances as i using (instance)
where n > p + rpo_us and n > c"""


if __name__ == "__main__":
    main()
