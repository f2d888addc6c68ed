"""The promise over time: windows, calendar, burn-down, parts of the fleet.

Belongs here: those sections of the RPO page. Does not belong here: the present (see `rpo_now`),
SQL.
"""

from datetime import date
from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, navigation, tables, urlstate
from streamlit_app.charts import calendar as calendars
from streamlit_app.charts import rpo as charts
from streamlit_app.panels.rpo_now import VIOLATED
from streamlit_app.queries import rpo as queries
from streamlit_app.status import badge, duration, plain

_PARTS = {"database": "db_type", "tier": "tier", "team": "team"}
_SHOWN_PARTS = 8
_COLUMNS = 4


def windows(found: pl.DataFrame) -> None:
    """Show how fast the budget burns over each window; two together say if it still goes on."""
    columns = st.columns(found.height)
    for row, box in zip(found.iter_rows(named=True), columns, strict=True):
        ok = row["burn_rate"] <= 1
        name = "today" if row["window_days"] == 1 else f"{row['window_days']} days"
        box.metric(
            f"Burn rate, {name}",
            f"{row['burn_rate']:.2f} ×",
            delta=f"{row['compliance']:.2%} kept",
            delta_color="off",
            delta_arrow="off",
            help=f"{badge('ok' if ok else 'breached')}: {duration(row['violation_s'])} violated of"
            f" {duration(row['budget_s'])} that may be; 1 uses the budget up exactly",
        )
    rates = dict(found.select("window_days", "burn_rate").iter_rows())
    st.caption(_verdict(rates))


def _verdict(rates: dict[int, float]) -> str:
    """Say what the short and the long windows say together."""
    fast, slow = rates.get(1, 0.0), rates.get(7, rates.get(30, 0.0))
    if fast > 1 and slow > 1:
        return "▲ It burns too fast, today and over the week: it goes on."
    if fast > 1:
        return "◆ It burns too fast today, not yet over the week: it has just begun."
    if slow > 1:
        return "◆ It burnt too fast this week, but not today: it may be over."
    return "● It burns slower than it may, today and over the week."


def calendar(at: Snapshot, chosen: dict[str, Any], *, clock: str, promised: float) -> None:
    """Show the last 90 days; a chosen day tells who was in violation."""
    sql = explain.heading("Day by day")
    days = queries.calendar(at, chosen, clock=clock)
    explain.last_query(sql)
    day = _chosen_day(days)
    st.altair_chart(
        calendars.calendar(days, promised=promised, chosen=day),
        width="stretch",
        key="calendar",
        on_select=urlstate.mark("day", "calendar", "day_text"),
        alt="RPO compliance of each of the last 90 days",
    )
    told = "as it was known then" if clock == queries.CLOCKS[0] else "in hindsight"
    st.caption(
        f"Percent of the time in which the objective was kept, by UTC day, {told}. Choose a day to"
        " see who was in violation."
    )
    if day is not None:
        _violators(at, chosen, day, clock)


def _chosen_day(days: pl.DataFrame) -> date | None:
    try:
        day = date.fromisoformat(st.query_params.get("day", ""))
    except ValueError:
        return None
    return day if day in days["day"] else None


def _violators(at: Snapshot, chosen: dict[str, Any], day: date, clock: str) -> None:
    sql = explain.heading(f"In violation on {day:%d %b %Y}")
    found = queries.violators(at, chosen, day=day, clock=clock)
    explain.last_query(sql)
    here = {k: st.query_params.get_all(k) for k in st.query_params if k != "day"}
    navigation.link("rpo", "← all days", **here)
    if found.is_empty():
        st.info("Nobody, as far as it was measured.", icon=":material/help:")
        return
    tables.picker(
        found.select(
            pl.col("instance_id").alias("instance"),
            *VIOLATED,
        ),
        found["instance_id"].to_list(),
        key="violators",
        page="instance",
        alt="Who was in violation on that day, the longest first",
    )
    if found["total"][0] > found.height:
        st.caption(f"The first {found.height} of {found['total'][0]}.")


def burn_down(at: Snapshot, chosen: dict[str, Any], *, days: int, clock: str) -> None:
    """Show how the error budget of the window was spent."""
    sql = explain.heading(f"Error budget of {days} days")
    spent = queries.burn_down(at, chosen, days=days, clock=clock)
    explain.last_query(sql)
    if spent.height < 2:
        st.info("Fewer than two days were measured: nothing to draw.", icon=":material/help:")
        return
    st.altair_chart(
        charts.burn_down(spent, last=spent["day"][-1]),
        width="stretch",
        alt="Share of the error budget that was left at the end of each day",
    )
    st.caption(
        "What was left at the end of each UTC day of the window's whole budget. Dotted: a pace that"
        " uses it up exactly. Below the dashed line it is overdrawn."
    )


def parts(at: Snapshot, chosen: dict[str, Any], *, days: int, promised: float) -> None:
    """Show compliance of each database type, tier or team, the worst first."""
    sql = explain.heading("Parts of the fleet")
    by = urlstate.segments("By", tuple(_PARTS), "by", default="database")
    found = queries.by_part(at, chosen, part=_PARTS[by], days=days)
    explain.last_query(sql)
    names = found["part"].unique(maintain_order=True).to_list()
    low = max(min(float(found["compliance"].min() or 0), promised) - 0.02, 0)
    columns: list[Any] = []
    for number, name in enumerate(names[:_SHOWN_PARTS]):
        if number % _COLUMNS == 0:
            columns = list(st.columns(_COLUMNS))
        one = found.filter(pl.col("part") == name)
        whole = one["whole"][0]
        word = f"tier {name}" if by == "tier" else plain(name)
        sign = "●" if whole >= promised else "▲"
        box = columns[number % _COLUMNS]
        box.markdown(f"{sign} **{word}** {whole:.2%}")
        box.altair_chart(
            charts.part(one, promised=promised, low=low),
            width="stretch",
            alt=f"RPO compliance of {name} by day",
        )
    if len(names) > _SHOWN_PARTS:
        st.caption(f"The worst {_SHOWN_PARTS} of {len(names)}; use the filter for the others.")
