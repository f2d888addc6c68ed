"""How long restores would take now, what that rests on, and how good such estimates were.

Belongs here: those sections of the Restores page. Does not belong here: what was restored (see
`restores`), SQL.
"""

from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, tables
from streamlit_app.charts import restores as charts
from streamlit_app.queries import restores as queries
from streamlit_app.status import duration
from streamlit_app.tables import said

_BASES = {
    "measured": "● own, 90 days",
    "own": "◐ own, older",
    "peer": "○ peers only",
    "unknown": "○ unknown",
}
_LEAST = 20


def estimates(at: Snapshot, chosen: dict[str, Any]) -> None:
    """Show how long each restore would take now, and on what that rests."""
    sql = explain.heading("If we had to restore now")
    counts = queries.bases(at, chosen)
    found = queries.estimates(at, chosen)
    explain.last_query(sql)
    if found.is_empty():
        st.info("Nothing is estimated here.", icon=":material/help:")
        return
    st.altair_chart(charts.bases(counts, _BASES), width="stretch", alt="What the estimates rest on")
    st.caption(
        f"{counts['peer']} estimates rest on other instances only: they tell how long it may take,"
        f" and prove nothing. Of {counts['unknown']} nobody can say."
    )
    tables.picker(
        found.select(
            pl.col("instance_id").alias("instance"),
            "tier",
            said("basis", lambda word: _BASES.get(word, str(word)), "rests on"),
            said("proven", lambda yes: {True: "● yes", False: "▲ no"}.get(yes, "○ no objective")),
            said("p50_s", duration, "takes (half)"),
            said("p95_s", duration, "at most (19 of 20)"),
            said("objective_s", duration, "objective"),
            said("p_meets_rto", lambda p: "unknown" if p is None else f"{p:.0%}", "chance to keep"),
        ),
        found["instance_id"].to_list(),
        key="estimates",
        page="instance",
        alt="Estimated restore time of each instance, unknown ones and the least likely first",
        height=min(38 + 35 * found.height, 388),
    )
    if found["total"][0] > found.height:
        st.caption(f"The first {found.height} of {found['total'][0]}.")


def backtest(at: Snapshot, chosen: dict[str, Any]) -> None:
    """Show how good the estimates were that had been made before each restore."""
    sql = explain.heading("How good such estimates were")
    rows = queries.backtest(at, chosen)
    explain.last_query(sql)
    timed = rows.drop_nulls("actual_s")
    if timed.is_empty():
        st.info("No restore could be compared with an estimate.", icon=":material/help:")
        return
    columns = st.columns(4)
    for box, (name, share) in zip(
        columns, (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)), strict=True
    ):
        within = timed[f"within_{name}"].cast(pl.Float64).mean()
        box.metric(
            f"Took at most the {name}",
            f"{within:.0%}",
            help=f"An honest estimate has {share:.0%} here",
        )
    if timed.height < _LEAST:
        st.caption(f"Only {timed.height} restores: too few to judge the estimates.")
    st.altair_chart(
        charts.backtest(rows), width="stretch", alt="Time that restores took against the prediction"
    )
    st.caption(
        f"{timed.height} restores beside the estimate made when they were asked for, from earlier"
        " ones only. Dotted: as predicted; above it was slower."
    )
