"""Tables on the page: one row chosen opens its page, long ones are paged on the server.

Belongs here: how a table behaves. Does not belong here: its rows, its columns.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl
import streamlit as st

from streamlit_app import navigation
from streamlit_app.status import plain

PAGE_ROWS = 50


def picker(
    shown: pl.DataFrame,
    keys: Sequence[str],
    *,
    key: str,
    page: str,
    parameter: str = "id",
    alt: str,
    labels: Sequence[str] | None = None,
    column_config: dict[str, Any] | None = None,
    height: int | str = "auto",
) -> str | None:
    """Show a table in which one row can be chosen; a link above it opens what was chosen.

    Args:
        shown: The columns to show, one row a subject.
        keys: What the page is asked for, one a row.
        key: Name of the table, one a page.
        page: The page to open.
        parameter: What the key is called in that page's address.
        alt: What the table is, for a screen reader.
        labels: Names to show in the link; the keys by default.
        column_config: As in `st.dataframe`.
        height: As in `st.dataframe`.

    Returns:
        The chosen key, or None.
    """
    strip = st.container()
    picked = st.dataframe(
        shown, hide_index=True, key=key, on_select="rerun", selection_mode="single-row",
        column_config=column_config, alt=alt, height=height,
    )  # fmt: skip
    rows = [row for row in picked["selection"]["rows"] if row < len(keys)]
    if not rows:
        strip.caption("Select a row to open it.")
        return None
    label = plain((labels or keys)[rows[0]])
    navigation.link(page, f"Open {label} →", strip, **{parameter: keys[rows[0]]})
    return keys[rows[0]]


def pages(page: str, *, total: int, number: int, noun: str) -> None:
    """Show which page of a long list this is, and links to the one before and the one after."""
    count = max(-(-total // PAGE_ROWS), 1)
    here = {k: st.query_params.get_all(k) for k in st.query_params if k != "p"}
    left, middle, right = st.columns([1, 4, 1])
    middle.caption(f"{total} {noun}, page {number} of {count}.")
    if number > 1:
        navigation.link(page, "← previous", left, **{**here, "p": str(number - 1)})
    if number < count:
        navigation.link(page, "next →", right, **{**here, "p": str(number + 1)})
