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


def frame_of(folder: Path, *, pairs: bool) -> pl.DataFrame:
    """Return the attempts of the job log as the connector makes them; without pairs, ends alone."""
    frames, carry = [], ""
    with (folder / "jobs.jsonl").open(encoding="utf-8") as file:
        while payload := file.read(PIECE):
            envelope = Envelope("s", "job_log", "f", payload, NOW, NOW, stream="l")
            parsed = connector("cbcr").parse(envelope, carry=carry)
            assert parsed.rejects == (), parsed.rejects[0]
            carry = parsed.carry
            frames.append(parsed.frames["backup_jobs"])
    frame = pl.concat(frames)
    return frame if pairs else frame.filter(pl.col("finished_at").is_not_null())


def load(folder: Path, *, pairs: bool, again: bool) -> Callable[[], int]:
    """Load the attempts, which are Arrow already."""
    frame = frame_of(folder, pairs=pairs)
    path = folder / f"load-{pairs}.duckdb"
    warehouse = FileWarehouse(path, folder / "serving")

    def work() -> int:
        with warehouse.write() as session:
            result = session.load("backup_jobs", frame)
        assert result.changed == 0 if again else result.changed > 0
        return frame.height

    with warehouse.write():
        return work


def work_of(step: str, folder: Path, count: int) -> Callable[[], int]:
    """Return the work of a step, prepared."""
    match step:
        case "DuckDB read_json":
            return lambda: read_json(folder)
        case "Polars scan_ndjson":
            return lambda: scan_ndjson(folder)
        case "DuckDB regexp_extract":
            return lambda: regexp(folder)
        case "job log, disk to warehouse":
            return ingest(folder, "job_log", "backup_jobs", count)
        case "backup logs, disk to warehouse":
            return ingest(folder, "backup_log", "backup_jobs", count)
        case "load ends from Arrow":
            return load(folder, pairs=False, again=False)
        case "load the same ends again":
            return load(folder, pairs=False, again=True)
        case "load begins and ends from Arrow":
            return load(folder, pairs=True, again=False)
        case "load the same pairs again":
            return load(folder, pairs=True, again=True)
    raise SystemExit(f"there is no step {step!r}")


BASELINES = {
    "Polars scan_ndjson": "DuckDB read_json",
    "job log, disk to warehouse": "DuckDB read_json",
    "backup logs, disk to warehouse": "DuckDB regexp_extract",
    "load ends from Arrow": "DuckDB read_json",
    "load the same ends again": "DuckDB read_json",
    "load begins and ends from Arrow": "DuckDB read_json",
    "load the same pairs again": "DuckDB read_json",
}
STEPS = tuple(dict.fromkeys(["DuckDB read_json", "DuckDB regexp_extract", *BASELINES]))


def main() -> None:
    """Measure every step and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--step", help="one step alone, in this process")
    parser.add_argument("--folder", type=Path, help="where the logs of --step lie")
    arguments = parser.parse_args()
    if arguments.step:
        work = work_of(arguments.step, arguments.folder, arguments.records)
        print(dump(measure(arguments.step, work)))
        return
    print(machine())
    with tempfile.TemporaryDirectory(prefix="cbcr-ingest-") as name:
        prepare(Path(name), arguments.records)
        common = ("--folder", name, "--records", str(arguments.records))
        rows = [apart(__file__, "--step", step, *common) for step in STEPS]
        table(f"Ingest of {arguments.records:,} records", rows, BASELINES)


if __name__ == "__main__":
    main()
