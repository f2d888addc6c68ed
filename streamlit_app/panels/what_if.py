"""Capacity, what if: the planner's question in the address, the new date beside the old one.

Belongs here: its widgets and words. Does not belong here: the computation (see
`cbcr_assets.reports.capacity`).
"""

from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from cbcr_assets.reports.capacity import WhatIf, parse_bytes
from cbcr_assets.warehouse import Snapshot, WarehouseError
from streamlit_app import explain, urlstate, zones
from streamlit_app.charts import capacity as charts
from streamlit_app.queries import capacity as queries
from streamlit_app.status import plain, size

_YEAR = timedelta(days=365)
_STATES = {
    "full": "full already",
    "filling": "filling",
    "not_filling": "not filling",
    "insufficient_history": "too little history",
    "stale": "silent",
    "unknown_capacity": "size unknown",
}


def show(at: Snapshot, volume: str) -> None:
    """Show the question about one volume and its answer."""
    asked = _asked(at, volume)
    if asked is None:
        return
    try:
        answer = queries.what_if(at, asked)
    except WarehouseError as error:
        st.error(plain(str(error)), icon=":material/warning:")
        return
    explain.last_query()
    if asked.retention_days and not queries.is_planned(at, volume):
        st.info(
            "No catalog tells what is kept on this volume, so keeping backups longer or shorter"
            " changes nothing here.",
            icon=":material/help:",
        )
    _tell(answer, is_changed=asked != WhatIf(volume=volume), until=at.published_at + _YEAR)


def _asked(at: Snapshot, volume: str) -> WhatIf | None:
    """Show the widgets; return what they ask, or None where it cannot be understood."""
    boxes = st.columns(5, vertical_alignment="bottom")
    keep = urlstate.whole_number(
        "Keep longer, days", "keep", boxes[0], default=0, least=-90, most=180
    )
    growth = urlstate.whole_number(
        "More growth, %", "more", boxes[1], default=0, least=-100, most=300, step=5
    )
    new = urlstate.whole_number("New databases", "new", boxes[2], default=0, least=0, most=200)
    options = queries.like(at, volume, st.query_params.get("like", ""))
    like = urlstate.select("… like", options, "like", boxes[3])
    room = urlstate.text("Room added", "room", boxes[4], placeholder="10TB, -500GB")
    try:
        more = parse_bytes(room) if room else 0
    except ValueError as error:
        st.error(plain(str(error)), icon=":material/warning:")
        return None
    if new and not like:
        text = (
            "Say which instance the new databases are like."
            if options
            else "No catalog tells how the databases on this volume are backed up, so nobody can"
            " say what a new one would take."
        )
        st.info(text, icon=":material/help:")
        new = 0
    return WhatIf(
        volume=volume, retention_days=keep, growth_share=growth / 100, onboard=new,
        like=like if new else None, expand_bytes=more,
    )  # fmt: skip


def _tell(answer: dict[str, Any], *, is_changed: bool, until: datetime) -> None:
    before = [answer[f"full_at_{p}_now"] for p in ("p10", "p50", "p90")]
    after = [answer[f"full_at_{p}"] for p in ("p10", "p50", "p90")]
    tiles = st.columns(4)
    tiles[0].metric("Full, as it is", _date(before, answer["status_now"]))
    tiles[1].metric(
        "Full, as asked", _date(after, answer["status"]), _moved(before[1], after[1]),
        delta_color="normal",
    )  # fmt: skip
    tiles[2].metric("Used in a year", size(answer["used_in_a_year_bytes"]))
    tiles[3].metric("Room there is then", size(answer["capacity_bytes"]))
    if not is_changed:
        st.caption("Nothing is asked yet: move a slider. What you ask is in the address.")
        return
    if before[0] is None and after[0] is None:
        return
    st.altair_chart(
        charts.dates([("as it is", *before), ("as asked", *after)], until=until),
        width="stretch",
        alt="When the volume is full, as it is and as asked",
    )
    st.caption(
        "From the earliest (p10) to the latest (p90) date; the diamond is the expected one. A bar"
        " without one goes on: within a year, only the edge of the band reaches the capacity."
    )


def _date(moments: list[datetime | None], status: str) -> str:
    if status in ("full", "stale", "insufficient_history", "unknown_capacity"):
        return _STATES[status]
    first, middle, _ = moments
    if middle is not None:
        return zones.day(middle)
    return "over a year" if first is not None else "not in sight"


def _moved(before: datetime | None, after: datetime | None) -> str | None:
    if before is None or after is None or before == after:
        return None
    days = round((after - before).total_seconds() / 86400)
    return f"{days:+d} days" if days else None
