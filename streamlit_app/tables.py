"""Tables on the page: one row chosen opens its page, long ones are paged on the server.

Belongs here: how a table behaves. Does not belong here: its rows, its columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import streamlit as st

from streamlit_app import navigation
from streamlit_app.status import plain

PAGE_ROWS = 50


def said(column: str, how: Callable[[Any], str], name: str | None = None) -> pl.Expr:
    """Return a column as the words that `how` makes of each value, of nothing too."""
    words = pl.col(column).map_elements(how, return_dtype=pl.String, skip_nulls=False)
    return words.alias(name or column)


@dataclass(frozen=True)
class Target:
    """Where a row of a table leads: a page, what it is asked, and its name in the link."""

    page: str
    label: str
    parameters: dict[str, str] = field(default_factory=dict)


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
    targets = [
        Target(page, label, {parameter: one})
        for one, label in zip(keys, labels or keys, strict=True)
    ]
    row = opener(shown, targets, key=key, alt=alt, column_config=column_config, height=height)
    return None if row is None else keys[row]


def opener(
    shown: pl.DataFrame,
    targets: Sequence[Target | None],
    *,
    key: str,
    alt: str,
    column_config: dict[str, Any] | None = None,
    height: int | str = "auto",
) -> int | None:
    """Show a table whose rows lead to different pages, or are asked for by more than one key.

    Args:
        shown: The columns to show, one row a subject.
        targets: Where each row leads; None leads nowhere.
        key: Name of the table, one a page.
        alt: What the table is, for a screen reader.
        column_config: As in `st.dataframe`.
        height: As in `st.dataframe`.

    Returns:
        The chosen row, or None.
    """
    strip = st.container()
    picked = st.dataframe(
        shown, hide_index=True, key=key, on_select="rerun", selection_mode="single-row",
        column_config=column_config, alt=alt, height=height,
    )  # fmt: skip
    rows = [row for row in picked["selection"]["rows"] if row < len(targets)]
    if not rows:
        strip.caption("Select a row to open it.")
        return None
    target = targets[rows[0]]
    if target is None:
        strip.caption("There is no page about this one.")
    else:
        label = f"Open {plain(target.label)} →"
        navigation.link(target.page, label, strip, **target.parameters)
    return rows[0]


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
