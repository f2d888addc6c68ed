"""The backups of one instance: attempts, sizes and durations, copies.

Belongs here: those sections of the Instance page. Does not belong here: restores, SQL.
"""

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, navigation, tables, zones
from streamlit_app.charts import instance as charts
from streamlit_app.queries import instance as queries
from streamlit_app.status import badge, duration, size, state
from streamlit_app.tables import said

_ROWS = 200
_MEASURES = {
    "duration_s": "seconds",
    "source_bytes": "bytes read",
    "stored_bytes": "bytes stored",
}


def newest_failure(tried: pl.DataFrame, *, failures: int | None) -> None:
    """Link to the newest attempt that failed, while there is one that nothing has made good."""
    bad = tried.filter(pl.col("state").is_in(["failed", "lost"]))
    if not failures or bad.is_empty():
        return
    last = bad.row(0, named=True)
    navigation.link(
        "job",
        f"Open the newest failure: {last['backup_type']} of {zones.brief(last['started_at'])},"
        f" {state(last['state'])} →",
        source=last["source_id"],
        attempt=last["attempt_key"],
    )


def attempts(at: Snapshot, instance_id: str, days: int) -> None:
    """Show every attempt over time and as a table whose rows lead to the job."""
    sql = explain.heading("Backups")
    tried = queries.attempts(at, instance_id, days)
    explain.last_query(sql)
    if tried.is_empty():
        st.info(f"No attempt in the last {days} days.", icon=":material/help:")
        return
    st.altair_chart(
        charts.timeline(zones.in_zone(tried)), width="stretch", alt="Backup attempts over time"
    )
    shown = tried.head(_ROWS)
    tables.opener(
        shown.select(
            said("started_at", zones.moment, "started"),
            pl.col("backup_type").alias("type"),
            said("state", state),
            said("duration_s", duration, "took"),
            said("source_bytes", size, "read"),
            said("transferred_bytes", size, "written"),
            pl.col("error_code").fill_null("").alias("code"),
            pl.col("error_text").fill_null("").alias("error"),
        ),
        [
            tables.Target(
                "job",
                f"{row['backup_type']} of {zones.brief(row['started_at'])}",
                {"source": row["source_id"], "attempt": row["attempt_key"]},
            )
            for row in shown.iter_rows(named=True)
        ],
        key="attempts",
        alt="Backup attempts, newest first",
        height=min(38 + 35 * shown.height, 388),
        column_config={"error": st.column_config.TextColumn(width="large")},
    )
    if tried.height > _ROWS:
        st.caption(f"The newest {_ROWS} of {tried.height}.")


def measures(at: Snapshot, instance_id: str, days: int) -> None:
    """Show size and duration of the backups of each type beside what their past lets expect."""
    sql = explain.heading("Size and duration")
    values = queries.measures(at, instance_id, days)
    explain.last_query(sql)
    verdicts = queries.verdicts(at, instance_id)
    if values.is_empty():
        st.info(f"No size and no duration was told in {days} days.", icon=":material/help:")
        return
    odd = verdicts.filter(pl.col("kind").is_not_null())
    for row in odd.iter_rows(named=True):
        shown = duration if row["measure"] == "duration_s" else size
        st.warning(
            f"The newest {row['backup_type']} is odd ({row['kind']}): {shown(row['value'])} where"
            f" {shown(row['expected'])} was expected.",
            icon=":material/warning:",
        )
    for backup_type in values["backup_type"].unique().sort():
        told = values.filter(pl.col("backup_type") == backup_type)
        present = [name for name in _MEASURES if name in set(told["measure"])]
        columns = st.columns(len(present))
        for name, box in zip(present, columns, strict=True):
            _measure(told, verdicts, str(backup_type), name, box)
    if odd.is_empty() and verdicts.height:
        st.caption("No newest backup is odd. ", help="Rules size_anomaly and duration_anomaly")
    st.caption(
        "Shaded: what the past lets expect of the newest one, within twice the usual error. ▲ odd."
    )


def _measure(
    told: pl.DataFrame,
    verdicts: pl.DataFrame,
    backup_type: str,
    name: str,
    box: st.delta_generator.DeltaGenerator,
) -> None:
    held = verdicts.filter(pl.col("backup_type") == backup_type, pl.col("measure") == name)
    band = held.sort("started_at").row(-1, named=True) if held.height else None
    title = f"{backup_type}, {_MEASURES[name]}"
    box.caption(title)
    box.altair_chart(
        charts.measure(
            zones.in_zone(told.filter(pl.col("measure") == name)),
            title="",
            objective=band and {key: band[key] for key in ("low", "expected", "high")},
        ),
        width="stretch",
        alt=f"{title} of each backup, with what is expected",
    )


def copies(at: Snapshot, instance_id: str) -> None:
    """Show what each repository alone would bring back."""
    sql = explain.heading("Copies")
    found = queries.copies(at, instance_id)
    explain.last_query(sql)
    if found.is_empty():
        st.info("No repository holds anything that can be restored now.", icon=":material/help:")
        return
    kept = found.filter(pl.col("keeps_objective")).height
    st.markdown(
        f"**{kept} of {found.height}** {'copy' if found.height == 1 else 'copies'} would keep the"
        " objective if no other were left."
    )
    st.dataframe(
        found.select(
            said("keeps_objective", _kept, "alone"),
            pl.col("repo").alias("repository"),
            pl.col("source_id").alias("source"),
            said("exposure_s", duration, "would lose"),
            said("recovery_point_at", zones.moment, "newest recovery point"),
            said("usable_until", lambda until: zones.moment(until) if until else "no end known")
            .alias("usable until"),
            pl.col("label").alias("set"),
        ),
        hide_index=True,
        alt="What each copy alone would bring back",
    )  # fmt: skip


def _kept(keeps: bool | None) -> str:
    if keeps is None:
        return badge("unknown")
    return badge("ok" if keeps else "breached")
