"""What was restored: coverage, times against promises, their trend, and who never was.

Belongs here: those sections of the Restores page. Does not belong here: estimates (see
`restores_expected`), SQL.
"""

from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, tables, urlstate, zones
from streamlit_app.charts import restores as charts
from streamlit_app.queries import restores as queries
from streamlit_app.status import plain
from streamlit_app.tables import said

_STATES = {
    "current": "● current",
    "waiting": "○ first one not due yet",
    "overdue": "▲ overdue",
    "not_promised": "○ no interval promised",
    "unknown": "○ unknown",
}
_TRENDS = {"slower": "▲ slower", "faster": "● faster", "none": "● no trend", "too_few": "○ too few"}
_SHOWN_PARTS = 25


def coverage(at: Snapshot, chosen: dict[str, Any]) -> None:
    """Show what each part of the fleet proved in each month, and who never did."""
    sql = explain.heading("Who was shown to be restorable, and when")
    part = urlstate.segments("Rows", tuple(queries.PARTS), "rows", default="group")
    cells = queries.coverage(at, chosen, part=part)
    explain.last_query(sql)
    loudest = (
        cells.filter(pl.col("month").is_null())
        .sort(["never", "instances"], descending=True)
        .head(_SHOWN_PARTS)["part"]
        .to_list()
    )
    st.altair_chart(
        charts.coverage(cells.filter(pl.col("part").is_in(loudest))),
        width="stretch",
        alt="Instances restored with proof, by part of the fleet and month",
    )
    st.caption(
        f"{sum(cells['never'].drop_nulls())} instances were never restored with proof. Cells:"
        " instances proven in that UTC month, of all in the row now; ▲ failed ones."
        + (f" The {_SHOWN_PARTS} rows with the most never-proven." if
           cells["part"].n_unique() > _SHOWN_PARTS else "")
    )  # fmt: skip


def against_objective(at: Snapshot, chosen: dict[str, Any]) -> None:
    """Show the newest restore of each instance beside what was promised."""
    sql = explain.heading("Restore time against the objective (RTO)")
    found = queries.newest(at, chosen)
    explain.last_query(sql)
    if found.is_empty():
        st.info("No restore was ever proven, and none failed.", icon=":material/help:")
        return
    for row in found.filter(pl.col("outcome") == "failed").head(5).iter_rows(named=True):
        st.error(
            f"The newest restore of **{plain(row['instance_id'])}** failed"
            f" ({zones.moment(row['requested_at'])}):"
            f" {plain(row['error_text']) or 'no reason told'}",
            icon=":material/warning:",
        )
    timed = found.drop_nulls("rto_s").filter(pl.col("rto_s") > 0)
    if timed.height:
        st.altair_chart(
            charts.against_objective(timed),
            width="stretch",
            alt="Newest proven restore of each instance against its objective, in minutes",
        )
    st.caption(
        f"The {timed.height} slowest against their objective of {found['total'][0]} with a"
        " conclusive restore. Dot: measured; tick: objective. A restore that nobody verified is"
        " not here: it proves nothing."
    )


def trend(at: Snapshot, chosen: dict[str, Any]) -> None:
    """Show whether restores become slower."""
    sql = explain.heading("Do restores become slower?")
    restores = queries.over_time(at, chosen)
    monthly = queries.monthly(at, chosen)
    explain.last_query(sql)
    groups = queries.trends(at, chosen)
    if restores.is_empty():
        st.info("No restore was proven within a year.", icon=":material/help:")
        return
    st.altair_chart(
        charts.over_time(zones.in_zone(restores), zones.in_zone(monthly)),
        width="stretch",
        alt="Restore time as a share of the objective over a year",
    )
    st.caption(
        f"{restores.height} proven restores of a year. Lines: median and 95th percentile of UTC"
        f" months with at least {queries.LEAST} restores"
        + (": there is none." if monthly.is_empty() else f", {monthly.height} of them.")
    )
    if groups.is_empty():
        return
    few = groups.filter(pl.col("trend") == "too_few")
    st.dataframe(
        groups.select(
            said("trend", lambda word: _TRENDS.get(word, str(word))),
            pl.col("db_type").alias("database"),
            pl.col("pool").alias("volume"),
            said("change_30d", _change, "change in 30 days"),
            pl.col("n_restores").alias("restores"),
            pl.col("n_instances").alias("instances"),
            said("p_value", lambda p: "–" if p is None else f"{p:.3f}", "p"),
        ),
        hide_index=True,
        alt="Trend of restore time by group, apart from the growth of the data",
    )
    st.caption(
        "Apart from the growth of the data (seconds a byte), over all teams and tiers."
        + (f" {few.height} of {groups.height} groups have too few restores for a claim."
           if few.height else "")
    )  # fmt: skip


def _change(share: float | None) -> str:
    return "–" if share is None else f"{share:+.0%}"


def staleness(at: Snapshot, chosen: dict[str, Any]) -> None:
    """Show how long ago the newest proof of each instance was."""
    sql = explain.heading("How old the proofs are")
    counted = queries.ages(at, chosen)
    explain.last_query(sql)
    st.altair_chart(
        charts.ages(counted), width="stretch", alt="Age of the newest proof by tier, never first"
    )
    st.caption(f"{counted['overdue'].sum()} instances are overdue by their own drill interval.")


def never(at: Snapshot, chosen: dict[str, Any]) -> None:
    """List who was never restored with proof."""
    sql = explain.heading("Never restored with proof")
    found = queries.never(at, chosen)
    explain.last_query(sql)
    if found.is_empty():
        st.success("Every instance was restored with proof once.", icon=":material/check_circle:")
        return
    tables.picker(
        found.select(
            pl.col("instance_id").alias("instance"),
            "tier",
            "team",
            pl.col("db_type").alias("database"),
            said("drill_state", lambda word: _STATES.get(word, str(word)), "drill"),
            said("due_at", zones.moment, "due"),
            pl.col("n_restores").alias("restores without proof"),
        ),
        found["instance_id"].to_list(),
        key="never",
        page="instance",
        alt="Instances of which no restore was ever proven, the most important first",
        height=min(38 + 35 * found.height, 388),
    )
    if found["total"][0] > found.height:
        st.caption(f"The first {found.height} of {found['total'][0]}.")


def overdue_words(found: dict[str, int]) -> str:
    """Return what else is wrong with the proofs, in words; empty where nothing is."""
    parts = []
    if found["never"]:
        parts.append(f"{found['never']} were never restored with proof")
    if found["overdue"]:
        parts.append(f"{found['overdue']} are overdue")
    if found["failed"]:
        parts.append(f"the newest restore of {found['failed']} failed")
    return "; ".join(parts)
