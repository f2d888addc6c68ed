"""The closed sets of words that raw tables, models and alerts use.

Belongs here: enumerations with their meaning. Does not belong here: rules about them.
"""

from enum import StrEnum


class BackupState(StrEnum):
    """State of one backup or restore attempt. A terminal state never goes back."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    SUCCEEDED_WITH_WARNINGS = "succeeded_with_warnings"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


TERMINAL_STATES: frozenset[BackupState] = frozenset(BackupState) - {
    BackupState.QUEUED,
    BackupState.RUNNING,
}


class BackupType(StrEnum):
    """What a backup copies: everything, or the difference to an earlier one."""

    FULL = "full"
    DIFF = "diff"
    INCR = "incr"
    DUMP = "dump"
    SNAPSHOT = "snapshot"


class Integrity(StrEnum):
    """What is known about the bytes of a backup set."""

    OK = "ok"
    SUSPECT = "suspect"
    CORRUPT = "corrupt"
    UNCHECKED = "unchecked"


class Lifecycle(StrEnum):
    """Whether a backup set can still be restored."""

    AVAILABLE = "available"
    EXPIRED = "expired"
    PURGED = "purged"
    CORRUPT = "corrupt"


class RestorePurpose(StrEnum):
    """Why a restore was made."""

    DRILL = "drill"
    REAL = "real"
    UNKNOWN = "unknown"


class Verification(StrEnum):
    """Whether the restored data was looked at. Without it a restore proves nothing."""

    PASSED = "passed"
    FAILED = "failed"
    NONE = "none"


class SlaStatus(StrEnum):
    """Status of one subject under one SLA rule. `unknown` is a state of its own, never ok."""

    OK = "ok"
    APPROACHING = "approaching"
    BREACHED = "breached"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How urgent a breach is for the people who are told about it."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
