"""The URL is the only truth of filters, so links, back, forward, reload and cold links work.

Belongs here: widgets that are seeded from the URL and write it. Does not belong here: pages.

Widgets are not bound to query parameters: Streamlit's own binding pushes two history entries when
a page is left. One change of a widget writes all parameters at once, which is one history entry.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import streamlit as st


def _write(key: str, default: Any = None) -> None:
    value = st.session_state["w_" + key]
    kept = {k: st.query_params.get_all(k) for k in st.query_params if k not in (key, "p")}
    if value not in (None, "", [], default):
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


def select(
    label: str, options: Sequence[str], key: str, box: Any = st, *, default: str | None = None
) -> str | None:
    """Show a selectbox; without `default` it may be empty. An unknown value in the URL is ignored.

    What equals the default is not written to the URL.
    """
    asked = st.query_params.get(key)
    _seed(key, asked if asked in options else default)
    shown: str | None = box.selectbox(
        label, options, index=None, key="w_" + key, on_change=_write, args=(key, default)
    )
    return shown


def segments(label: str, options: Sequence[str], key: str, box: Any = st, *, default: str) -> str:
    """Show a few choices side by side, one of which is always chosen."""
    asked = st.query_params.get(key)
    _seed(key, asked if asked in options else default)
    shown = box.segmented_control(
        label, options, key="w_" + key, on_change=_write, args=(key, default), required=True
    )
    return str(shown or default)


def whole_number(
    label: str, key: str, box: Any = st, *, default: int, least: int, most: int, step: int = 1
) -> int:
    """Show a slider of whole numbers."""
    try:
        asked = int(st.query_params.get(key, default))
    except ValueError:
        asked = default
    _seed(key, min(max(asked, least), most))
    shown = box.slider(
        label, least, most, step=step, key="w_" + key, on_change=_write, args=(key, default)
    )
    return int(shown)


def text(label: str, key: str, box: Any = st, *, placeholder: str | None = None) -> str:
    """Show a text input."""
    _seed(key, st.query_params.get(key, ""))
    shown = box.text_input(
        label, key="w_" + key, placeholder=placeholder, on_change=_write, args=(key,)
    )
    return str(shown)


def area(label: str, key: str, box: Any = st, *, default: str) -> str:
    """Show an input of several lines."""
    _seed(key, st.query_params.get(key, default))
    shown = box.text_area(label, key="w_" + key, height=220, on_change=_write, args=(key, default))
    return str(shown)


def day(label: str, key: str, box: Any = st, *, default: date) -> date:
    """Show a date; what is no date in the URL is the default."""
    try:
        asked = date.fromisoformat(st.query_params.get(key, ""))
    except ValueError:
        asked = default
    _seed(key, asked)
    shown = box.date_input(label, key="w_" + key, on_change=_write, args=(key, default))
    return shown if isinstance(shown, date) else default


def number(key: str, *, default: int, most: int) -> int:
    """Return a whole number from the URL, within 1 and `most`."""
    try:
        return min(max(int(st.query_params.get(key, default)), 1), max(most, 1))
    except ValueError:
        return default


def mark(key: str, chart: str, field: str, parameter: str = "pick") -> Callable[[], None]:
    """Return what a chart does when a mark of it is chosen: the mark's field goes to the URL.

    The chart draws what is chosen from the URL, so back and forward move the choice, too.

    Args:
        key: Parameter of the URL.
        chart: Key of the chart in the session.
        field: Field of the mark, a text.
        parameter: Name of the chart's selection parameter.
    """

    def choose() -> None:
        marks = st.session_state[chart]["selection"].get(parameter) or []
        if marks:
            kept = {k: st.query_params.get_all(k) for k in st.query_params if k != key}
            st.query_params.from_dict({**kept, key: str(marks[0][field])})

    return choose
