"""The alert engine's journal in the warehouse, for those who ask how alerting itself does.

Belongs here: storing what is new of it. Does not belong here: the engine's own store.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cbcr_assets.warehouse.base import Session

_Rows = Sequence[Mapping[str, Any]]
_COLUMNS = {
    "alert_journal": {
        "id": "BIGINT", "happened_at": "TIMESTAMP", "what": "VARCHAR", "fingerprint": "VARCHAR",
        "n": "INTEGER", "rule": "VARCHAR", "severity": "VARCHAR", "receiver": "VARCHAR",
        "outbox_id": "BIGINT", "detail": "VARCHAR",
    },
    "alert_episodes": {
        "fingerprint": "VARCHAR", "n": "INTEGER", "rule": "VARCHAR", "subject_kind": "VARCHAR",
        "subject_id": "VARCHAR", "team": "VARCHAR", "severity": "VARCHAR",
        "started_at": "TIMESTAMP", "opened_at": "TIMESTAMP", "resolved_at": "TIMESTAMP",
        "raised": "INTEGER", "flapping": "BOOLEAN",
    },
    "alert_deliveries": {
        "outbox_id": "BIGINT", "fingerprint": "VARCHAR", "n": "INTEGER", "receiver": "VARCHAR",
        "kind": "VARCHAR", "says": "VARCHAR", "created_at": "TIMESTAMP", "done_at": "TIMESTAMP",
        "state": "VARCHAR",
    },
}  # fmt: skip


def last_entry(session: Session) -> int:
    """Return the newest line of the journal that is stored."""
    found = session.query("select coalesce(max(id), 0) as id from state.alert_journal")
    return int(found["id"][0])


def store_history(session: Session, history: Mapping[str, _Rows]) -> None:
    """Store what is new; what is stored already is replaced.

    Args:
        session: Writing session.
        history: Rows of `alert_journal`, `alert_episodes` and `alert_deliveries`.
    """
    for table, rows in history.items():
        columns = _COLUMNS[table]
        if not rows:
            continue
        shape = json.dumps([columns])
        session.execute(
            f"insert or replace into state.{table} ({', '.join(columns)})"
            f" select {', '.join(f'r.{name}' for name in columns)}"
            " from (select unnest(from_json($rows::json, $shape)) as r)",
            {"rows": json.dumps([dict(row) for row in rows], default=str), "shape": shape},
        )
