"""The raw tables themselves: what each row is, its key, and every column.

Belongs here: definitions, one a table, readable as a table. Does not belong here: how a definition
becomes DDL or a schema (see `tables`).
"""

from cbcr_assets.records import remembered
from cbcr_assets.records.tables import Merge, RawTable, columns

# What today's inventory says replaces what yesterday's said, empty or not.
_PROMISES = """
db_type cluster_id host environment team tier rpo_s rto_s timezone full_schedule
incr_schedule grace_s log_archiving drill_every_s storage_volume network_link
retired_at exclusions
"""

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
        columns("""
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
        columns("""
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
        columns(
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
        columns(
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
            dict.fromkeys(_PROMISES.split(), Merge.REPLACE),
        ),
        "What must be protected, and what was promised for it.",
        merged=True,
    ),
    RawTable(
        "instance_aliases",
        ("source_id", "native_instance"),
        columns(
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
        columns("""
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
        columns(
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
        remembered=remembered.OF_ATTEMPTS,
    ),
    RawTable(
        "backup_sets",
        ("source_id", "repo", "label"),
        columns(
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
        remembered=remembered.OF_SETS,
    ),
    RawTable(
        "restore_jobs",
        ("source_id", "restore_key"),
        columns(
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
        columns("""
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
        columns("""
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
        columns("""
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
        columns("""
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
        columns("""
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
        columns(
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
