"""How long tables are kept: what may go, and letting it go.

Belongs here: which tables have an age at all, whole days, and what must have happened before.
Does not belong here: when it happens, or the ages (see `cbcr_assets.config.retention`).

Backup facts (attempts, sets, restores, archives, schedules, the inventory) are what history is
computed from: no age removes them.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from cbcr_assets.warehouse.base import Session

PLAN: dict[str, Any] = {
    "table": pl.String,
    "group": pl.String,
    "keep_s": pl.Float64,
    "before": pl.Datetime("us"),
    "rows": pl.Int64,
    "bytes": pl.Int64,
    "of_rows": pl.Int64,
    "of_bytes": pl.Int64,
    "waiting": pl.Int64,
    "oldest": pl.Datetime("us"),
}

FACTS = "facts"
"""The group of every table that no age removes."""


@dataclass(frozen=True)
class Ageing:
    """A table whose rows grow old.

    Attributes:
        table: Table with its schema.
        column: The time that counts.
        group: Its key in the configuration.
        rolled_into: Marts that must have read a row before it goes.
        unless: Condition of rows that stay, however old; may name `$before`.
    """

    table: str
    column: str
    group: str
    rolled_into: tuple[str, ...] = ()
    unless: str = ""


def _samples(name: str) -> Iterator[Ageing]:
    marts = (f"marts.fct_{name}_hourly", f"marts.fct_{name}_daily")
    yield Ageing(f"raw.{name}_samples", "sampled_at", "samples", marts)
    yield Ageing(marts[0], "hour", "rollups_hourly")
    yield Ageing(marts[1], "day", "rollups_daily")


def _of_alerts(table: str, column: str) -> Ageing:
    """What is known of an episode goes with it: not while it goes on, nor before its own turn."""
    stays = (
        f"exists (from state.alert_episodes as e where e.fingerprint = {table}.fingerprint"
        f" and e.n = {table}.n and coalesce(e.resolved_at >= $before, true))"
    )
    return Ageing(f"state.{table}", column, "alert_history", unless=stays)


AGEING = (
    Ageing("raw.observations", "observed_at", "observations"),
    Ageing("raw.pulls", "finished_at", "pulls"),
    # What nobody released is still refused: forgetting it would let the row count again.
    Ageing("raw.quarantine", "released_at", "quarantine"),
    *(one for name in ("storage", "network", "queue", "worker") for one in _samples(name)),
    Ageing("marts.fct_component_health", "day", "rollups_hourly"),
    Ageing("marts.fct_fleet_health", "day", "rollups_hourly"),
    Ageing("marts.fct_rpo_violations", "ended_at", "violations"),
    Ageing("marts.fct_rpo_compliance_daily", "day", "violations"),
    Ageing("marts.fct_backup_success_daily", "day", "violations"),
    Ageing("state.alert_episodes", "resolved_at", "alert_history"),
    _of_alerts("alert_journal", "happened_at"),
    _of_alerts("alert_deliveries", "done_at"),
)
_OWN = tuple(one.table for one in AGEING if one.table.startswith("state."))


def plan(
    session: Session,
    ages_s: Mapping[str, float | None],
    *,
    now: datetime,
    groups: Collection[str] | None = None,
) -> pl.DataFrame:
    """Say what is kept, and what would be removed.

    Args:
        session: Open session on a warehouse or a snapshot.
        ages_s: Seconds to keep, by group; None is for ever.
        now: Present, naive UTC.
        groups: Groups to look at; None: every table there is.

    Returns:
        One row a table: `before` is a midnight, `rows` of `of_rows` are older and would go, `bytes`
        of `of_bytes` is their share of the table's blocks. `waiting` rows are old enough too, but
        were not rolled up yet, or belong to an alert that is not.
    """
    there = _tables(session)
    aged = [one for one in AGEING if one.table in there]
    rows = [
        _aged(session, one, ages_s[one.group], there, now)
        for one in aged
        if groups is None or one.group in groups
    ]
    if groups is None:
        rows += [_fact(session, name) for name in sorted(there - {one.table for one in aged})]
    return pl.DataFrame(rows, schema=PLAN, orient="row")


def apply(session: Session, planned: pl.DataFrame) -> None:
    """Remove what a plan says, in whole days: freed blocks are used again."""
    known = {one.table: one for one in AGEING}
    there = _tables(session)
    for row in planned.filter(pl.col("rows") > 0).iter_rows(named=True):
        ageing = known[row["table"]]
        session.execute(
            f"delete from {ageing.table} where {_may_go(session, ageing, there)}",
            {"before": row["before"]},
        )


def midnight_before(now: datetime, keep_s: float) -> datetime:
    """Return the midnight from which on everything is kept, naive UTC."""
    moment = now - timedelta(seconds=keep_s)
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _tables(session: Session) -> set[str]:
    found = session.query(
        "select schema_name || '.' || table_name from duckdb_tables()"
        " where database_name = current_database()"
        f" and (schema_name in ('raw', 'marts') or schema_name || '.' || table_name in {_OWN})"
    )
    return set(found.to_series().to_list())


def _aged(
    session: Session, ageing: Ageing, keep_s: float | None, there: set[str], now: datetime
) -> tuple[Any, ...]:
    before = None if keep_s is None else midnight_before(now, keep_s)
    old = f"{ageing.column} < $before::timestamp"  # nothing is before null
    gone, aged, total, oldest = session.query(
        f"select count(*) filter ({old} and {_may_go(session, ageing, there)}),"
        f" count(*) filter ({old}), count(*), min({ageing.column})::timestamp from {ageing.table}",
        {"before": before},
    ).row(0)
    size = _table_bytes(session, ageing.table)
    share = size * gone // total if total else 0
    return (
        ageing.table, ageing.group, keep_s, before, gone, share, total, size, aged - gone, oldest
    )  # fmt: skip


def _fact(session: Session, table: str) -> tuple[Any, ...]:
    total = session.query(f"select count(*) from {table}").item()
    return (table, FACTS, None, None, 0, 0, total, _table_bytes(session, table), 0, None)


def _may_go(session: Session, ageing: Ageing, there: set[str]) -> str:
    """Return the condition of rows before `$before` that may go.

    A day of which any row was not rolled up yet stays whole: the rollup needs all of the day.
    """
    old = f"{ageing.column} < $before"
    if ageing.unless:
        return f"{old} and not {ageing.unless}"
    if not ageing.rolled_into:
        return old
    day = f"{ageing.column}::date"
    read = min(_mark(session, mart) if mart in there else 0 for mart in ageing.rolled_into)
    unread = f"select {day} from {ageing.table} where ingest_seq > {read}"
    return f"{old} and {day} not in ({unread})"


def _mark(session: Session, mart: str) -> int:
    return int(session.query(f"select coalesce(max(ingest_seq), 0) from {mart}").item())


def _table_bytes(session: Session, table: str) -> int:
    blocks, size = session.query(
        f"select count(distinct block_id), (select block_size from pragma_database_size() limit 1)"
        f" from pragma_storage_info('{table}') where persistent"
    ).row(0)
    return int(blocks) * int(size)
