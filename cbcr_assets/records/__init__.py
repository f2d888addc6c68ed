"""The vocabulary of CBCR: states, kinds and the typed raw tables.

Belongs here: enums and the one definition of each raw table; Polars schemas and DDL follow from it.
Does not belong here: anything that reads, writes or computes. This package imports nothing of ours.
"""

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
