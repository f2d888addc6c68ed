"""The vocabulary of CBCR: states, kinds and the typed raw tables.

Belongs here: enums and the one definition of each raw table; Polars schemas and DDL follow from it.
Does not belong here: anything that reads, writes or computes. This package imports nothing of ours.
"""

from typing import TYPE_CHECKING

from cbcr_assets.lazy import imported_when_asked
from cbcr_assets.records.enums import (
    TERMINAL_STATES,
    BackupState,
    BackupType,
    Integrity,
    Lifecycle,
    RestorePurpose,
    Severity,
    SlaStatus,
    Verification,
)

if TYPE_CHECKING:
    from cbcr_assets.records.frames import empty_frame, raw_table, typed_frame
    from cbcr_assets.records.raw_tables import RAW_TABLES
    from cbcr_assets.records.tables import Column, Merge, RawTable

__all__ = [
    "RAW_TABLES",
    "TERMINAL_STATES",
    "BackupState",
    "BackupType",
    "Column",
    "Integrity",
    "Lifecycle",
    "Merge",
    "RawTable",
    "RestorePurpose",
    "Severity",
    "SlaStatus",
    "Verification",
    "empty_frame",
    "raw_table",
    "typed_frame",
]

# Imported when first asked for: Polars costs more than an idle pull.
_HOMES = {
    "empty_frame": "frames",
    "raw_table": "frames",
    "typed_frame": "frames",
    "RAW_TABLES": "raw_tables",
    "Column": "tables",
    "Merge": "tables",
    "RawTable": "tables",
}

__getattr__ = imported_when_asked(__name__, _HOMES)
