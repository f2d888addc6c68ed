"""A sentence beside a coloured bar, and a count beside one: the first thing a page says.

Belongs here: how they look. Does not belong here: which status something has.
Text comes in as it is; it is escaped here.
"""

from html import escape
from typing import Any

import streamlit as st


def strip(colour: str, head: str, text: str = "", box: Any = st) -> None:
    """Show a sentence with a bold head beside a bar of a status's colour."""
    said = f"<b>{_flat(head)}</b>" + (f" {_flat(text)}" if text else "")
    box.markdown(
        f"<div style='border-left:6px solid {colour};padding:.2rem .8rem;"
        f"margin-bottom:.6rem;font-size:1.2rem;overflow-wrap:anywhere'>{said}</div>",
        unsafe_allow_html=True,
    )


def count(colour: str, label: str, figure: str, note: str, box: Any = st) -> None:
    """Show one large figure beside a bar of a status's colour."""
    box.markdown(
        f"<div style='border-left:6px solid {colour};padding-left:.7rem'>"
        f"<div style='font-size:.9rem;white-space:nowrap'>{_flat(label)}</div>"
        f"<div style='font-size:2.2rem;font-weight:600;line-height:1.1'>{_flat(figure)}</div>"
        f"<div style='font-size:.8rem;opacity:.7'>{_flat(note)}</div></div>",
        unsafe_allow_html=True,
    )


def _flat(text: str) -> str:
    # A blank line would end the block of HTML; a dollar sign would begin a formula.
    return escape(" ".join(text.split())).replace("$", "&#36;")
