"""Rows in quarantine: put there, repaired, shown.

Belongs here: every change of `raw.quarantine` that the contract makes.
Does not belong here: what a connector could not read at all (see `connectors.pull`), what a person
releases (see `warehouse.release`).

A row is named by its key as a JSON list; the identity of an entry is row, rule and content. So the
same content stays released once a person released it, and other content is judged anew.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl

from cbcr_assets.quality.engine import Verdict
from cbcr_assets.records import RawTable, typed_frame
from cbcr_assets.warehouse import Session
from cbcr_assets.warehouse.release import stamp_released

_SHOWN = "quarantine_id, table_name, source_id, native_id, rule, reason, observed_at, released_at"


def quarantine_rows(
    session: Session,
    table: RawTable,
    frame: pl.DataFrame,
    verdicts: Sequence[Verdict],
    *,
    now: datetime,
) -> tuple[int, int]:
    """Store the failing rows, and let repaired ones count again.

    Args:
        session: Open transaction.
        table: The raw table.
        frame: Its rows that were looked at.
        verdicts: What was found; only expectations of severity error put a row away.
        now: Present, naive UTC.

    Returns:
        Rows put away, entries closed because the row is good now.
    """
    entries = [
        _entry(table, frame.row(index, named=True), verdict.expectation, now)
        for verdict in verdicts
        if verdict.expectation.severity == "error"
        for index in verdict.rows
    ]
    session.load("quarantine", typed_frame("quarantine", entries))
    repaired = _close_repaired(session, table, frame, verdicts, entries, now)
    return len({entry["native_id"] for entry in entries}), repaired


def _entry(table: RawTable, row: dict[str, Any], expectation: Any, now: datetime) -> dict[str, Any]:
    kept = {c.name: row[c.name] for c in table.columns if c.name not in table.unwatched}
    payload = json.dumps(kept, default=str, ensure_ascii=False)
    native_id = json.dumps([str(row[k]) for k in table.key], ensure_ascii=False)
    identity = "\n".join((table.name, native_id, expectation.id, payload))
    return {
        "quarantine_id": hashlib.sha256(identity.encode()).hexdigest(),
        "source_id": row.get("source_id"),
        "table_name": table.name,
        "native_id": native_id,
        "rule": expectation.id,
        "reason": expectation.reason,
        "payload": payload,
        "observed_at": now,
    }


def _close_repaired(
    session: Session,
    table: RawTable,
    frame: pl.DataFrame,
    verdicts: Sequence[Verdict],
    entries: Sequence[dict[str, Any]],
    now: datetime,
) -> int:
    """Close the open entries of the rows that were looked at and no longer fail that way."""
    stored = session.query(
        "select quarantine_id, native_id, rule from raw.quarantine"
        " where table_name = $name and released_at is null",
        {"name": table.name},
    )
    if stored.is_empty():
        return 0
    # What could not be evaluated has proven no row good.
    judged = {v.expectation.id for v in verdicts if v.error is None}
    looked_at = {
        json.dumps([str(value) for value in key], ensure_ascii=False)
        for key in frame.select(table.key).iter_rows()
    }
    failing = {entry["quarantine_id"] for entry in entries}
    closed = [
        identity
        for identity, native_id, rule in stored.iter_rows()
        if native_id in looked_at and rule in judged and identity not in failing
    ]
    stamp_released(session, closed, now)
    return len(closed)


def open_entries(session: Session, table: str) -> dict[str, int]:
    """Return how many entries of a table are open, by expectation."""
    found = session.query(
        "select rule, count(*) from raw.quarantine"
        " where table_name = $name and released_at is null group by rule",
        {"name": table},
    )
    return dict(found.iter_rows())


def look_again(session: Session, table: RawTable) -> None:
    """Make the rows of a table that are in quarantine new: the next check judges them."""
    parts = ", ".join(
        f"try_cast(native_id as json) ->> '$[{i}]' as k{i}" for i, _ in enumerate(table.key)
    )
    same = " and ".join(f'rows_."{name}"::varchar = k{i}' for i, name in enumerate(table.key))
    session.execute(
        f"update raw.{table.name} as rows_ set ingest_seq = $seq from"
        f" (select distinct {parts} from raw.quarantine"
        f" where table_name = $name and released_at is null) where {same}",
        {"seq": session.next_seq(), "name": table.name},
    )


def list_quarantine(session: Session, *, released: bool = False) -> pl.DataFrame:
    """Return entries, newest first; open ones only, unless `released`."""
    where = "" if released else " where released_at is null"
    return session.query(
        f"select {_SHOWN} from raw.quarantine{where} order by observed_at desc, quarantine_id"
    )


def find_quarantined(session: Session, prefix: str) -> pl.DataFrame:
    """Return the entries whose id begins with a prefix, payload included."""
    return session.query(
        f"select {_SHOWN}, payload from raw.quarantine"
        " where starts_with(quarantine_id, $prefix) order by quarantine_id",
        {"prefix": prefix},
    )
