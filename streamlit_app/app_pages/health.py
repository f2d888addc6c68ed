"""Health: is everything that backups need well, and if not, why?

Belongs here: the order of the page and its sentence. Does not belong here: its sections (see
`panels.health` and `panels.health_signals`), SQL.
"""

from typing import Any

import streamlit as st

from streamlit_app.header import page_header
from streamlit_app.panels import health as panels
from streamlit_app.panels import health_signals
from streamlit_app.queries import health as queries
from streamlit_app.status import HEALTH_COLOURS, HEALTH_SIGNS, plain


def sentence(fleet: dict[str, Any]) -> str:
    """Return how healthy the fleet is; the mean never speaks for what is dead."""
    score = f"**{fleet['headline']:.0f} of 100**"
    if fleet["tier1_bad"]:
        worst = min(fleet["worst"], key=lambda one: (one["tier"], one["score"] or 0))
        name = f"{worst['kind'].replace('_', ' ')} {plain(worst['component_id'])}"
        return (
            f"{score}: **{fleet['tier1_bad']}** components of tier 1 are critical or unknown, such"
            f" as {name} ({plain(worst['main_reason'])})."
        )
    bad = fleet["critical"] + fleet["unknown"]
    if bad:
        return f"{score}: nothing of tier 1, but **{bad}** components are critical or unknown."
    return f"{score}: no component is critical or unknown."


def tiles(fleet: dict[str, Any]) -> None:
    """Show how many components are in which state."""
    boxes = st.columns(6)
    for box, (state, colour) in zip(boxes, HEALTH_COLOURS.items(), strict=False):
        box.markdown(
            f"<div style='border-left:6px solid {colour};padding-left:.7rem'>"
            f"<div style='font-size:.9rem'>{HEALTH_SIGNS[state]} {state}</div>"
            f"<div style='font-size:2.2rem;font-weight:600;line-height:1.1'>{fleet[state]}</div>"
            f"<div style='font-size:.8rem;opacity:.7'>of {fleet['components']}</div></div>",
            unsafe_allow_html=True,
        )
    boxes[5].metric(
        "Mean",
        f"{fleet['mean_score']:.0f}",
        help="Weighted by tier. It cannot be trusted alone: it hides a dead component of tier 1,"
        " so the headline is the least of this, the worst of tier 1 and 25, and 59 where one of"
        " tier 1 is critical or unknown.",
    )


at = page_header("How healthy is it all?")
fleet = queries.rollup(at, "fleet")
if fleet.is_empty():
    st.info(
        "No component is known, so nothing is known of its health: fill the inventory, or wait for"
        " the first reading of a source.",
        icon=":material/help:",
    )
    st.stop()
st.subheader(sentence(fleet.row(0, named=True)))
tiles(fleet.row(0, named=True))
st.subheader("By kind")
panels.cards(queries.rollup(at, "kind"))
st.subheader("Components")
panels.components(at)
st.subheader("How the fleet went")
panels.past(at)
st.subheader("Workers and queues")
health_signals.workers(at)
st.subheader("What moved together")
health_signals.together(at)
st.subheader("Odd backups")
health_signals.anomalies(at)
