"""What every page begins with: which data this is, how old, and what part of it is shown.

Belongs here: title, filter, and the states that stop a page. Does not belong here: content.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import urlstate, zones
from streamlit_app.queries import scope, session
from streamlit_app.status import duration

_STALE = timedelta(minutes=30)
_FOLLOW_S = 5
_AGED_S = 60
_HOW = """Nothing was published yet, so there is nothing to show.

Run `cbcr pull`, `cbcr build` and `cbcr publish`, or let `cbcr up` do it; `make demo` shows a
simulated fleet. This page looked in `{folder}`."""


def page_header(title: str) -> Snapshot:
    """Show the title with version and age of the data; stop the page when there is none."""
    left, right = st.columns([4, 2], vertical_alignment="bottom")
    left.title(title)
    at = session.snapshot()
    if at is None:
        st.error(_HOW.format(folder=session.serving()), icon=":material/warning:")
        st.stop()
    age = _now() - at.published_at
    told = duration(max(age.total_seconds(), 0))
    zones.chooser(right)
    st.caption(f"data version {at.version} · published {told} ago · {zones.told()}")
    if age > _STALE:
        st.warning(
            f"This data is {told} old. What is shown as ok may no longer be: is `cbcr up` running?",
            icon=":material/warning:",
        )
    _check(at)
    _follow(at.version, _now())
    return at


def filter_bar(at: Snapshot, *more: Any) -> tuple[dict[str, Any], list[Any]]:
    """Show the filter that every page shares.

    Args:
        at: Which snapshot the choices are of.
        more: Relative widths of further columns, drawn before the filter.

    Returns:
        The parameters of the filter, and the further columns for the page's own widgets.
    """
    boxes = st.columns([*more, 1, 1, 1])
    options = scope.choices(at)
    team, tier, db_type = boxes[len(more) :]
    chosen = scope.scope(
        urlstate.multiselect("Team", options["team"], "team", team),
        urlstate.multiselect("Tier", options["tier"], "tier", tier),
        urlstate.multiselect("Database", options["db_type"], "db_type", db_type),
    )
    return chosen, list(boxes[: len(more)])


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@st.fragment(run_every=_FOLLOW_S)
def _follow(version: int, drawn_at: datetime) -> None:
    """Draw the whole page again when there is newer data, or when its ages are a minute old."""
    newest = session.snapshot()
    aged = _now() - drawn_at > timedelta(seconds=_AGED_S)
    if newest is not None and (newest.version != version or aged):
        st.rerun()


def _check(at: Snapshot) -> None:
    try:
        scope.choices(at)
    except duckdb.CatalogException:
        st.error(
            "This snapshot was published before the first build: run `cbcr build`, then"
            " `cbcr publish`.",
            icon=":material/warning:",
        )
        st.stop()
