"""The parts that pages share: statements to be copied, moments in the reader's zone."""

from datetime import date, datetime

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from streamlit_app.explain import filled


def test_a_copied_statement_runs_and_asks_the_same() -> None:
    sql = """
        select $word as word, len($team) as teams, $tier[1] as tier, $day as day, $at as at,
          $nothing as nothing, $rows + 1 as rows, '$5' as price"""
    parameters = {
        "word": "it's", "team": [], "tier": [3], "day": date(2026, 3, 1), "nothing": None,
        "at": datetime(2026, 3, 1, 4, 5, 6, 7), "rows": 41,
    }  # fmt: skip
    with duckdb.connect() as connection:
        copied = connection.execute(filled(sql, parameters)).fetchall()
        assert copied == connection.execute(sql, parameters).fetchall()


def moments(zone: str) -> AppTest:
    def page() -> None:
        from datetime import datetime

        import polars as pl
        import streamlit as st

        from streamlit_app import zones

        at = datetime(2026, 7, 1, 22, 30)
        frame = pl.DataFrame({"at": [at], "day": [at.date()], "n": [1]})
        st.text(zones.moment(at))
        st.text(zones.moment(None))
        st.text(str(zones.in_zone(frame).row(0)))

    app = AppTest.from_function(page)
    app.query_params["tz"] = zone
    app.run()
    assert not app.exception
    return app


@pytest.mark.parametrize(
    ("zone", "told", "shifted"),
    [
        ("Europe/Berlin", "2026-07-02 00:30 +0200", datetime(2026, 7, 2, 0, 30)),
        ("UTC", "2026-07-01 22:30 UTC", datetime(2026, 7, 1, 22, 30)),
        ("No/Where", "2026-07-01 22:30 UTC", datetime(2026, 7, 1, 22, 30)),
    ],
)
def test_moments_are_told_by_the_readers_clock(zone: str, told: str, shifted: datetime) -> None:
    texts = [element.value for element in moments(zone).text]
    assert texts == [told, "–", str((shifted, date(2026, 7, 1), 1))]
