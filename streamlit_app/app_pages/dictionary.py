"""The data dictionary: what every table and column means.

Belongs here: finding in it. Does not belong here: any description (the contracts own them; see
`cbcr_assets.reports.dictionary`).
"""

import polars as pl
import streamlit as st

from cbcr_assets.reports.dictionary import LAYERS, Described, tables
from streamlit_app import navigation, urlstate
from streamlit_app.header import page_header
from streamlit_app.status import plain
from streamlit_app.tables import picker

_MOST_COLUMNS = 300


def matches(table: Described, word: str) -> list[tuple[str, str, str]]:
    """Return the columns of a table that a word is found in; all where the table itself is."""
    if word in f"{table.layer}.{table.name} {table.meaning}".lower():
        return list(table.columns)
    return [column for column in table.columns if word in " ".join(column).lower()]


def one(name: str) -> None:
    """Show one table."""
    found = [table for table in tables() if f"{table.layer}.{table.name}" == name]
    if not found:
        st.warning(f"There is no table {plain(name)}.", icon=":material/search:")
        return
    table = found[0]
    st.subheader(plain(name), anchor=False)
    st.markdown(plain(table.meaning))
    frame = pl.DataFrame(table.columns, orient="row", schema=["column", "type", "meaning"])
    st.dataframe(frame, hide_index=True, height="content", alt=f"Columns of {name}")
    navigation.link("sql", f"Look into {plain(name)} →", query=f"select * from {name} limit 100")


page_header("What does it mean?")
left, right = st.columns([2, 1])
word = urlstate.text("Contains", "q", left, placeholder="exposure, recovery point, _bytes …")
layers = urlstate.multiselect("Schema", list(LAYERS), "schema", right)
chosen = st.query_params.get("table", "")
if chosen:
    navigation.link("dictionary", "← all tables")
    one(chosen)
    st.stop()
found = [
    (table, columns)
    for table in tables()
    if (not layers or table.layer in layers) and (columns := matches(table, word.lower()))
]
if not found:
    st.info("0 tables and columns match.")
    navigation.clear_filters("dictionary")
    st.stop()
names = [f"{table.layer}.{table.name}" for table, _ in found]
picker(
    pl.DataFrame(
        {
            "table": names,
            "a row is": [table.meaning for table, _ in found],
            "columns": [len(table.columns) for table, _ in found],
        }
    ),
    names,
    key="tables",
    page="dictionary",
    parameter="table",
    alt="Tables of the warehouse",
)
if word:
    hits = [
        (name, *column)
        for name, (_, columns) in zip(names, found, strict=True)
        for column in columns
        if word.lower() in " ".join(column).lower()
    ]
    if hits:
        st.subheader("Columns")
        st.dataframe(
            pl.DataFrame(
                hits[:_MOST_COLUMNS], orient="row", schema=["table", "column", "type", "meaning"]
            ),
            hide_index=True,
            alt="Columns that match",
        )
        if len(hits) > _MOST_COLUMNS:
            st.caption(f"The first {_MOST_COLUMNS} of {len(hits)}.")
st.caption(
    "What a number means is told in `docs/definitions.md`, each with a formula and an example."
    " Times are UTC; a name that ends in `_s` is seconds, in `_bytes` bytes."
)
