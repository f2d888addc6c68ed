"""How long raw tables are kept: what may go, and letting it go.

Belongs here: which tables have an age at all, whole days, and the file's size afterwards.
Does not belong here: when it happens, or the ages (see `cbcr_assets.config`).

Only evidence, samples and what was refused can be removed. Attempts, sets, restores, archives and
schedules are what history is computed from: they stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from cbcr_assets.warehouse.base import Session

PLAN: dict[str, Any] = {
    "table": pl.String,
    "keep_s": pl.Float64,
    "before": pl.Datetime("us"),
    "rows": pl.Int64,
    "of_rows": pl.Int64,
    "bytes": pl.Int64,
    "oldest": pl.Datetime("us"),
}


@dataclass(frozen=True)
class Ageing:
    """A table whose rows grow old.

    Attributes:
        table: Raw table.
        column: The time that counts.
        group: Its key in the configuration.
    """

    table: str
    column: str
    group: str


AGEING = (
    Ageing("observations", "observed_at", "observations"),
    Ageing("pulls", "finished_at", "pulls"),
    # What nobody released is still refused: forgetting it would let the row count again.
    Ageing("quarantine", "released_at", "quarantine"),
    Ageing("storage_samples", "sampled_at", "samples"),
    Ageing("network_samples", "sampled_at", "samples"),
    Ageing("queue_samples", "sampled_at", "samples"),
    Ageing("worker_samples", "sampled_at", "samples"),
)


def plan(session: Session, ages_s: Mapping[str, float | None], *, now: datetime) -> pl.DataFrame:
    """Say what would be removed.

    Args:
        session: Open session on a warehouse or a snapshot.
        ages_s: Seconds to keep, by group; None is for ever.
        now: Present, naive UTC.

    Returns:
        One row a table that may lose rows: `before` is a midnight, `rows` of `of_rows` are older,
        `bytes` their share of the table's blocks.
    """
    rows = []
    for ageing in AGEING:
        keep_s = ages_s[ageing.group]
        if keep_s is None:
            continue
        before = _midnight(now - timedelta(seconds=keep_s))
        gone, total, oldest = session.query(
            f"select count(*) filter ({ageing.column} < $before), count(*), min({ageing.column})"
            f" from raw.{ageing.table}",
            {"before": before},
        ).row(0)
        size = _table_bytes(session, ageing.table) if gone else 0
        share = size * gone // total if total else 0
        rows.append((ageing.table, keep_s, before, gone, total, share, oldest))
    return pl.DataFrame(rows, schema=PLAN, orient="row")


def apply(session: Session, planned: pl.DataFrame) -> None:
    """Remove what a plan says, in whole days: freed blocks are used again."""
    columns = {ageing.table: ageing.column for ageing in AGEING}
    for row in planned.filter(pl.col("rows") > 0).iter_rows(named=True):
        session.execute(
            f"delete from raw.{row['table']} where {columns[row['table']]} < $before",
            {"before": row["before"]},
        )


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _table_bytes(session: Session, table: str) -> int:
    blocks, size = session.query(
        f"select count(distinct block_id), (select block_size from pragma_database_size() limit 1)"
        f" from pragma_storage_info('raw.{table}') where persistent"
    ).row(0)
    return int(blocks) * int(size)
