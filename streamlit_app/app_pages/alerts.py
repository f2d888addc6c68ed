"""Alerts: what is open, who takes care, and does alerting itself work?

Belongs here: the order of the page and its sentence. Does not belong here: its sections (see
`panels.alerts` and `panels.alert_record`), SQL.
"""

from typing import Any

import streamlit as st

from cbcr_assets.alerting.board import Board
from cbcr_assets.steps.own_alerts import TICKS_SILENT_S
from streamlit_app.header import page_header
from streamlit_app.panels import alert_record
from streamlit_app.panels import alerts as panels
from streamlit_app.queries import alerts as queries
from streamlit_app.status import duration, plain


def sentence(severities: list[dict[str, Any]]) -> str:
    """Return what is open, in words."""
    total = sum(row["alerts"] for row in severities)
    if not total:
        return "Nothing is open."
    untaken = sum(row["untaken"] for row in severities)
    critical = sum(row["critical"] for row in severities)
    open_ = f"**{total}** alerts are open, **{critical}** of them critical"
    if not untaken:
        return f"{open_}; somebody has each of them, or it is kept quiet."
    return f"{open_}; nobody has **{untaken}**."


def dead_man(age_s: float | None) -> None:
    """Say whether the clockwork behind all timers runs."""
    if age_s is None:
        st.error(
            "No tick was ever done: nobody repeats, escalates or retries. Run `cbcr up`.",
            icon=":material/heart_broken:",
        )
    elif age_s > TICKS_SILENT_S:
        st.error(
            f"The last tick was {duration(age_s)} ago; after {duration(TICKS_SILENT_S)} it is"
            " taken for dead. Nobody repeats, escalates or retries: is `cbcr up` running?",
            icon=":material/heart_broken:",
        )
    else:
        st.caption(f"● the last tick was {duration(age_s)} ago: timers, repeats and retries run")


def first_look(board: Board) -> tuple[list[dict[str, Any]], float | None]:
    """Return what the top of the page needs."""
    return board.groups("severity"), board.tick_age_s()


at = page_header("Who takes care of what?")
try:
    by_severity, tick_age_s = queries.look(first_look)
except queries.BoardUnreadableError as error:
    st.error(
        f"What is open now cannot be told: {plain(str(error))}. Below is what was exported into"
        " this snapshot.",
        icon=":material/warning:",
    )
    st.subheader("How it went")
    alert_record.figures(at)
    st.subheader("The last 30 days")
    alert_record.past(at)
    st.stop()

st.subheader(sentence(by_severity))
dead_man(tick_age_s)
if by_severity:
    panels.incidents(panels.groups())
elif "alert" in st.query_params:
    panels.one(st.query_params["alert"])
st.subheader("Silences")
panels.silences()
st.subheader("Channels")
alert_record.channels()
st.subheader("How it went")
alert_record.figures(at)
with st.expander("The last 30 days"):
    alert_record.past(at)
