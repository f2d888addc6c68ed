"""Capacity: when do we run out of room, and what would change it?

Belongs here: the page, the first that is full first. Does not belong here: SQL, the question
"what if" (see `panels.what_if`).
"""

from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import downloads, explain, navigation, tables, urlstate, zones
from streamlit_app.charts import capacity as charts
from streamlit_app.header import page_header
from streamlit_app.panels import what_if
from streamlit_app.queries import capacity as queries
from streamlit_app.status import badge, plain, share, size

_STATES = {
    "full": "▲ full",
    "filling": "filling",
    "not_filling": "● not filling",
    "stale": "○ silent",
    "unknown_capacity": "○ size unknown",
    "insufficient_history": "○ too little history",
}
_METHODS = {"structural": "catalog", "drift": "drift", "line": "line (young)"}
_HORIZONS = {"90 days": 90, "180 days": 180, "a year": 365}
_GROUPS = {"team": "team", "type of backup": "backup_type", "tool": "tool"}
_WINDOWS = {"7 days": 7, "30 days": 30, "90 days": 90}
_MOST_PARTS = 8
_FEW_ROWS = 15


def answer(first: dict[str, Any], unknown: int) -> str:
    """Return the sentence that answers the page's question."""
    blind = f", and **{unknown}** cannot be foreseen" if unknown else ""
    name = plain(first["volume"])
    if first["status"] == "full":
        return f"**{name}** is full now{blind}."
    if first["in_days_p10"] is None or first["status"] != "filling":
        return f"No volume is seen to be full within a year{blind}."
    if first["in_days_p50"] is None:
        soonest = f"in {first['in_days_p10']:.0f} days at the earliest"
        return f"**{name}** may be full {soonest}, more likely not within a year{blind}."
    low, middle, high = (first[f"in_days_p{p}"] for p in (10, 50, 90))
    until = "" if high is None else f"{high:.0f}"
    return f"**{name}** is full in **{middle:.0f} days** (p10–p90: {low:.0f}–{until}){blind}."


def days(row: dict[str, Any]) -> str:
    """Return when a volume is full as `13 days (11–14)`, or in words why there is no number."""
    low, middle, high = (row[f"in_days_p{p}"] for p in (10, 50, 90))
    if row["status"] == "full":
        return "now"
    if low is None:
        return "unknown" if _STATES[row["status"]].startswith("○") else "not within a year"
    if middle is None:
        return f"over a year (from {low:.0f})"
    return f"{middle:.0f} days ({low:.0f}–{'' if high is None else f'{high:.0f}'})"


def overview(at: Snapshot) -> None:
    """Show the answer and the room of the whole fleet."""
    first = queries.volumes(at, rows=1)
    if first.is_empty():
        st.info(
            "No volume is known: no source samples storage, and no instance of the inventory"
            " names one.",
            icon=":material/help:",
        )
        return
    fleet = queries.fleet(at)
    unknown = fleet.get("unknown_volumes") or 0
    st.subheader(answer(first.row(0, named=True), unknown))
    tiles = st.columns(5)
    tiles[0].metric(
        "Used", f"{size(fleet.get('used_bytes'))}", help="Of volumes whose capacity is known"
    )
    tiles[1].metric("Of", size(fleet.get("capacity_bytes")))
    tiles[2].metric("Share used", share(fleet.get("used_share")))
    tiles[3].metric("Growth a day", size(fleet.get("growth_bytes_day")))
    tiles[4].metric(
        "Foreseen", f"{fleet.get('volumes', 0) - unknown} of {fleet.get('volumes', 0)}",
        help="Volumes of which a forecast can be made",
    )  # fmt: skip


def table(at: Snapshot) -> None:
    """Show the volumes, the first that is full first."""
    left, right = st.columns([2, 3])
    word = urlstate.text("Volume contains", "q", left)
    state = urlstate.multiselect("State", list(_STATES), "state", right)
    page = urlstate.number("p", default=1, most=1_000_000)
    skip = (page - 1) * tables.PAGE_ROWS
    found = queries.volumes(at, word=word, state=state, rows=tables.PAGE_ROWS, skip=skip)
    explain.last_query()
    if found.is_empty():
        st.info("0 volumes match.")
        navigation.clear_filters("capacity")
        return
    rows = list(found.iter_rows(named=True))
    shown = pl.DataFrame(
        {
            "alert": [badge(row["verdict"]) for row in rows],
            "volume": [row["volume"] for row in rows],
            "full in (p10–p90)": [days(row) for row in rows],
            "used": [row["used_share"] for row in rows],
            "of": [size(row["capacity_bytes"]) for row in rows],
            "growth a day": [size(row["growth_bytes_day"]) for row in rows],
            "state": [_STATES[row["status"]] for row in rows],
            "method": [_METHODS.get(row["method"] or "", "–") for row in rows],
            "off by": [_error(row) for row in rows],
            "why": [row["reason"] for row in rows],
        }
    )
    tables.picker(
        shown,
        found["volume"].to_list(),
        key="volumes",
        page="capacity",
        parameter="volume",
        alt="Volumes, the first that is full first",
        height="content" if found.height <= _FEW_ROWS else "auto",
        column_config={
            "used": st.column_config.ProgressColumn(
                "used", width="small", min_value=0, max_value=1, format="percent"
            ),
            "off by": st.column_config.TextColumn(
                help="Median error of earlier forecasts of this volume, 30 and 90 days ahead"
            ),
        },
    )
    tables.pages("capacity", total=int(found["total"][0]), number=page, noun="volumes")


def _error(row: dict[str, Any]) -> str:
    if not row["forecasts"]:
        return "–"
    return f"{share(row['error_30d'], 1)} / {share(row['error_90d'], 1)}"


def one(at: Snapshot, name: str) -> None:
    """Show one volume: its past, what is expected, and why."""
    row = queries.volume(at, name)
    if row is None:
        return
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    left.markdown(f"{_STATES[row['status']]}: {plain(row['reason'])}.")
    horizon = _HORIZONS[
        urlstate.segments("Ahead", list(_HORIZONS), "ahead", right, default="180 days")
    ]
    past = queries.measured(at, name, horizon)
    ahead = queries.path(at, name, horizon)
    explain.last_query()
    if past.is_empty():
        st.info("There is not a single sample of it yet.", icon=":material/help:")
        return
    st.altair_chart(
        charts.fan(
            past, ahead, capacity=row["capacity_bytes"],
            full_at={p: row[f"full_at_{p}"] for p in ("p10", "p50", "p90")},
        ),
        width="stretch",
        alt=f"What is used of {name}, what is expected, and its capacity",
    )  # fmt: skip
    st.caption(_legend(row, has_forecast=ahead.height > 0))


def _legend(row: dict[str, Any], *, has_forecast: bool) -> str:
    if not has_forecast:
        return "Solid: measured. There is no forecast, for the reason above."
    parts = ["Solid: measured; dashed: expected, with bands of 80 % and 95 %"]
    if row["capacity_bytes"]:
        parts.append("red dashes: capacity, on it when it is full")
    if row["forecasts"]:
        parts.append(
            f"{row['forecasts']} earlier forecasts of it were off by {share(row['error_30d'], 1)}"
            f" after 30 days and {share(row['error_90d'], 1)} after 90 (median)"
        )
    else:
        parts.append("no earlier forecast of it could be compared with what came yet")
    return "; ".join(parts) + f". Forecast of {zones.moment(row['forecast_at'])}."


def growth(at: Snapshot, name: str) -> None:
    """Show which part of a volume grew."""
    left, right = st.columns(2)
    by = _GROUPS[urlstate.segments("By", list(_GROUPS), "by", left, default="team")]
    window = urlstate.segments("Since", list(_WINDOWS), "since", right, default="30 days")
    parts = queries.growth(at, name, by=by, days=_WINDOWS[window])
    explain.last_query()
    if parts.is_empty():
        st.info(
            f"Nobody can say where the growth of the last {window} comes from: the volume, or the"
            " catalog of what lies on it, has not been watched for so long.",
            icon=":material/help:",
        )
        return
    if parts["part"].is_null().all():
        grown = parts["change_bytes"].sum()
        st.info(
            f"It {'grew' if grown >= 0 else 'shrank'} by {size(abs(grown))} in {window}. No catalog"
            " tells what lies on it, so the growth has no names.",
            icon=":material/help:",
        )
        return
    named = parts.with_columns(name=pl.col("part").fill_null("beside catalogs"))
    rest = named[_MOST_PARTS:]
    shown = named[:_MOST_PARTS].select("name", "change_bytes")
    if rest.height:
        sums = {"name": [f"{rest.height} others"], "change_bytes": [rest["change_bytes"].sum()]}
        shown = pl.concat([shown, pl.DataFrame(sums)])
    st.altair_chart(
        charts.waterfall(shown), width="stretch", alt=f"What each part of {name} grew by"
    )


def repositories(at: Snapshot, name: str) -> None:
    """Show what the catalogs say of a volume."""
    found = queries.repositories(at, name)
    explain.last_query()
    if found.is_empty():
        st.info("No catalog tells of backups on this volume.", icon=":material/help:")
        return
    st.dataframe(
        found.with_columns(
            pl.col(column).map_elements(size, return_dtype=pl.String, skip_nulls=False)
            for column in ("held_bytes", "added_30d_bytes", "expiring_30d_bytes")
        ).rename({
            "source_id": "source", "held_bytes": "held", "added_30d_bytes": "added in 30 days",
            "expiring_30d_bytes": "goes in 30 days", "sets_without_expiry": "sets without an end",
        }),
        hide_index=True,
        alt=f"Repositories on {name}",
    )  # fmt: skip


def network(at: Snapshot) -> None:
    """Show when links have room."""
    found = queries.links(at)
    if found.is_empty():
        st.info("No source samples a network link.", icon=":material/help:")
        return
    first = found.row(0, named=True)
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    link = urlstate.select("Link", found["link"].to_list(), "link", right, default=first["link"])
    chosen = found.filter(pl.col("link") == link).row(0, named=True)
    left.markdown(_tightest(chosen))
    verdict = queries.link_verdict(at, chosen["link"])
    if verdict and verdict["status"] != "ok":
        st.markdown(f"{badge(verdict['status'])}: {plain(verdict['summary'])}")
    hours = zones.in_zone(queries.link_hours(at, chosen["link"]))
    explain.last_query()
    if hours["used_share"].null_count() == hours.height:
        st.info("Nobody says how much this link can carry.", icon=":material/help:")
        return
    spoken = hours.with_columns(
        room=hours["headroom_bytes_s"].map_elements(lambda v: f"{size(v)}/s", pl.String)
    )
    st.altair_chart(
        charts.room_by_hour(spoken),
        width="stretch",
        alt=f"How full {link} was by day and hour",
    )
    st.caption("Four weeks; an hour without a sample is empty, not idle.")


def _tightest(row: dict[str, Any]) -> str:
    if row["headroom_p05_share"] is None:
        return f"○ {plain(row['link'])}: nobody says how much it can carry."
    sign = {"full": "▲", "tight": "◆", "room": "●"}.get(row["status"], "○")
    left = f"{size(row['headroom_p05_bytes_s'])}/s ({share(row['headroom_p05_share'])})"
    return (
        f"{sign} **{plain(row['link'])}** is tightest at {row['hour_of_day']:02d}:00 UTC: on"
        f" nineteen of twenty days {left} were left then."
    )


at = page_header("When do we run out of room?")
overview(at)
everything = queries.names(at)
if everything:
    table(at)
    chosen = urlstate.select("Volume", everything, "volume", default=everything[0])
    if chosen:
        st.header(plain(chosen), anchor=False)
        one(at, chosen)
        st.subheader("What if?")
        what_if.show(at, chosen)
        st.subheader("Where its growth comes from")
        growth(at, chosen)
        st.subheader("Repositories on it")
        repositories(at, chosen)
st.subheader("Room on the network")
network(at)
if everything:
    with st.expander("Download"):
        downloads.offer("capacity", lambda: queries.volumes(at, rows=1_000_000))
        downloads.offer("forecast_daily", lambda: queries.whole(at, "fct_capacity_forecast_daily"))
        downloads.offer("backtest", lambda: queries.whole(at, "fct_capacity_backtest"))
