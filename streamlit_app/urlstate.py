"""The URL is the only truth of filters, so links, back, forward, reload and cold links work.

Belongs here: widgets that are seeded from the URL and write it. Does not belong here: pages.

Widgets are not bound to query parameters: Streamlit's own binding pushes two history entries when
a page is left. One change of a widget writes all parameters at once, which is one history entry.
"""

from collections.abc import Sequence
from typing import Any

import streamlit as st


def _write(key: str) -> None:
    value = st.session_state["w_" + key]
    kept = {k: st.query_params.get_all(k) for k in st.query_params if k not in (key, "p")}
    if value not in (None, "", [], 1 if key == "p" else None):
        kept[key] = [str(v) for v in value] if isinstance(value, list) else [str(value)]
    st.query_params.from_dict(kept)


def _seed(key: str, value: Any) -> None:
    if st.session_state.get("w_" + key) != value:
        st.session_state["w_" + key] = value


def multiselect(label: str, options: Sequence[Any], key: str, box: Any = st) -> list[Any]:
    """Show a multiselect; values in the URL that are no options are ignored."""
    by_text = {str(option): option for option in options}
    _seed(key, [by_text[text] for text in st.query_params.get_all(key) if text in by_text])
    return list(box.multiselect(label, options, key="w_" + key, on_change=_write, args=(key,)))


def text(label: str, key: str, box: Any = st) -> str:
    """Show a text input."""
    _seed(key, st.query_params.get(key, ""))
    return str(box.text_input(label, key="w_" + key, on_change=_write, args=(key,)))


def number(key: str, *, default: int, most: int) -> int:
    """Return a whole number from the URL, within 1 and `most`."""
    try:
        return min(max(int(st.query_params.get(key, default)), 1), max(most, 1))
    except ValueError:
        return default
