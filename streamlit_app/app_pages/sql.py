"""SQL: a planner's own question, on the published snapshot, read-only.

Belongs here: the page. Does not belong here: running a query (see `queries.planner`).
"""

import streamlit as st

from cbcr_assets.warehouse import Snapshot, WarehouseError
from cbcr_assets.warehouse.guest import Answer, Limits
from streamlit_app import access, downloads, navigation, urlstate
from streamlit_app.header import page_header
from streamlit_app.queries import planner

_LIMITS = Limits()
_FIRST = "select volume, status, reason from marts.fct_capacity_forecast order by volume"


def example() -> None:
    """Let the reader take a recipe of the cookbook; it becomes the question in the address."""
    found = planner.recipes()
    if not found:
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    title = left.selectbox("From the cookbook", list(found), index=None, placeholder="A question …")
    if title:
        navigation.link("sql", "Take it →", right, query=found[title])


def ask(at: Snapshot, sql: str) -> None:
    """Run a question when its button is pressed, and show what came of it."""
    left, right = st.columns([1, 5], vertical_alignment="center")
    if left.button("Run", type="primary", icon=":material/play_arrow:", disabled=not sql.strip()):
        st.session_state["sql"] = (at.version, sql, _answer(at, sql))
    right.caption(
        f"One SELECT on data version {at.version}, in a process of its own: at most"
        f" {_LIMITS.seconds:.0f} s, {_LIMITS.memory_bytes >> 20} MiB and {_LIMITS.rows:,} rows;"
        " no files, no network, no writing."
    )
    version, asked, answer = st.session_state.get("sql", (0, "", None))
    if answer is None or (version, asked) != (at.version, sql):
        return
    if isinstance(answer, str):
        st.error("That did not work:", icon=":material/warning:")
        st.code(answer, language=None, wrap_lines=True)
        return
    _show(answer)


def _answer(at: Snapshot, sql: str) -> Answer | str:
    try:
        with st.spinner("running …"):
            return planner.run(at, sql)
    except (WarehouseError, access.NotAllowedError) as error:
        return str(error)


def _show(answer: Answer) -> None:
    if answer.is_cut:
        st.warning(
            f"These are the first {answer.frame.height:,} rows; there are more.",
            icon=":material/content_cut:",
        )
    else:
        st.caption(f"{answer.frame.height:,} rows")
    st.dataframe(answer.frame, hide_index=True, alt="What the query gave")
    downloads.offer("answer", lambda: answer.frame)


at = page_header("Ask your own question")
navigation.link("dictionary", "What there is to ask for: every table and column →")
example()
ask(at, urlstate.area("Query", "query", default=_FIRST))
