"""What a snapshot holds, in a few figures for who published it.

Belongs here: the figures. Does not belong here: how they are shown, or publishing.
"""

from dataclasses import dataclass

from cbcr_assets.warehouse import Snapshot, connect

_STATES = ("ok", "approaching", "breached", "unknown")


@dataclass(frozen=True)
class SnapshotSummary:
    """What a snapshot says of the fleet.

    Attributes:
        instances: How many instances have each RPO status now; unknown is one of them.
        compliance: Time-weighted RPO compliance of the last whole UTC day, 0 to 1; None: nothing
            was measured.
        rows: How many rows each mart holds.
    """

    instances: dict[str, int]
    compliance: float | None
    rows: dict[str, int]


def summary(snapshot: Snapshot) -> SnapshotSummary:
    """Read the figures of a published snapshot."""
    with connect(snapshot.path) as con:
        marts = con.execute(
            "select table_name from information_schema.tables"
            " where table_schema = 'marts' and table_type = 'BASE TABLE' order by 1"
        ).fetchall()
        rows = {name: con.table(f"marts.{name}").shape[0] for (name,) in marts}
        found = dict(
            con.execute("select status, count(*) from live.live_rpo_status group by 1").fetchall()
        )
        kept = con.execute(
            "select 1 - sum(violation_s) / nullif(sum(measured_s), 0)"
            " from marts.fct_rpo_compliance_daily where day = (cbcr_now() - interval 1 day)::date"
        ).fetchone()
    instances = {status: int(found.get(status, 0)) for status in _STATES}
    return SnapshotSummary(instances, kept[0] if kept else None, rows)
