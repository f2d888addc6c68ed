"""The first screen's sections: figures with their trend, status by kind, what is wrong.

Belongs here: those sections of the Overview. Does not belong here: its first sentence, SQL.
"""

from datetime import date
from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, navigation, strips, tables, urlstate, zones
from streamlit_app.charts import calendar as calendars
from streamlit_app.charts import fleet as charts
from streamlit_app.queries import fleet
from streamlit_app.queries import rpo as rpo_queries
from streamlit_app.status import COLOURS, SIGNS, badge, duration, lost_column, plain, reason
from streamlit_app.tables import Target, said

_DAYS = 30
_STATUSES = (
    ("breached", "Breached"),
    ("approaching", "At risk"),
    ("unknown", "Unknown"),
    ("ok", "OK"),
)
_PAGE_OF = {
    "volume": "capacity",
    "storage_volume": "capacity",
    "network_link": "capacity",
    "queue": "operations",
    "worker_pool": "health",
    "repository": "health",
    "source": "trust",
    "alias": "trust",
    "cbcr": "health",
    "fleet": "operations",
}


def link(page: str, label: str, box: Any, **parameters: str | list[str]) -> None:
    """Show a link where there is such a page."""
    if page in navigation.PAGES:
        navigation.link(page, label, box, **parameters)


def statuses(counts: dict[str, int]) -> None:
    """Show how many instances have each status; each leads to them."""
    total = sum(counts.values())
    for box, (status, label) in zip(st.columns(4), _STATUSES, strict=True):
        strips.count(
            COLOURS[status],
            f"{SIGNS[status]} {label}",
            str(counts[status]),
            f"{counts[status] / total:.0%} of {total}",
            box,
        )
        link("instances", "See them →", box, status=status)


def figures(at: Snapshot, chosen: dict[str, Any], windows: pl.DataFrame) -> None:
    """Show the six figures of a manager, each with its trend and the page about it."""
    boxes = st.columns(5)
    _compliance(at, chosen, windows, boxes[0], boxes[1])
    _drills(at, chosen, boxes[2])
    _room(at, boxes[3])
    _health(at, boxes[4])


def _spark(values: list[float] | None) -> list[float] | None:
    return values if values is not None and len(values) > 1 else None


def _compliance(
    at: Snapshot, chosen: dict[str, Any], windows: pl.DataFrame, kept_box: Any, left_box: Any
) -> None:
    of_days = windows.filter(pl.col("window_days") == _DAYS)
    if of_days.is_empty():
        kept_box.metric("RPO compliance", "unknown", help="Nothing was measured yet")
        left_box.metric("Error budget left", "unknown", help="Nothing was measured yet")
        return
    row = of_days.row(0, named=True)
    known = rpo_queries.CLOCKS[0]
    days = rpo_queries.calendar(at, chosen, clock=known).tail(_DAYS)
    kept_box.metric(
        "RPO compliance",
        f"{row['compliance']:.2%}",
        chart_data=_spark(days["compliance"].drop_nulls().to_list()),
        help=f"Share of the time of {_DAYS} days in which the objective was kept; promised are"
        f" {row['objective']:.1%}",
    )
    spent = rpo_queries.burn_down(at, chosen, days=_DAYS, clock=known)
    left_box.metric(
        "Error budget left",
        f"{row['budget_left_s'] / row['budget_s']:.0%}",
        chart_data=_spark(spent["share_left"].to_list()),
        help=f"Of {_DAYS} days: {duration(abs(row['budget_left_s']))}"
        f" {'left' if row['budget_left_s'] >= 0 else 'overdrawn'}",
    )
    link("rpo", "RPO →", kept_box)
    link("rpo", "Budget →", left_box)


def _drills(at: Snapshot, chosen: dict[str, Any], box: Any) -> None:
    weeks = fleet.drill_weeks(at, chosen)
    total = int(weeks["restores"].sum())
    kept = int(weeks["kept"].sum())
    box.metric(
        "Drills passed",
        f"{kept / total:.0%}" if total else "unknown",
        chart_data=_spark((weeks["kept"] / weeks["restores"]).to_list()) if total else None,
        help=f"{kept} of {total} conclusive restores of 90 days were proven within the RTO; the"
        " line is by week",
    )
    link("restores", "Restores & drills →", box)


def _room(at: Snapshot, box: Any) -> None:
    volumes = fleet.room(at)
    known = volumes.filter(pl.col("days_to_full_p10").is_not_null())
    blind = volumes.filter(pl.col("nobody_knows")).height
    full = volumes.filter(pl.col("status") == "full")
    if full.height:
        figure, first = "0 days", full.row(0, named=True)
    elif known.height:
        first = known.row(0, named=True)
        low, middle = first["days_to_full_p10"], first["days_to_full_p50"]
        figure = f"{low:.0f}–{middle:.0f} days" if middle is not None else f"from {low:.0f} days"
    else:
        figure, first = ("unknown" if blind or volumes.is_empty() else "over a year"), None
    box.metric(
        "Shortest to full",
        figure,
        chart_data=_spark(fleet.fill(at, first["volume"])) if first else None,
        help=(f"{first['volume']}: p10 to p50; the line is its fill. " if first else "")
        + f"Whole fleet. Of {blind} of {volumes.height} volumes nobody knows",
    )  # fmt: skip
    link("capacity", "Capacity →", box)


def _health(at: Snapshot, box: Any) -> None:
    found = fleet.health(at)
    if found is None or found["headline"] is None:
        box.metric("Fleet health", "unknown")
        return
    box.metric(
        "Fleet health",
        f"{found['headline']:.0f} of 100",
        chart_data=_spark(fleet.health_trend(at)),
        help=f"Whole fleet. It cannot hide a dead tier 1: {found['tier1_bad']} components of tier 1"
        " are critical or unknown."
        f" Of {found['components']} components {found['critical']} are critical,"
        f" {found['unknown']} unknown",
    )
    link("health", "Health →", box)


def matrix(cells: pl.DataFrame) -> None:
    """Show status by tier and database type; a chosen cell leads to its instances."""
    st.subheader("Where it is")
    strip = st.container()
    st.altair_chart(
        charts.matrix(cells),
        width="stretch",
        key="matrix",
        on_select=urlstate.mark("cell", "matrix", "cell"),
        alt="Worst RPO status by tier and database type",
    )
    tier, _, db_type = st.query_params.get("cell", "").partition("|")
    if tier or db_type:
        told = " · ".join([f"tier {tier}"] * bool(tier) + [db_type] * bool(db_type))
        link("instances", f"Open {told} →", strip, tier=tier, db_type=db_type)
    else:
        strip.caption("The worst status of each, and how many have it. Choose one to open it.")


def calendar(at: Snapshot, chosen: dict[str, Any], *, promised: float) -> None:
    """Show the last 90 days; a chosen one leads to who was in violation."""
    sql = explain.heading("The last 90 days")
    days = rpo_queries.calendar(at, chosen, clock=rpo_queries.CLOCKS[0])
    explain.last_query(sql)
    strip = st.container()
    try:
        day = date.fromisoformat(st.query_params.get("day", ""))
    except ValueError:
        day = None
    st.altair_chart(
        calendars.calendar(days, promised=promised, chosen=day),
        width="stretch",
        key="calendar",
        on_select=urlstate.mark("day", "calendar", "day_text"),
        alt="RPO compliance of each of the last 90 days",
    )
    if day is not None:
        link("rpo", f"Who was in violation on {day:%d %b %Y} →", strip, day=day.isoformat())
    else:
        strip.caption("Percent of the time in which the objective was kept. Choose a day.")


def wrong(at: Snapshot, chosen: dict[str, Any]) -> None:
    """Show every open problem; a row leads to its subject, a rule narrows the list."""
    sql = explain.heading("What is wrong now")
    only = st.query_params.get("only")
    counted, found = fleet.wrong(at, chosen, rule=only)
    if only is not None and found.is_empty():
        only = None
        counted, found = fleet.wrong(at, chosen, rule=None)
    explain.last_query(sql)
    if counted.is_empty():
        st.success("No rule reports anything.", icon=":material/check_circle:")
        return
    left, right = st.columns([3, 7])
    left.altair_chart(
        charts.rules(counted, chosen=only),
        width="stretch",
        key="rules",
        on_select=urlstate.mark("only", "rules", "rule"),
        alt="Subjects that are not ok now, by rule",
    )
    with right:
        if only is not None:
            here = {k: st.query_params.get_all(k) for k in st.query_params if k != "only"}
            navigation.link("overview", f"Only {plain(only)}: show all rules", **here)
        tables.opener(
            found.select(
                said("status", badge),
                pl.col("subject_id").alias("subject"),
                "rule",
                pl.col("summary").alias("what"),
                said("since", zones.moment),
            ),
            [_target(row) for row in found.iter_rows(named=True)],
            key="wrong",
            alt="Verdicts that are not ok now, the worst first",
            height=min(38 + 35 * found.height, 510),
        )
        if found["total"][0] > found.height:
            st.caption(f"The first {found.height} of {found['total'][0]}.")


def _target(row: dict[str, Any]) -> Target | None:
    kind, subject = row["subject_kind"], row["subject_id"]
    if kind == "instance":
        return Target("instance", subject, {"id": subject})
    if kind in ("team", "tier"):
        return Target("operations", f"{kind} {subject}", {kind: subject.removeprefix(f"{kind}/")})
    page, asked = _PAGE_OF.get(kind), {}
    if row["rule"] == "component_unhealthy":
        page, asked = "health", {"component": subject.replace("/", ":", 1)}
    elif page == "capacity" and kind == "volume":
        asked = {"volume": subject}
    return Target(page, subject, asked) if page in navigation.PAGES and page else None


def worst(at: Snapshot, chosen: dict[str, Any]) -> None:
    """Show the ten instances that are nearest to, or farthest beyond, their objective."""
    sql = explain.heading("The worst ten")
    found = fleet.instances(at, chosen, rows=10)
    explain.last_query(sql)
    tables.picker(
        found.select(
            said("status", badge),
            pl.col("instance_id").alias("instance"),
            lost_column(found).alias("would lose"),
            pl.col("ratio").alias("used"),
            said("reason", reason, "why"),
            "team",
        ),
        found["instance_id"].to_list(),
        key="worst",
        page="instance",
        alt="The ten instances that are nearest to or farthest beyond their objective",
        column_config={
            "used": st.column_config.ProgressColumn(
                "objective used", min_value=0, max_value=1, format="percent"
            )
        },
    )
