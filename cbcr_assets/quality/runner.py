"""The contract's run: new rows of each raw table against its suite, failing ones into quarantine.

Belongs here: which rows are new, the order of the steps, the watermark.
Does not belong here: the expectations (suites/*.yaml), how one is evaluated (see `engine`).

What is expected of a row may depend on the inventory. So a changed inventory makes the rows in
quarantine new again; they are looked at once more, and those that are good now count again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from cbcr_assets.quality.engine import Surroundings, Verdict, evaluate, great_expectations
from cbcr_assets.quality.quarantine import look_again, open_entries, quarantine_rows
from cbcr_assets.quality.suite import Suite, Volume
from cbcr_assets.records import raw_table
from cbcr_assets.warehouse import Session, Warehouse

# Great Expectations needs about 1 kB of memory a row and column.
BATCH_ROWS = 200_000


@dataclass(frozen=True)
class SuiteReport:
    """What one suite found.

    Attributes:
        table: Raw table.
        rows: New rows that were looked at.
        verdicts: One an expectation, in the order of the suite.
        quarantined: Rows that are left out of the models from now on.
        repaired: Quarantined rows that count again.
    """

    table: str
    rows: int
    verdicts: tuple[Verdict, ...]
    quarantined: int = 0
    repaired: int = 0

    @property
    def ok(self) -> bool:
        """Every expectation held."""
        return all(verdict.passed for verdict in self.verdicts)


def check_tables(
    warehouse: Warehouse, suites: Sequence[Suite], *, now: datetime
) -> list[SuiteReport]:
    """Evaluate the suites on all rows that are newer than the last evaluation.

    Args:
        warehouse: The live warehouse.
        suites: Which tables, and what is expected of them.
        now: Present, naive UTC.

    Raises:
        WarehouseError: Nothing of the table at hand was stored; its rows are looked at next time.
    """
    return [_check(warehouse, suite, now) for suite in suites]


def _check(warehouse: Warehouse, suite: Suite, now: datetime) -> SuiteReport:
    with warehouse.write() as session:
        _follow_inventory(session, suite.table)
        pending = _newest(session, suite.table) > _watermark(session, suite.table)
        refused = open_entries(session, suite.table)
    if not pending:
        silent = SuiteReport(suite.table, 0, tuple(Verdict(e) for e in suite.expectations))
        return _with_refused(silent, refused)
    great_expectations()  # seconds at the first time: not while the warehouse is held
    reports: list[SuiteReport] = []
    while not reports or reports[-1].rows >= BATCH_ROWS:
        with warehouse.write() as session:
            reports.append(_check_batch(session, suite, now))
            refused = open_entries(session, suite.table)
    return _with_refused(_together(reports), refused)


def _follow_inventory(session: Session, table: str) -> None:
    """Let refused rows be looked at again when the inventory is another than at the last look."""
    newest, name = _newest(session, "instances"), f"contract_inventory.{table}"
    if newest > _setting(session, name):
        look_again(session, raw_table(table))
        _keep(session, name, newest)


def _with_refused(report: SuiteReport, refused: Mapping[str, int]) -> SuiteReport:
    """Let an error stand while a row is in quarantine: nothing new is no repair, a release is."""
    verdicts = []
    for verdict in report.verdicts:
        still = refused.get(verdict.expectation.id, 0)
        if verdict.expectation.severity == "error" and verdict.error is None:
            verdict = replace(verdict, passed=still == 0, still_refused=still)
        verdicts.append(verdict)
    return replace(report, verdicts=tuple(verdicts))


def _check_batch(session: Session, suite: Suite, now: datetime) -> SuiteReport:
    frame = _new_rows(session, suite.table)
    verdicts = evaluate(suite.expectations, frame, _around(session, suite, now))
    change = quarantine_rows(session, raw_table(suite.table), frame, verdicts, now=now)
    if frame.height:
        newest = int(frame["ingest_seq"].to_numpy().max())
        _keep(session, f"contract_seen.{suite.table}", newest)
    return SuiteReport(suite.table, frame.height, tuple(verdicts), *change)


def _together(reports: Sequence[SuiteReport]) -> SuiteReport:
    first = reports[0]
    merged = tuple(_joined(same) for same in zip(*(r.verdicts for r in reports), strict=True))
    return SuiteReport(
        first.table,
        sum(r.rows for r in reports),
        merged,
        sum(r.quarantined for r in reports),
        sum(r.repaired for r in reports),
    )


def _joined(verdicts: Sequence[Verdict]) -> Verdict:
    rows = tuple(row for verdict in verdicts for row in verdict.rows)
    error = next((v.error for v in verdicts if v.error), None)
    return Verdict(verdicts[0].expectation, rows, all(v.passed for v in verdicts), error)


def _new_rows(session: Session, table: str) -> pl.DataFrame:
    """Return new rows, whole loads at a time: all rows of one load share its sequence."""
    return session.query(
        f"""
with new_ as (select * from raw.{table} where ingest_seq > $seen),
last_ as (
  select max(ingest_seq) as seq
  from (select ingest_seq from new_ order by ingest_seq limit {BATCH_ROWS})
)
select * from new_ where ingest_seq <= (select seq from last_) order by ingest_seq""",
        {"seen": _watermark(session, table)},
    )


def _around(session: Session, suite: Suite, now: datetime) -> Surroundings:
    instances = session.query("select instance_id from raw.instances").to_series().to_list()
    volumes = {
        e.id: _ratio(session, suite.table, e.column, now)
        for e in suite.expectations
        if isinstance(e, Volume)
    }
    return Surroundings(now, instances, volumes)


def _ratio(session: Session, table: str, column: str, now: datetime) -> float | None:
    today, before = session.query(
        f"""
select count(*) filter ({column} > $now - interval 1 day),
  count(*) filter ({column} <= $now - interval 1 day)
from raw.{table} where {column} > $now - interval 2 day and {column} <= $now""",
        {"now": now},
    ).row(0)
    return today / before if before else None


def _newest(session: Session, table: str) -> int:
    return _number(session.query(f"select max(ingest_seq) from raw.{table}").item())


def _watermark(session: Session, table: str) -> int:
    return _setting(session, f"contract_seen.{table}")


def _setting(session: Session, name: str) -> int:
    found = session.query("select value from state.settings where name = $name", {"name": name})
    return _number(found.item() if found.height else None)


def _keep(session: Session, name: str, value: int) -> None:
    session.execute(
        "insert or replace into state.settings values ($name, $value)",
        {"name": name, "value": str(value)},
    )


def _number(value: Any) -> int:
    return int(value) if value is not None else -1
