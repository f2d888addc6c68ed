"""PostgreSQL, a private cluster on a Unix socket, with the indexes that a user would make.

Belongs here: queries, and the server. `lateral` answers `rpo_now` by a look into an index for each
instance, for somebody who knows that the planner does not. Processor time and memory are those of
the server's processes, shared buffers included.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import psutil
import psycopg
from timing import Query, Question, answer, question, say, status_figures

_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "2GB",
    "work_mem": "512MB",
    "maintenance_work_mem": "1GB",
    "effective_cache_size": "4GB",
    "max_parallel_workers_per_gather": "2",
    "max_wal_size": "4GB",
    "fsync": "off",
    "jit": "off",
    "timezone": "UTC",
}
_TABLES = """
create table jobs (
  instance integer, backup_type text, state text, started_at timestamp, finished_at timestamp,
  recovery_point_at timestamp, usable_until timestamp);
create table instances (instance integer primary key, rpo_us bigint)"""
_INDEXES = """
create index on jobs (instance, finished_at);
create index on jobs (instance, recovery_point_at) where recovery_point_at is not null;
vacuum analyze"""


def main() -> None:
    """Answer one question."""
    asked = question()
    with server(asked.folder / "postgresql") as postmaster, connection(asked.folder) as con:
        if asked.query == "prepare":
            prepare(con, asked)
            return
        with watched(postmaster) as peak:
            found = queries(con, asked)[asked.query]
            answer(found, cpu=lambda: cpu_of(postmaster), peak=peak)


@contextmanager
def server(folder: Path) -> Iterator[psutil.Process]:
    """Run the server, made on first use; yield its first process."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if programs is None:
        sys.exit("PostgreSQL is not installed: apt-get install postgresql")
    data = folder / "data"
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root

    def run(*words: object) -> None:
        subprocess.run(
            [str(w) for w in words], user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL
        )

    if not data.exists():
        folder.mkdir(parents=True)
        if user:
            shutil.chown(folder, user)
        run(programs / "initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8")
    options = " ".join(f"-c {name}='{value}'" for name, value in _SETTINGS.items())
    options += f" -c unix_socket_directories='{folder}'"
    run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    try:
        yield psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
    finally:
        run(programs / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop")


@contextmanager
def connection(folder: Path) -> Iterator[psycopg.Connection[Any]]:
    """Connect to it."""
    address = f"host={folder / 'postgresql'} user=bench dbname=postgres"
    with psycopg.connect(address, autocommit=True) as con:
        yield con


def prepare(con: psycopg.Connection[Any], asked: Question) -> None:
    """Load, index, analyse."""
    con.execute("drop table if exists jobs, instances")
    con.execute(_TABLES)
    begun = time.perf_counter()
    for table in ("jobs", "instances"):
        copy(con, asked.folder, table)
    loaded = time.perf_counter()
    for statement in _INDEXES.split(";"):
        con.execute(statement)
    size = con.execute("select pg_total_relation_size('jobs')").fetchone()
    say(
        load_s=loaded - begun,
        index_s=time.perf_counter() - loaded,
        size_mib=(size or [0])[0] / 2**20,
        version=con.execute("show server_version").fetchone()[0].split()[0],  # type: ignore[index]
    )


def copy(con: psycopg.Connection[Any], folder: Path, table: str) -> None:
    """Copy a Parquet file into a table, as CSV over the socket."""
    text = folder / f"{table}.csv"
    duckdb.execute(f"copy (from '{folder / table}.parquet') to '{text}' (header false)")
    with (
        text.open("rb") as source,
        con.cursor().copy(f"copy {table} from stdin with (format csv)") as target,
    ):
        while piece := source.read(1 << 20):
            target.write(piece)
    text.unlink()


def cpu_of(postmaster: psutil.Process) -> float:
    """Return processor seconds of the server: processes that ended are counted by their parent."""
    total = 0.0
    for process in (postmaster, *postmaster.children()):
        with suppress(psutil.NoSuchProcess):
            used = process.cpu_times()
            total += used.user + used.system
            if process == postmaster:
                total += used.children_user + used.children_system
    return total


@contextmanager
def watched(postmaster: psutil.Process) -> Iterator[Callable[[], float]]:
    """Sample the server's memory; yield a function that tells the largest so far, MiB."""
    largest, done = [0.0], threading.Event()

    def look() -> float:
        private = shared = 0
        for process in (postmaster, *postmaster.children()):
            with suppress(psutil.NoSuchProcess):
                memory = process.memory_info()
                private += memory.rss - memory.shared
                shared = max(shared, memory.shared)
        largest[0] = max(largest[0], (private + shared) / 2**20)
        return largest[0]

    def sample() -> None:
        while not done.wait(0.05):
            look()

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield look
    finally:
        done.set()
        thread.join()


def queries(con: psycopg.Connection[Any], asked: Question) -> dict[str, Query]:
    """Return the queries by name."""

    def rows(sql: str) -> list[tuple[Any, ...]]:
        return con.execute(sql.encode()).fetchall()

    def statuses(found: list[tuple[Any, ...]]) -> list[int]:
        return status_figures([(status, age) for _, status, age in found])

    return {
        "rpo_now": Query(lambda: rows(rpo_now(asked.now_us, _GROUPED)), statuses),
        "lateral": Query(lambda: rows(rpo_now(asked.now_us, _LATERAL)), statuses),
        "violations": Query(
            lambda: rows(violations(asked.now_us)), lambda found: [int(v) for v in found[0]]
        ),
        "history": Query(
            lambda: rows(f"select * from jobs where instance = {asked.instance}"),
            lambda found: [len(found)],
        ),
    }


_NOW = "(timestamp '1970-01-01' + {now_us} * interval '1 microsecond')"
_USABLE = f"""recovery_point_at <= {_NOW} and finished_at <= {_NOW}
    and (usable_until is null or usable_until > {_NOW})"""
_GROUPED = f"""left join (
  select instance, max(recovery_point_at) as p from jobs where {_USABLE} group by instance
) as points using (instance)"""
_LATERAL = f"""left join lateral (
  select recovery_point_at as p from jobs where jobs.instance = i.instance and {_USABLE}
  order by recovery_point_at desc limit 1
) as points on true"""


def rpo_now(now_us: int, points: str) -> str:
    """Age of the newest usable point, and what it means."""
    return f"""
select instance,
  case when age_us is null then 'unknown' when age_us > rpo_us then 'breached'
    when age_us > 0.75 * rpo_us then 'approaching' else 'ok' end as status, age_us
from (
  select i.instance, i.rpo_us, (extract(epoch from {_NOW} - p) * 1000000)::bigint as age_us
  from instances as i {points}) as aged""".replace("{now_us}", str(now_us))


def violations(now_us: int) -> str:
    """Running maximum over finish order, and the next completion."""
    return f"""
with held as (
  select instance, finished_at as c, max(recovery_point_at) over w as p,
    coalesce(lead(finished_at) over w, {_NOW}) as n
  from jobs where recovery_point_at is not null and finished_at <= {_NOW}
  window w as (partition by instance order by finished_at)),
limited as (
  select c, n, p + rpo_us * interval '1 microsecond' as until_at
  from held join instances using (instance))
select count(*), (extract(epoch from sum(n - greatest(c, until_at))) * 1000000)::bigint
from limited where n > until_at and n > c""".replace("{now_us}", str(now_us))


if __name__ == "__main__":
    main()
