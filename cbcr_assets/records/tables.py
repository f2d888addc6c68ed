"""The raw tables: one definition each, from which DDL, Polars schemas and the merge rules follow.

Belongs here: column names, kinds, units, keys and how two observations of one row are merged.
Does not belong here: SQL that runs, files, connections (see `cbcr_assets.warehouse`).

Every timestamp is naive UTC with microseconds, bytes are BIGINT, durations DOUBLE seconds, ids
text. Each table also carries `ingest_seq BIGINT`, the watermark of incremental models, which the
load assigns.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import polars as pl

_EXCLUSION: dict[str, Any] = {
    "start": pl.Datetime("us"),
    "stop": pl.Datetime("us"),
    "reason": pl.String,
}

_KINDS: dict[str, tuple[str, Any]] = {
    "text": ("varchar", pl.String),
    "timestamp": ("timestamp", pl.Datetime("us")),
    "bigint": ("bigint", pl.Int64),
    "integer": ("integer", pl.Int32),
    "double": ("double", pl.Float64),
    "boolean": ("boolean", pl.Boolean),
    "exclusions": (
        'struct("start" timestamp, "stop" timestamp, reason varchar)[]',
        pl.List(pl.Struct(_EXCLUSION)),
    ),
}


class Merge(StrEnum):
    """How the value of a column follows from several observations of one row."""

    FILL = "fill"  # the value of the observation that knows best, nulls never overwrite
    REPLACE = "replace"  # the newest observation wins, nulls included
    LEAST = "least"
    GREATEST = "greatest"
    WORST = "worst"  # integrity: what was once found corrupt stays so


@dataclass(frozen=True)
class Column:
    """One column of a raw table.

    Attributes:
        name: Column name; `_at` is naive UTC, `_s` seconds, `_bytes` bytes.
        kind: One of text, timestamp, bigint, integer, double, boolean, exclusions.
        meaning: What the value says, for the data dictionary.
        merge: How two observations of the same row are combined.
    """

    name: str
    kind: str
    meaning: str
    merge: Merge = Merge.FILL

    @property
    def sql_type(self) -> str:
        """The DuckDB type."""
        return _KINDS[self.kind][0]

    @property
    def polars_type(self) -> Any:
        """The Polars type."""
        return _KINDS[self.kind][1]


@dataclass(frozen=True)
class RawTable:
    """One raw table: key, columns and what decides between two observations of one row.

    Attributes:
        name: Table name inside schema `raw`.
        key: Key columns, all of them not null.
        columns: All columns without `ingest_seq`, key first.
        meaning: What one row is.
        merged: False for append-only evidence (first writer wins), True where later observations
            improve a row.
        precedence: SQL expression over the columns, larger knows better; ties go to the newcomer.
        unwatched: Columns whose change alone is no news for incremental models.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    meaning: str
    merged: bool = False
    precedence: str = "0"
    unwatched: frozenset[str] = frozenset()

    @property
    def polars_schema(self) -> dict[str, Any]:
        """Column name to Polars type."""
        return {column.name: column.polars_type for column in self.columns}

    @property
    def ddl(self) -> str:
        """The `create table` statement."""
        lines = [
            f'    "{c.name}" {c.sql_type}{" not null" if c.name in self.key else ""}'
            for c in self.columns
        ]
        body = ",\n".join([*lines, "    ingest_seq bigint not null"])
        return f"create table if not exists raw.{self.name} (\n{body}\n)"


def _columns(spec: str, merge: dict[str, Merge] | None = None) -> tuple[Column, ...]:
    """Read `name kind meaning` lines; a table is easier to check as a table."""
    rules = merge or {}
    rows = (line.split(None, 2) for line in spec.strip().splitlines())
    return tuple(Column(n, k, m, rules.get(n, Merge.FILL)) for n, k, m in rows)


_SEEN = {"first_seen_at": Merge.LEAST, "last_seen_at": Merge.GREATEST}
_LAST_SEEN_US = "epoch_us(coalesce(last_seen_at, timestamp '1970-01-01'))"
_STATE_RANK = (
    "case state when 'queued' then 0 when 'running' then 1 when 'lost' then 2 else 3 end"
    f" * 1000000000000000000 + {_LAST_SEEN_US}"
)

_ATTEMPT_TAIL = """
error_code text the tool's own code, such as 056
error_class text our class: lock, unreachable, no_space, checksum, target, signal, timeout, other
error_text text first error line, redacted and capped at 2,000 characters
"""

RAW_TABLES: tuple[RawTable, ...] = (
    RawTable(
        "pulls",
        ("pull_id",),
        _columns("""
pull_id text one attempt to read a source
source_id text the configured source
kind text feed kind that was read
started_at timestamp when the source was asked
finished_at timestamp when its answer was complete
ok boolean the source answered and the answer could be read
complete boolean the answer lists everything that exists, so absence means gone
row_count bigint records read, rejects included
cursor_from text stream state before the pull, JSON
cursor_to text stream state after the pull, JSON
error text why the pull is not ok
"""),
        "One reading of one feed of a source, successful or not.",
    ),
    RawTable(
        "observations",
        ("source_id", "kind", "native_id", "content_sha256"),
        _columns("""
source_id text the configured source
kind text feed kind
native_id text name of the observed thing, such as the envelope file
content_sha256 text hash of the payload
observed_at timestamp when the source said this
pull_id text the pull that brought it
payload text what was said, byte for byte where it is text
"""),
        "Append-only evidence: what each source said, and when.",
    ),
    RawTable(
        "sources",
        ("source_id",),
        _columns(
            """
source_id text the configured source
tool text the tool that it reads
every_s double seconds between two readings
stale_after_s double without a good reading for this long the source is stale
retired_at timestamp no longer configured since
""",
            dict.fromkeys(("tool", "every_s", "stale_after_s", "retired_at"), Merge.REPLACE),
        ),
        "The configured sources: the mirror of cbcr.yaml that staleness is judged by.",
        merged=True,
    ),
    RawTable(
        "instances",
        ("instance_id",),
        _columns(
            """
instance_id text the database instance
db_type text postgresql, mariadb, mysql, oracle, sqlserver, mongodb, other
cluster_id text cluster or system identifier
host text where it runs
environment text production, staging, test, ...
team text owner, the routing label of alerts
tier integer 1 is the most important
rpo_s double recovery point objective, seconds
rto_s double recovery time objective, seconds
timezone text IANA zone of the schedules
full_schedule text cron expression of full backups
incr_schedule text cron expression of incremental or differential backups
grace_s double seconds after the scheduled time before a backup counts as missed
log_archiving boolean continuous archiving is expected
drill_every_s double a restore drill is due this often, seconds
storage_volume text volume that holds the backups
network_link text link that carries the backups
protect_from timestamp protection is promised from this moment
retired_at timestamp decommissioned at
exclusions exclusions maintenance windows left out of compliance
""",
            dict.fromkeys(
                [
                    "db_type",
                    "cluster_id",
                    "host",
                    "environment",
                    "team",
                    "tier",
                    "rpo_s",
                    "rto_s",
                    "timezone",
                    "full_schedule",
                    "incr_schedule",
                    "grace_s",
                    "log_archiving",
                    "drill_every_s",
                    "storage_volume",
                    "network_link",
                    "retired_at",
                    "exclusions",
                ],
                Merge.REPLACE,
            ),
        ),
        "What must be protected, and what was promised for it.",
        merged=True,
    ),
    RawTable(
        "instance_aliases",
        ("source_id", "native_instance"),
        _columns(
            """
source_id text the configured source
native_instance text the name that source uses
instance_id text the instance it means
""",
            {"instance_id": Merge.REPLACE},
        ),
        "Which instance a source's own name means.",
        merged=True,
    ),
    RawTable(
        "scheduled_runs",
        ("instance_id", "backup_type", "scheduled_at"),
        _columns("""
instance_id text the database instance
backup_type text full or incr
scheduled_at timestamp when the schedule asks for a backup
due_at timestamp scheduled_at plus the grace: after it a run without an attempt is missed
"""),
        "The inventory's cron schedules, expanded in each instance's own zone (DST-safe).",
        merged=True,
    ),
    RawTable(
        "backup_jobs",
        ("source_id", "attempt_key"),
        _columns(
            """
source_id text the configured source
attempt_key text identity of one start of a backup command
native_instance text name of the instance in the source
instance_id text the instance, NULL while the alias is unmapped
tool text backup tool
repo text repository the backup went to
backup_type text full, diff, incr, dump, snapshot
state text queued, running, succeeded, succeeded_with_warnings, failed, cancelled, lost
scheduled_at timestamp when it should have started
started_at timestamp when it started
finished_at timestamp when it ended
duration_s double seconds as the tool measured them
exit_code integer exit code of the command
"""
            + _ATTEMPT_TAIL.strip()
            + """
backup_label text label of the backup set it made
source_bytes bigint bytes read from the database
transferred_bytes bigint bytes written to the repository
worker text host or worker that ran it
evidence text log, catalog or wrapper
first_seen_at timestamp first observation
last_seen_at timestamp newest observation
""",
            _SEEN,
        ),
        "Backup attempts: every start of a backup command, whatever its outcome.",
        merged=True,
        precedence=_STATE_RANK,
        unwatched=frozenset({"last_seen_at"}),
    ),
    RawTable(
        "backup_sets",
        ("source_id", "repo", "label"),
        _columns(
            """
source_id text the configured source
repo text repository, such as repo1
label text the tool's name of the set
native_instance text name of the instance in the source
instance_id text the instance, NULL while the alias is unmapped
backup_type text full, diff, incr, dump, snapshot
started_at timestamp start of the backup
finished_at timestamp end of the backup
recovery_point_at timestamp the moment of data it brings back
log_start text first log segment it needs
log_stop text last log segment it needs
parent_label text the set it depends on
source_bytes bigint size of the database
repo_bytes bigint bytes of the set with all it refers to
repo_delta_bytes bigint bytes that this set added
integrity text ok, suspect, corrupt, unchecked
expires_at timestamp planned expiry
lifecycle text available, expired, purged, corrupt
unusable_from timestamp gone or known bad from here on
first_seen_at timestamp first observation
last_seen_at timestamp newest observation
""",
            _SEEN | {"unusable_from": Merge.LEAST, "integrity": Merge.WORST},
        ),
        "Backup sets: what a catalog says can be restored. Survivors only.",
        merged=True,
        precedence=_LAST_SEEN_US,
        unwatched=frozenset({"last_seen_at"}),
    ),
    RawTable(
        "restore_jobs",
        ("source_id", "restore_key"),
        _columns(
            """
source_id text the configured source
restore_key text identity of one restore
native_instance text name of the instance in the source
instance_id text the instance, NULL while the alias is unmapped
purpose text drill, real, unknown
source_label text the backup set it restored
target_at timestamp moment that was asked for
recovered_to_at timestamp moment that was reached
requested_at timestamp when the restore was asked for
started_at timestamp when the tool started
restored_at timestamp when the files were back
recovered_at timestamp when the logs were replayed
verified_at timestamp when the data was proven good
bytes bigint bytes restored
state text queued, running, succeeded, succeeded_with_warnings, failed, cancelled, lost
verification text passed, failed, none
checks text what was verified, JSON
"""
            + _ATTEMPT_TAIL.strip()
            + """
first_seen_at timestamp first observation
last_seen_at timestamp newest observation
""",
            _SEEN,
        ),
        "Restores: drills and real ones, with the phases that were measured.",
        merged=True,
        precedence=_STATE_RANK,
        unwatched=frozenset({"last_seen_at"}),
    ),
    RawTable(
        "log_archive",
        ("source_id", "native_instance", "sampled_at"),
        _columns("""
source_id text the configured source
native_instance text name of the instance in the source
sampled_at timestamp when the archive was looked at
instance_id text the instance, NULL while the alias is unmapped
kind text wal or binlog
last_archived_at timestamp newest archived segment
pending_count bigint segments waiting for the archive
failed_count bigint failures since the server's statistics began
archived_from_at timestamp start of the gap-free stretch
archived_to_at timestamp end of the gap-free stretch
base_label text the backup set this stretch continues
"""),
        "Continuous archiving: one gap-free stretch of change log, as seen at a moment.",
    ),
    RawTable(
        "storage_samples",
        ("source_id", "volume", "sampled_at"),
        _columns("""
source_id text the configured source
volume text storage volume, pool or repository
sampled_at timestamp when it was measured
size_bytes bigint capacity
avail_bytes bigint bytes that can still be written
used_bytes bigint bytes in use
"""),
        "Fill of a storage volume at a moment.",
    ),
    RawTable(
        "network_samples",
        ("source_id", "link", "sampled_at"),
        _columns("""
source_id text the configured source
link text network link
sampled_at timestamp when it was measured
rx_bytes_s double bytes received per second
tx_bytes_s double bytes sent per second
capacity_bytes_s double capacity, NULL when unknown
error_rate double errors per packet
"""),
        "Load of a network link at a moment.",
    ),
    RawTable(
        "queue_samples",
        ("source_id", "queue", "sampled_at"),
        _columns("""
source_id text the configured source
queue text job queue
sampled_at timestamp when it was measured
depth bigint jobs waiting
oldest_wait_s double age of the oldest waiting job, seconds
done_per_s double jobs finished per second
"""),
        "State of a backup queue at a moment.",
    ),
    RawTable(
        "worker_samples",
        ("source_id", "pool", "sampled_at"),
        _columns("""
source_id text the configured source
pool text worker pool
sampled_at timestamp when it was measured
busy bigint workers at work
total bigint workers there are
last_heartbeat_at timestamp newest sign of life
"""),
        "State of a worker pool at a moment.",
    ),
    RawTable(
        "quarantine",
        ("quarantine_id",),
        _columns(
            """
quarantine_id text hash of what was refused and why
source_id text the configured source
table_name text raw table it was meant for, if known
native_id text where it came from: file and line
rule text the rule that refused it
reason text why, in words, with what to do
payload text what was refused
observed_at timestamp when it was refused
released_at timestamp when a person released it
""",
            {"observed_at": Merge.LEAST},
        ),
        "Input that was refused, kept whole, with the reason.",
        merged=True,
    ),
)

_BY_NAME = {table.name: table for table in RAW_TABLES}


def raw_table(name: str) -> RawTable:
    """Return the raw table called `name`.

    Raises:
        KeyError: There is no such table; the message lists those that exist.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise KeyError(f"no raw table {name!r}; there are: {', '.join(_BY_NAME)}") from None


def empty_frame(name: str) -> pl.DataFrame:
    """Return an empty frame with the schema of the raw table `name`."""
    return pl.DataFrame(schema=raw_table(name).polars_schema)


def typed_frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Build a frame of the raw table `name` from dicts; absent columns are null.

    Args:
        name: Raw table.
        rows: One dict a row. Timestamps must be naive UTC datetimes.

    Raises:
        ValueError: A row names a column that the table does not have.
        TypeError: A value does not fit its column.
    """
    schema = raw_table(name).polars_schema
    unknown = {field for row in rows for field in row} - schema.keys()
    if unknown:
        raise ValueError(f"raw.{name} has no column {', '.join(sorted(unknown))}")
    return pl.DataFrame(
        [[row.get(field) for field in schema] for row in rows],
        schema=schema,
        orient="row",
        strict=True,
    )
