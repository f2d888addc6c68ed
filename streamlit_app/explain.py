"""How a planner gets a figure without the page: the query behind it, ready for DuckDB.

Belongs here: headings with the query that was just made. Does not belong here: queries.
"""

import json
import re
import textwrap
from datetime import date, datetime
from typing import Any

import streamlit as st

from streamlit_app import navigation
from streamlit_app.queries import session

_TABLE = re.compile(r"\b(?:marts|live|sla|raw)\.[a-z_]+")
_NAME = re.compile(r"\$([a-z_]+)")


def last_query(box: Any = st) -> None:
    """Offer the last query of the page, its parameters filled in, to be copied.

    Call it right after the query whose figures are shown.
    """
    sql, parameters = session.last_query()
    with box.popover("SQL", help="The query behind these figures, to be copied", type="tertiary"):
        st.code(filled(sql, parameters), language="sql")
        st.caption("Run it with `cbcr sql` or on the file that `cbcr publish` names.")
        navigation.link("sql", "Change and run it →", query=filled(sql, parameters))
        for name in sorted(set(_TABLE.findall(sql))):
            navigation.link("dictionary", f"What {name} means →", table=name)


def heading(title: str) -> Any:
    """Show a heading; return the place beside it for `last_query`."""
    left, right = st.columns([12, 1], vertical_alignment="bottom")
    left.subheader(title)
    return right


def filled(sql: str, parameters: dict[str, Any]) -> str:
    """Return a statement with its named parameters written as literals."""
    text = _NAME.sub(lambda found: _literal(parameters[found.group(1)]), sql)
    return textwrap.dedent(text).strip()


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        kind = "integer" if value and isinstance(value[0], int) else "varchar"
        return f"cast([{', '.join(_literal(one) for one in value)}] as {kind}[])"
    if isinstance(value, datetime):
        return f"timestamp '{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value)
