"""A warehouse with a long history, and the hour that comes next.

Belongs here: rows of attempts and sets as pulls have stored them, by SQL for it is quick.
Does not belong here: measuring, or whole fleets with schedules (see `rpo`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from cbcr_assets.records import raw_table

_INSTANCES = 5_000
_NEW, _SEEN_AGAIN, _LATE = 1_000, 1_000, 50
_KEYS = {"backup_jobs": "attempt_key", "backup_sets": "label"}
_COMMON = f"""
  'source' || (i % 40) as source_id, 'db' || (i % {_INSTANCES}) as native_instance,
  'db' || (i % {_INSTANCES}) as instance_id, 'repo1' as repo,
  case when i % 7 = 0 then 'full' else 'incr' end as backup_type,
  timestamp '2024-01-01' + to_seconds(i * 6) as started_at,
  timestamp '2024-01-01' + to_seconds(i * 6 + 600 + i % 300) as finished_at,
  1000000 + i as source_bytes,
  timestamp '2024-01-01' + to_seconds(i * 6 + 1000) as first_seen_at,
  timestamp '2024-01-01' + to_seconds(i * 6 + 1000) as last_seen_at"""
_OWN = {
    # Keys as pgBackRest has them: spread at random over any time.
    "backup_jobs": f"""
  'db' || (i % {_INSTANCES}) || ':' || (hash(i) % 60000) || '-' || md5(i::text)[:8] as attempt_key,
  'pgbackrest' as tool, 'succeeded' as state, 600.0 + i % 300 as duration_s, 0 as exit_code,
  'L' || i as backup_label, 'w1' as worker, 'log' as evidence""",
    "backup_sets": f"""
  'db' || (i % {_INSTANCES}) || '/' || strftime(started_at, '%Y%m%d-%H%M%SF') as label,
  finished_at as recovery_point_at, 1000 + i as repo_bytes, 'ok' as integrity,
  'available' as lifecycle""",
}


def statements(numbers: range) -> Iterator[str]:
    """Yield the statements that store the attempts and sets of these numbers."""
    for table, own in _OWN.items():
        yield (
            f"insert into raw.{table} by name"
            f" select {_COMMON}, {own}, {numbers.start} + 1 as ingest_seq"
            f" from range({numbers.start}, {numbers.stop}) as numbers(i)"
        )


def hour(session: Any, stored: int, *, now: datetime) -> dict[str, pl.DataFrame]:
    """Return what the pulls of the next hour bring, by table.

    New rows, the newest ones as they are seen again, 300 from any time that have changed, and some
    that come ten years late.
    """
    return {table: _hour(session, table, stored, now) for table in _KEYS}


def _hour(session: Any, table: str, stored: int, now: datetime) -> pl.DataFrame:
    names = ", ".join(f'"{column.name}"' for column in raw_table(table).columns)
    read = f"select {names} from raw.{table} where rowid"
    again = session.query(f"{read} >= {stored - _SEEN_AGAIN}").with_columns(last_seen_at=now)
    changed = session.query(f"{read} % {stored // 300} = 7").with_columns(
        last_seen_at=pl.lit(now), source_bytes=pl.col("source_bytes") + 1
    )
    new = again[:_NEW].with_columns(pl.col(_KEYS[table]) + "x")
    late = new[:_LATE].with_columns(
        pl.col(_KEYS[table]) + "y", started_at=pl.col("started_at") - timedelta(days=3_653)
    )
    whole = pl.concat([again, changed, new, late])
    return whole.cast(raw_table(table).polars_schema)
