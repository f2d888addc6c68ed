"""What is remembered of a raw row that a later one replaces.

Belongs here: the columns by which incremental models find what they said of it, and whether the
news changes it. Does not belong here: the tables themselves (see `raw_tables`).
"""

OF_ATTEMPTS = (
    "instance_id",
    "started_at",
    "finished_at",
    "duration_s",
    "repo",
    "backup_type",
    "state",
    "backup_label",
    "source_bytes",
)
"""Of an attempt: where it lies in time, and what its size and duration were."""

OF_SETS = (
    "instance_id",
    "backup_type",
    "started_at",
    "finished_at",
    "source_bytes",
    "repo_bytes",
    "repo_delta_bytes",
)
"""Of a backup set: what its sizes were."""
