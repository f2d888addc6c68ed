"""More of the Health page: workers and queues by hour, what moved together, odd backups.

Belongs here: one section each, its figures, chart and table. Does not belong here: SQL, how a
chart is drawn, scores and their reasons (see `panels.health`).
"""

from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, tables, urlstate, zones
from streamlit_app.charts import health as charts
from streamlit_app.queries import health as queries
from streamlit_app.status import duration, plain, size

_WINDOWS = {"2 days": 2, "7 days": 7, "14 days": 14}
_ANOMALIES = {"size_unknown": "size unknown"}
_ROWS = 200


def workers(at: Snapshot) -> None:
    """Show when workers were busy and queues were long."""
    window = urlstate.segments("Window", list(_WINDOWS), "window", default="7 days")
    busy = queries.workers(at, _WINDOWS[window])
    explain.last_query()
    if busy.is_empty():
        st.info("No source tells of worker pools.", icon=":material/help:")
    else:
        st.altair_chart(
            charts.workers(zones.in_zone(busy)), width="stretch",
            alt="How busy each worker pool was by hour",
        )  # fmt: skip
        st.caption(
            "Share of a pool's workers that were at work; a gap is an hour without a sample."
        )
    waiting = queries.queues(at, _WINDOWS[window])
    explain.last_query()
    if waiting.is_empty():
        st.info("No source tells of queues.", icon=":material/help:")
        return
    spoken = waiting.with_columns(
        wait=waiting["wait_s"].map_elements(duration, return_dtype=pl.String, skip_nulls=False)
    )
    st.altair_chart(
        charts.queues(zones.in_zone(spoken)), width="stretch", alt="Jobs waiting by hour"
    )


def together(at: Snapshot) -> None:
    """Show which metrics and runs moved together; never which caused the other."""
    every = urlstate.segments("Pairs", ["found", "all tested"], "pairs", default="found")
    found = queries.correlations(at, every=every != "found")
    explain.last_query()
    if found.is_empty():
        tested = queries.correlations(at, every=True)
        st.info(
            f"None of {tested['tests'][0]} tests found a pair that moved together."
            if tested.height
            else "Nothing could be tested: that takes weeks of metrics beside backups.",
            icon=":material/help:",
        )
        return
    rows = list(found.iter_rows(named=True))
    keys = ["|".join((r["kind"], r["component"], r["metric"], r["outcome"])) for r in rows]
    picked = tables.picker(
        pl.DataFrame(
            {
                "": ["moved together" if row["is_finding"] else "○ not found" for row in rows],
                "component": [row["component"] for row in rows],
                "metric": [row["metric"].replace("_", " ") for row in rows],
                "how runs went": [row["outcome"].replace("_", " ") for row in rows],
                "lag": [f"{row['lag_h']} h" for row in rows],
                "n, days": [row["n"] for row in rows],
                "ρ": [round(row["rho"], 2) for row in rows],
                "q": [_q(row["q_value"]) for row in rows],
            }
        ),
        keys,
        key="together",
        page="health",
        parameter="pair",
        alt="Pairs of a metric and an outcome, and how clearly they moved together",
        labels=[f"{row['metric']} and {row['outcome']}" for row in rows],
        height="content" if len(rows) < 12 else "auto",
    )
    st.caption(
        f"{rows[0]['tests']} pairs and lags were tested. Day-to-day changes, size and weekday held;"
        " q is the share of false findings. Moving together says nothing of a cause."
    )
    asked = picked or st.query_params.get("pair", "")
    _overlay(at, rows[keys.index(asked)] if asked in keys else rows[0])


def _q(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _overlay(at: Snapshot, row: dict[str, Any]) -> None:
    if not row["is_finding"]:
        st.info("This pair was not found to move together, so it is not drawn.")
        return
    days = queries.series(at, row["kind"], row["component"], row["metric"], row["outcome"])
    st.markdown(f"**{plain(row['finding'])}**")
    if days.is_empty():
        st.info("Its series come with the next build.", icon=":material/help:")
        return
    st.altair_chart(
        charts.together(
            days, metric=f"{row['metric']} of {row['component']}",
            outcome=row["outcome"].replace("_", " "),
        ),
        width="stretch",
        alt=f"{row['metric']} of {row['component']} and {row['outcome']} by day",
    )  # fmt: skip


def anomalies(at: Snapshot) -> None:
    """Show backups of an odd size or duration."""
    found = queries.anomalies(at, 30, _ROWS)
    explain.last_query()
    if found.is_empty():
        st.success("No odd backup in 30 days.", icon=":material/check_circle:")
        return
    rows = list(found.iter_rows(named=True))
    tables.picker(
        pl.DataFrame(
            {
                "severity": [_severity(row["severity"]) for row in rows],
                "instance": [row["instance_id"] for row in rows],
                "what": [_ANOMALIES.get(row["kind"], row["kind"]) for row in rows],
                "started": [zones.moment(row["started_at"]) for row in rows],
                "type": [row["backup_type"] for row in rows],
                "measured": [_measured(row["value"], row["measure"]) for row in rows],
                "expected": [_measured(row["expected"], row["measure"]) for row in rows],
                "times": [None if row["ratio"] is None else round(row["ratio"], 2) for row in rows],
                "in a row": [row["event_runs"] for row in rows],
            }
        ),
        found["instance_id"].to_list(),
        key="anomalies",
        page="instance",
        alt="Backups of an odd size or duration, the newest first",
    )
    if found["total"][0] > found.height:
        st.caption(f"The newest {found.height} of {found['total'][0]}.")


def _severity(word: str) -> str:
    return {"critical": "▲ critical", "warning": "◆ warning"}.get(word, f"○ {word}")


def _measured(value: float | None, measure: str) -> str:
    return duration(value) if measure == "duration_s" else size(value)
