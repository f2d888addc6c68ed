"""The read-only query guard: one SELECT on a published snapshot, and nothing else.

Belongs here: what `cbcr sql` may run. Does not belong here: output formats.
"""

import resource
from pathlib import Path

import duckdb
import polars as pl

from cbcr_assets.warehouse.base import WarehouseError
from cbcr_assets.warehouse.settings import SETTINGS

_MEMORY_BYTES = 4 << 30
# DuckDB's own memory limit does not bind constant expressions, the address space does.
_ADDRESS_SPACE_BYTES = 16 << 30

_LOCKED_DOWN = (
    *SETTINGS,
    "set temp_directory = ''",
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set allow_community_extensions = false",
    "set python_enable_replacements = false",
    "set enable_external_access = false",
    "set lock_configuration = true",
)


def limit_memory(most_bytes: int = _ADDRESS_SPACE_BYTES) -> None:
    """Bound this process's address space, so that no query can exhaust the machine."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = most_bytes if hard == resource.RLIM_INFINITY else min(hard, most_bytes)
    if soft == resource.RLIM_INFINITY or soft > wanted:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def guarded_query(
    snapshot: Path, sql: str, *, max_rows: int, memory_bytes: int = _MEMORY_BYTES, threads: int = 0
) -> pl.DataFrame:
    """Run one SELECT on a snapshot, without files, network, settings or writes.

    Args:
        snapshot: File of a published snapshot.
        sql: Exactly one SELECT statement.
        max_rows: Rows to return at most.
        memory_bytes: What the engine may hold at most.
        threads: How many it may use; 0: as many as there are.

    Raises:
        WarehouseError: Not one SELECT, or the query failed; the message is the engine's.
    """
    limits: dict[str, str | bool | int | float | list[str]] = {"memory_limit": f"{memory_bytes}b"}
    if threads:
        limits["threads"] = threads
    with duckdb.connect(str(snapshot), read_only=True, config=limits) as con:
        for setting in _LOCKED_DOWN:
            con.execute(setting)
        try:
            statements = con.extract_statements(sql)
        except duckdb.Error as error:
            raise WarehouseError(f"this is not SQL: {error}") from error
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise WarehouseError("one SELECT statement, please; nothing else is allowed here")
        try:
            return con.sql(statements[0].query).limit(max_rows).pl()
        except duckdb.Error as error:
            raise WarehouseError(str(error)) from error
