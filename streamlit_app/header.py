"""What every page begins with: which data this is, how old, and what to do when there is none.

Belongs here: the header and the states that stop a page. Does not belong here: a page's content.
"""

from datetime import UTC, datetime, timedelta

import duckdb
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import queries
from streamlit_app.status import duration

_STALE = timedelta(minutes=30)
_HOW = """Nothing was published yet, so there is nothing to show.

Run `cbcr pull`, `cbcr build` and `cbcr publish`, or let `cbcr up` do it; `make demo` shows a
simulated fleet. This page looked in `{folder}`."""


def page_header(title: str) -> Snapshot:
    """Show the title with version and age of the data; stop the page when there is none."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.title(title)
    at = queries.snapshot()
    if at is None:
        st.error(_HOW.format(folder=queries.serving()), icon=":material/warning:")
        st.stop()
    age = datetime.now(UTC).replace(tzinfo=None) - at.published_at
    told = duration(max(age.total_seconds(), 0))
    right.caption(f"data version {at.version} · published {told} ago · all times UTC")
    if age > _STALE:
        st.warning(
            f"This data is {told} old. What is shown as ok may no longer be: is `cbcr up` running?",
            icon=":material/warning:",
        )
    _check(at)
    return at


def _check(at: Snapshot) -> None:
    try:
        queries.choices(at)
    except duckdb.CatalogException:
        st.error(
            "This snapshot was published before the first build: run `cbcr build`, then"
            " `cbcr publish`.",
            icon=":material/warning:",
        )
        st.stop()
