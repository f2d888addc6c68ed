"""Letting a row that is in quarantine count again.

Belongs here: what a release changes, for the contract, the command line and the watch lane.
Does not belong here: what puts rows into quarantine (see `cbcr_assets.quality`, `connectors`).
"""

import json
from collections.abc import Sequence
from datetime import datetime

from cbcr_assets.records import raw_table
from cbcr_assets.warehouse.base import Session


def release(session: Session, quarantine_id: str, *, now: datetime) -> bool:
    """Let a row count again as it is.

    The row gets a new ingest sequence, so that incremental models look at it again.

    Returns:
        False when the entry is released already, or there is none.
    """
    found = session.query(
        "select table_name, native_id from raw.quarantine"
        " where quarantine_id = $id and released_at is null",
        {"id": quarantine_id},
    )
    if found.is_empty():
        return False
    stamp_released(session, [quarantine_id], now)
    _touch(session, *found.row(0))
    return True


def stamp_released(session: Session, identities: Sequence[str], now: datetime) -> None:
    """Write down that entries are released."""
    for identity in identities:
        session.execute(
            "update raw.quarantine set released_at = $now, ingest_seq = $seq"
            " where quarantine_id = $id",
            {"now": now, "seq": session.next_seq(), "id": identity},
        )


def _touch(session: Session, table_name: str | None, native_id: str | None) -> None:
    key = _key(native_id)
    if table_name is None or key is None:
        return  # a connector refused it: there is no row yet
    names = raw_table(table_name).key
    same = " and ".join(f'"{name}"::varchar = $k{i}' for i, name in enumerate(names))
    session.execute(
        f"update raw.{table_name} set ingest_seq = $seq where {same}",
        {"seq": session.next_seq(), **{f"k{i}": part for i, part in enumerate(key)}},
    )


def _key(native_id: str | None) -> list[str] | None:
    try:
        key = json.loads(native_id or "")
    except ValueError:
        return None
    return key if isinstance(key, list) else None
