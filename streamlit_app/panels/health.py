"""Sections of the Health page: score cards, components, why one has its score, the fleet's past.

Belongs here: one section each, its heading, figures, chart and table. Does not belong here: SQL,
how a chart is drawn, the order of the page.
"""

from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.config.health import KINDS
from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, navigation, tables, urlstate, zones
from streamlit_app.charts import health as charts
from streamlit_app.queries import health as queries
from streamlit_app.queries import scope
from streamlit_app.status import HEALTH_COLOURS, duration, health, plain, share

NAMES = {
    "instance": "instances",
    "worker_pool": "worker pools",
    "queue": "queues",
    "storage_volume": "volumes",
    "network_link": "links",
    "repository": "repositories",
    "source": "sources",
    "cbcr": "CBCR itself",
}
_A_CARD_ROW = 4


def cards(kinds: pl.DataFrame) -> None:
    """Show a score card for each kind of component, the worst first."""
    rows = list(kinds.iter_rows(named=True))
    for first in range(0, len(rows), _A_CARD_ROW):
        boxes = st.columns(_A_CARD_ROW)
        for box, row in zip(boxes, rows[first : first + _A_CARD_ROW], strict=False):
            _card(row, box)


def _card(row: dict[str, Any], box: Any) -> None:
    worst = next((state for state in HEALTH_COLOURS if row[state]), "unknown")
    counts = " · ".join(f"{row[state]} {state}" for state in HEALTH_COLOURS if row[state])
    colour, headline = HEALTH_COLOURS[worst], row["headline"]
    shown = "?" if headline is None else f"{headline:.0f}"
    box.markdown(
        f"<div style='border-left:6px solid {colour};padding-left:.7rem;min-height:5.6rem'>"
        f"<div style='font-size:.9rem'>{NAMES.get(row['member'], row['member'])}</div>"
        f"<div style='font-size:2rem;font-weight:600;line-height:1.15'>{shown}</div>"
        f"<div style='font-size:.8rem;opacity:.75'>{counts}</div></div>",
        unsafe_allow_html=True,
    )
    navigation.link("health", "show →", box, kind=row["member"])


def components(at: Snapshot) -> None:
    """Show the components, the worst first, and one of them with its reasons."""
    options = scope.choices(at)
    boxes = st.columns([2, 2, 1, 1, 2])
    kind = urlstate.multiselect("Kind", list(KINDS), "kind", boxes[0])
    state = urlstate.multiselect("State", list(HEALTH_COLOURS), "state", boxes[1])
    team = urlstate.multiselect("Team", options["team"], "team", boxes[2])
    tier = urlstate.multiselect("Tier", options["tier"], "tier", boxes[3])
    word = urlstate.text("Name contains", "q", boxes[4])
    page = urlstate.number("p", default=1, most=1_000_000)
    found = queries.components(
        at, kind=kind, state=state, team=team, tier=tier, word=word, rows=tables.PAGE_ROWS,
        skip=(page - 1) * tables.PAGE_ROWS,
    )  # fmt: skip
    explain.last_query()
    if found.is_empty():
        st.info("0 components match.")
        navigation.clear_filters("health")
        return
    picked = tables.picker(
        found.select(
            pl.col("state").map_elements(health, return_dtype=pl.String).alias("state"),
            pl.col("score"),
            "kind",
            pl.col("component_id").alias("component"),
            "tier",
            pl.col("main_reason").alias("what costs most"),
            pl.col("action").alias("what to do"),
            pl.col("team").fill_null("–"),
        ),
        [f"{row['kind']}:{row['component_id']}" for row in found.iter_rows(named=True)],
        key="components",
        page="health",
        parameter="component",
        alt="Components, the worst first",
        labels=found["component_id"].to_list(),
        column_config={
            "score": st.column_config.ProgressColumn(
                "score", width="small", min_value=0, max_value=100, format="%.0f"
            ),
            "what to do": st.column_config.TextColumn(width="medium"),
        },
    )
    tables.pages("health", total=int(found["total"][0]), number=page, noun="components")
    first = found.row(0, named=True)
    one(
        at, picked or st.query_params.get("component") or f"{first['kind']}:{first['component_id']}"
    )


def one(at: Snapshot, key: str) -> None:
    """Show why a component's score is what it is, what to do, and how it went."""
    kind, _, name = key.partition(":")
    row = queries.component(at, kind, name)
    if row is None:
        st.warning(f"There is no component {plain(name)} of this kind.", icon=":material/search:")
        return
    explain.last_query()
    left, right = st.columns([5, 1], vertical_alignment="bottom")
    left.subheader(_why(row), anchor=False)
    if kind == "instance":
        navigation.link("instance", "Open the instance →", right, id=name)
    elif kind == "storage_volume":
        navigation.link("capacity", "Open the volume →", right, volume=name)
    reasons = pl.DataFrame(row["reasons"], infer_schema_length=None)
    if row["score"] is not None and reasons.height:
        lost = reasons.filter(pl.col("deduction").fill_null(0) != 0).with_columns(
            pl.col("deduction").cast(pl.Float64), pl.col("signal").str.replace_all("_", " ")
        )
        st.altair_chart(
            charts.contributions(lost, score=row["score"]),
            width="stretch",
            alt=f"The points that {name} lost, signal by signal, and its score",
        )
    if reasons.height:
        st.dataframe(_reasons(reasons), hide_index=True, alt=f"The signals of {name}")
    else:
        st.caption("No signal costs anything.")
    past = queries.component_history(at, kind, name)
    if past.height > 1:
        st.altair_chart(
            charts.scores(zones.in_zone(past), {"score": "score"}),
            width="stretch",
            alt=f"The score of {name} over time",
        )
    elif past.height:
        st.caption(f"Its score has not changed since {zones.moment(past['evaluated_at'][0])}.")


def _why(row: dict[str, Any]) -> str:
    name = plain(row["component_id"])
    if row["score"] is None:
        return f"Why is {name} unknown?"
    return f"Why {row['score']:.0f}? {name} is {row['state']}"


def _reasons(reasons: pl.DataFrame) -> pl.DataFrame:
    rows = list(reasons.iter_rows(named=True))
    return pl.DataFrame(
        {
            "signal": [row["signal"].replace("_", " ") for row in rows],
            "value": [_value(row["value"], row["unit"]) for row in rows],
            "warn at": [_value(row["warn"], row["unit"]) for row in rows],
            "critical at": [_value(row["crit"], row["unit"]) for row in rows],
            "measured": [_ago(row["age_s"]) for row in rows],
            "costs": [_points(row["deduction"]) for row in rows],
            "what to do": [row["action"] or "" for row in rows],
        }
    )


def _ago(age_s: float | None) -> str:
    return "never" if age_s is None else f"{duration(age_s)} ago"


def _points(deduction: Any) -> str:
    return "not known" if deduction is None else f"{float(deduction):.1f}"


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "share":
        return share(value, 1)
    if unit == "s":
        return duration(value)
    return f"{value:.3g} {unit}"


def past(at: Snapshot) -> None:
    """Show how the fleet went."""
    found = queries.fleet_history(at)
    explain.last_query()
    if found.height < 2:
        since = zones.moment(found["evaluated_at"][0]) if found.height else "the next build"
        st.info(
            f"Its history begins at {since}: a point is written whenever something changes, and"
            " one a day.",
            icon=":material/help:",
        )
        return
    moved = zones.in_zone(found)
    left, right = st.columns(2)
    left.altair_chart(
        charts.scores(moved, {"headline": "headline", "mean_score": "mean (hides a dead one)"}),
        width="stretch",
        alt="The fleet's headline and its mean over time",
    )
    right.altair_chart(charts.counts(moved), width="stretch", alt="Components by state over time")
