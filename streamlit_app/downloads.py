"""Files that a page offers: made when they are asked for, not when the page is drawn.

Belongs here: CSV and Parquet of a frame. Does not belong here: which frame.
"""

import io
import json
from collections.abc import Callable
from typing import Any

import polars as pl
import streamlit as st

# A file that opens in a spreadsheet must not run what a tool wrote into a name.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def offer(name: str, fetch: Callable[[], pl.DataFrame], box: Any = st) -> None:
    """Show two buttons that download a frame.

    Args:
        name: Name of the files, without ending.
        fetch: Returns the frame; called when a button is pressed.
        box: Column or container to draw in.
    """
    left, right = box.columns(2)
    left.download_button(
        f"{name}.csv", lambda: as_csv(fetch()), f"{name}.csv", "text/csv",
        key=f"csv_{name}", on_click="ignore", icon=":material/download:", width="stretch",
    )  # fmt: skip
    right.download_button(
        f"{name}.parquet", lambda: as_parquet(fetch()), f"{name}.parquet",
        "application/vnd.apache.parquet",
        key=f"parquet_{name}", on_click="ignore", icon=":material/download:", width="stretch",
    )  # fmt: skip


def as_csv(frame: pl.DataFrame) -> bytes:
    """Return a frame as CSV; nested values as JSON, moments as ISO 8601."""
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    plain = frame.with_columns(
        *(pl.Series(name, [_json(value) for value in frame[name]], pl.String) for name in nested),
        *(pl.when(_is_formula(name)).then("'" + pl.col(name)).otherwise(pl.col(name)).alias(name)
          for name in texts),
    )  # fmt: skip
    return plain.write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.fZ").encode()


def as_parquet(frame: pl.DataFrame) -> bytes:
    """Return a frame as Parquet."""
    target = io.BytesIO()
    frame.write_parquet(target)
    return target.getvalue()


def _is_formula(name: str) -> pl.Expr:
    return pl.any_horizontal(pl.col(name).str.starts_with(sign) for sign in _FORMULA)


def _json(value: Any) -> str | None:
    if isinstance(value, pl.Series):
        value = value.to_list()
    return None if value is None else json.dumps(value, default=str, ensure_ascii=False)
