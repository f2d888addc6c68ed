"""A million records from log files on disk to the warehouse, beside engines that only read text.

Usage: python benchmarks/ingest.py [--records 1000000]

Each step runs in a process of its own. Ingest is the way of `cbcr pull`: the file feed cuts the log
into envelopes, the pull reads, checks, loads and acknowledges them. The baselines are DuckDB and
Polars reading the same text into a table, which neither check a value nor keep what is wrong. A
record is a line: of the job log an event, of the backup logs a line of any kind (13 lines make an
attempt).

Belongs here: the steps. Does not belong here: the text (see `logs`) or the table (see `measure`).
"""

import argparse
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import history
import polars as pl
from logs import START, write_backup_logs, write_job_log
from measure import apart, dump, machine, measure, table

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.registry import connector
from cbcr_assets.steps.platform import Platform, open_platform
from cbcr_assets.steps.watch import collect_source, pull_source, sync_inventory
from cbcr_assets.warehouse import FileWarehouse

NOW = START + timedelta(days=999)
PIECE = 8 * 1024 * 1024
BATCH = 180_000  # what 32 MiB of a job log come to, the most that a pull reads at a time
CHUNK = 500_000
CONFIG = """
sources:
  job_log:
    tool: cbcr
    feeds: [{{kind: job_log, file: {folder}/jobs.jsonl}}]
  backup_log:
    tool: pgbackrest
    feeds: [{{kind: backup_log, file: "{folder}/pgbackrest/*-backup.log"}}]
"""
INVENTORY = """
instances:
  - {id: orders, db_type: postgresql, team: payments, tier: 1, rpo: 1h, rto: 1h}
"""
_STAMPED = r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) P(\d{2,4}) +([A-Z]+): (.*)$"


def prepare(folder: Path, count: int) -> None:
    """Write the logs and a configuration that reads them."""
    write_job_log(folder / "jobs.jsonl", count)
    write_backup_logs(folder / "pgbackrest", count)
    (folder / "cbcr.yaml").write_text(CONFIG.format(folder=folder), encoding="utf-8")
    (folder / "inventory.yaml").write_text(INVENTORY, encoding="utf-8")


def opened(folder: Path) -> Platform:
    """Open the platform; its inventory is stored, so its warehouse is there."""
    platform = open_platform({"CBCR_CONFIG": str(folder / "cbcr.yaml")})
    sync_inventory(platform, now=NOW)
    return platform


def ingest(folder: Path, source_id: str, table_name: str, count: int) -> Callable[[], int]:
    """Collect and pull until there is no news."""
    platform = opened(folder)
    source = platform.config.sources[source_id]

    def work() -> int:
        seen, now = 0, NOW
        while True:
            now += timedelta(minutes=1)
            collected = collect_source(platform, source, now=now)
            assert not collected.errors, collected.errors
            report = pull_source(platform, source_id, now=now)
            assert report.ok, report.errors
            assert report.rejected == 0, report
            if not report.seen:
                break
            seen += report.seen
        with platform.warehouse.live(as_of=now) as session:
            rows = session.rows(
                f"select count(*) from raw.{table_name} where source_id = '{source_id}'"
            )
        assert rows[0][0] > count // 40, rows
        return count

    return work


def read_json(folder: Path) -> int:
    """DuckDB reads the job log into a table on disk."""
    con = duckdb.connect(str(folder / "json.duckdb"))
    con.execute(f"create table t as from read_json('{folder / 'jobs.jsonl'}')")
    return _count(con)


def scan_ndjson(folder: Path) -> int:
    """Polars reads the job log into a frame."""
    return pl.scan_ndjson(folder / "jobs.jsonl").collect().height


def regexp(folder: Path) -> int:
    """DuckDB splits pgBackRest's lines into stamp, process, level and text."""
    con = duckdb.connect(str(folder / "lines.duckdb"))
    con.execute(
        "create table t as select filename, regexp_extract(line, ?, ['at', 'process', 'level',"
        " 'text']) as said from read_csv(?, columns = {'line': 'varchar'}, delim = chr(1),"
        " quote = '', escape = '', header = false, filename = true, null_padding = true)",
        [_STAMPED, str(folder / "pgbackrest" / "*-backup.log")],
    )
    return _count(con)


def _count(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute("select count(*) from t").fetchone()
    con.close()
    return int(row[0]) if row else 0


def write_arrow(folder: Path) -> int:
    """Write the attempts of the job log, as the connector makes them, to Arrow files.

    Pairs are begins and ends of attempts, ends are the ends alone.
    """
    frames, carry = [], ""
    with (folder / "jobs.jsonl").open(encoding="utf-8") as file:
        while payload := file.read(PIECE):
            envelope = Envelope("s", "job_log", "f", payload, NOW, NOW, stream="l")
            parsed = connector("cbcr").parse(envelope, carry=carry)
            assert parsed.rejects == (), parsed.rejects[0]
            carry = parsed.carry
            frames.append(parsed.frames["backup_jobs"])
    pairs = pl.concat(frames)
    pairs.write_ipc(folder / "pairs.arrow")
    pairs.filter(pl.col("finished_at").is_not_null()).write_ipc(folder / "ends.arrow")
    return pairs.height


def load(folder: Path, name: str, *, again: bool) -> Callable[[], int]:
    """Load attempts, which are Arrow already, in transactions of the size of a pull's."""
    frame = pl.scan_ipc(folder / f"{name}.arrow")
    height = frame.select(pl.len()).collect().item()
    warehouse = FileWarehouse(folder / f"load-{name}.duckdb", folder / "serving")

    def work() -> int:
        changed = 0
        for first in range(0, height, BATCH):
            with warehouse.write() as session:
                changed += session.load("backup_jobs", frame.slice(first, BATCH).collect()).changed
        assert (changed == 0) == again, changed
        return height

    with warehouse.write():
        return work


def load_hour(folder: Path, stored: int) -> Callable[[], int]:
    """Load an hour of a fleet into tables that hold `stored` attempts and as many sets."""
    warehouse = FileWarehouse(folder / f"hour-{stored}.duckdb", folder / "serving")
    with warehouse.write() as session:
        for first in range(0, stored, CHUNK):
            for statement in history.statements(range(first, min(stored, first + CHUNK))):
                session.execute(statement)
    with warehouse.write() as session:
        batches = history.hour(session, stored, now=NOW)

    def work() -> int:
        with warehouse.write() as session:
            results = [session.load(table, frame) for table, frame in batches.items()]
        assert all(r.inserted and r.updated for r in results), results
        with warehouse.write() as session:
            again = [session.load(table, frame) for table, frame in batches.items()]
        assert not any(r.changed for r in again), again
        return sum(frame.height for frame in batches.values())

    return work


def works(folder: Path, count: int) -> dict[str, Callable[[], Callable[[], int]]]:
    """Return the steps; each is prepared by calling it, which gives the work to measure."""
    return {
        "DuckDB read_json": lambda: lambda: read_json(folder),
        "DuckDB regexp_extract": lambda: lambda: regexp(folder),
        "Polars scan_ndjson": lambda: lambda: scan_ndjson(folder),
        "job log, disk to warehouse": lambda: ingest(folder, "job_log", "backup_jobs", count),
        "backup logs, disk to warehouse": lambda: ingest(
            folder, "backup_log", "backup_jobs", count
        ),
        "load ends from Arrow": lambda: load(folder, "ends", again=False),
        "load the same ends again": lambda: load(folder, "ends", again=True),
        "load begins and ends from Arrow": lambda: load(folder, "pairs", again=False),
        "load the same pairs again": lambda: load(folder, "pairs", again=True),
        "load an hour twice, 1M stored": lambda: load_hour(folder, 1_000_000),
        "load an hour twice, 10M stored": lambda: load_hour(folder, 10_000_000),
        ARROW: lambda: lambda: write_arrow(folder),
    }


BASELINES = {
    "Polars scan_ndjson": "DuckDB read_json",
    "job log, disk to warehouse": "DuckDB read_json",
    "backup logs, disk to warehouse": "DuckDB regexp_extract",
    "load ends from Arrow": "DuckDB read_json",
    "load the same ends again": "DuckDB read_json",
    "load begins and ends from Arrow": "DuckDB read_json",
    "load the same pairs again": "DuckDB read_json",
}
ARROW = "write Arrow"


def main() -> None:
    """Measure every step and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--step", help="one step alone, in this process")
    parser.add_argument("--folder", type=Path, help="where the logs of --step lie")
    arguments = parser.parse_args()
    if arguments.step:
        work = works(arguments.folder, arguments.records)[arguments.step]()
        print(dump(measure(arguments.step, work)))
        return
    print(machine())
    with tempfile.TemporaryDirectory(prefix="cbcr-ingest-") as name:
        prepare(Path(name), arguments.records)
        apart(__file__, "--step", ARROW, "--folder", name)
        common = ("--folder", name, "--records", str(arguments.records))
        rows = [
            apart(__file__, "--step", step, *common)
            for step in works(Path(name), 0)
            if step != ARROW
        ]
        table(f"Ingest of {arguments.records:,} records", rows, BASELINES)


if __name__ == "__main__":
    main()
