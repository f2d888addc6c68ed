"""The promise now and its breakers: exposure, the worst instances, the causes.

Belongs here: those sections of the RPO page. Does not belong here: days (see `rpo`), SQL.
"""

from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, tables
from streamlit_app.charts import rpo as charts
from streamlit_app.queries import rpo as queries
from streamlit_app.status import duration
from streamlit_app.tables import said

_CAUSES = {
    "never_backed_up": "never backed up before",
    "expired": "a good backup expired too soon",
    "corrupt": "a good backup was corrupt",
    "missed": "a scheduled run never started",
    "failed": "an attempt failed or was lost",
    "archive_stalled": "the log archive stood still",
    "late": "the backup came too late",
    "unknown": "unknown",
}

# What a list of instances says of each that broke its objective.
VIOLATED: tuple[pl.Expr | str, ...] = (
    said("violation_s", duration, "in violation"),
    said("worst_exposure_s", duration, "largest exposure"),
    said("rpo_s", duration, "objective"),
    "team",
    "tier",
    pl.col("db_type").alias("database"),
)


def exposure(at: Snapshot, chosen: dict[str, Any], counts: dict[str, int]) -> None:
    """Show how much of its objective each instance uses now, and whom nobody can place."""
    sql = explain.heading("Exposure now")
    used = queries.used_now(at, chosen)
    explain.last_query(sql)
    total = sum(counts.values())
    if total == 0:
        st.info("No instance is protected here now.", icon=":material/help:")
        return
    known = used.filter(pl.col("ratio").is_not_null() & (pl.col("status") != "unknown"))
    without = used.filter(pl.col("ratio").is_null() & (pl.col("status") != "unknown"))
    blind = counts["unknown"]
    missing = int(without["instances"].sum())
    st.altair_chart(
        charts.ecdf(known.select("ratio", "instances"), total=total),
        width="stretch",
        alt="Share of instances by how much of their objective they use now",
    )
    within = int(known.filter(pl.col("ratio") <= 1)["instances"].sum())
    st.caption(
        f"{within} of {total} instances ({within / total:.0%}) are within their objective."
        f" ○ Unknown: {blind} ({blind / total:.0%}). Without any recovery point: {missing}."
        + (" Neither joins the curve, so it ends below 100 %." if blind or missing else "")
    )


def worst(at: Snapshot, chosen: dict[str, Any], *, days: int) -> None:
    """Show who broke the promise for the largest share of the window."""
    sql = explain.heading(f"Worst instances of {days} days")
    found = queries.worst(at, chosen, days=days)
    explain.last_query(sql)
    if found.is_empty():
        st.success("Nobody broke the promise in this time.", icon=":material/check_circle:")
        return
    tables.picker(
        found.select(
            pl.col("instance_id").alias("instance"),
            said("compliance", lambda share: "–" if share is None else f"{share:.2%}", "kept"),
            *VIOLATED,
        ),
        found["instance_id"].to_list(),
        key="worst",
        page="instance",
        alt="Instances that broke their objective the longest, as known then",
    )
    st.caption(f"The first {found.height} of {found['total'][0]}, as known then.")


def causes(at: Snapshot, chosen: dict[str, Any], *, days: int) -> None:
    """Show why the promise was broken."""
    sql = explain.heading("Why it was broken")
    found = queries.causes(at, chosen, days=days)
    explain.last_query(sql)
    if found.is_empty():
        st.info("No violation ended in this time.", icon=":material/help:")
        return
    told = found.with_columns(pl.col("cause").replace(_CAUSES))
    st.altair_chart(
        charts.causes(told), width="stretch", alt="Hours in violation by cause, the most first"
    )
    st.caption(
        "Violations that ended in this time, with their whole length; those that go on have no"
        " cause yet."
    )
