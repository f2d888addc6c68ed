"""Which pages there are, how they are called, and links between them.

Belongs here: the list of pages and links that keep what the reader chose. Does not belong here:
content. A page is one file in `app_pages/`; it is entered here and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.navigation.page import StreamlitPage

# What the reader chose once and wants to keep from page to page.
KEPT = ("team", "tier", "db_type", "tz")


@dataclass(frozen=True)
class Entry:
    """A page: its title, its icon, and whether the menu shows it."""

    title: str
    icon: str
    in_menu: bool = True


PAGES = {
    "overview": Entry("Overview", ":material/home:"),
    "rpo": Entry("RPO", ":material/timelapse:"),
    "restores": Entry("Restores & drills", ":material/settings_backup_restore:"),
    "operations": Entry("Operations", ":material/schedule:"),
    "instances": Entry("Instances", ":material/database:"),
    "instance": Entry("Instance", ":material/database:", in_menu=False),
    "job": Entry("Backup job", ":material/receipt_long:", in_menu=False),
    "capacity": Entry("Capacity", ":material/storage:"),
    "health": Entry("Health", ":material/monitor_heart:"),
    "alerts": Entry("Alerts", ":material/notifications:"),
    "trust": Entry("Data trust", ":material/verified:"),
    "dictionary": Entry("Data dictionary", ":material/menu_book:", in_menu=False),
    "sql": Entry("SQL", ":material/terminal:"),
}


def made() -> dict[str, StreamlitPage]:
    """Return every page as Streamlit knows it; `link` finds them in the session."""
    pages = {
        name: st.Page(
            f"app_pages/{name}.py",
            title=entry.title,
            icon=entry.icon,
            url_path=name,
            default=name == "overview",
            visibility="visible" if entry.in_menu else "hidden",
        )
        for name, entry in PAGES.items()
    }
    st.session_state["pages"] = pages
    return pages


def link(page: str, label: str, box: Any = st, **parameters: str | Sequence[str]) -> None:
    """Show a link to a page that keeps the chosen filter and time zone.

    Args:
        page: Name of the page, as in `PAGES`.
        label: What is shown; foreign text must have gone through `status.plain`.
        box: Column or container to draw in.
        parameters: What the page is asked, such as `id`; they win over what is kept. An empty
            one is left out of the address.
    """
    kept = {key: st.query_params.get_all(key) for key in KEPT if key in st.query_params}
    asked = {key: value for key, value in {**kept, **parameters}.items() if value}
    box.page_link(st.session_state["pages"][page], label=label, query_params=asked)


def clear_filters(page: str) -> None:
    """Show the way out of a filter that matches nothing: the page without any."""
    zone = st.query_params.get_all("tz")
    box_parameters = {"tz": zone} if zone else {}
    st.page_link(
        st.session_state["pages"][page], label="Clear filters", query_params=box_parameters
    )
