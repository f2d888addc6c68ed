"""The Capacity page: figures of the marts, the what-if of the command line, every state."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from cbcr_assets.reports.capacity import WhatIf, capacity_what_if
from cbcr_assets.warehouse import FileWarehouse
from streamlit_app import downloads
from streamlit_app.status import plain, size

pytestmark = pytest.mark.slow
Run = Callable[..., AppTest]
Words = Callable[[AppTest], str]
Sql = Callable[[str], list[tuple[Any, ...]]]


def test_the_answer_and_the_table_are_those_of_the_forecast(
    run: Run, words: Words, sql: Sql
) -> None:
    app = run("capacity")
    said = words(app)
    name, low, middle, high = sql(
        "select volume, days_to_full_p10, days_to_full_p50, days_to_full_p90"
        " from marts.fct_capacity_forecast where status = 'filling'"
        " order by days_to_full_p10 limit 1"
    )[0]
    assert f"**{plain(name)}** is full in **{middle:.0f} days**" in said
    assert f"{low:.0f}–{high:.0f}" in said
    table = app.dataframe[0].value
    expected = dict(sql("select volume, reason from marts.fct_capacity_forecast"))
    assert dict(zip(table["volume"], table["why"], strict=True)) == expected
    used, total, unknown = sql(
        "select used_bytes, volumes, unknown_volumes from marts.fct_capacity_rollup"
        " where scope = 'fleet'"
    )[0]
    assert f"Used: {size(used)}" in said
    assert f"Foreseen: {total - unknown} of {total}" in said
    assert f"**{unknown}** cannot be foreseen" in said


def test_every_state_is_a_word_and_what_nobody_knows_is_never_green(run: Run, sql: Sql) -> None:
    table = run("capacity").dataframe[0].value
    known = dict(sql("select volume, status from marts.fct_capacity_forecast"))
    blind = {"stale": "silent", "unknown_capacity": "size unknown",
             "insufficient_history": "too little history"}  # fmt: skip
    seen = set()
    for row in table.to_dict("records"):
        status = known[row["volume"]]
        if status in blind:
            seen.add(status)
            assert blind[status] in row["state"]
            assert row["full in (p10–p90)"] == "unknown"
            assert "●" not in row["state"] + row["alert"]
    assert seen == set(blind)


def test_back_tested_errors_are_shown_beside_the_date(run: Run, sql: Sql) -> None:
    name, error = sql(
        "select volume, median(abs(error_share)) from marts.fct_capacity_backtest"
        " where horizon_day = 30 group by 1 order by 2 desc limit 1"
    )[0]
    table = run("capacity", q=name).dataframe[0].value
    assert list(table["volume"]) == [name]
    assert table["off by"][0].startswith(f"{error:.1%}")


def test_the_what_if_is_the_one_of_the_command_line(
    run: Run, words: Words, sql: Sql, demo: Any
) -> None:
    volume, like = sql(
        "select volume, instance_id from intermediate.int_capacity_plans"
        " inner join marts.fct_capacity_forecast using (volume) where status = 'filling'"
        " order by all limit 1"
    )[0]
    app = run("capacity", volume=volume, keep="60", more="50", new="100", like=like, room="-500GB")
    asked = WhatIf(volume, 60, 0.5, 100, like, -500 * 10**9)
    with demo.platform.warehouse.read() as session:
        row = capacity_what_if(session, asked).row(0, named=True)
    assert row["full_at_p50"] is not None
    said = words(app)
    assert f"Full, as asked: {row['full_at_p50']:%d %b %Y}" in said
    assert f"Used in a year: {size(row['used_in_a_year_bytes'])}" in said
    assert f"Room there is then: {size(row['capacity_bytes'])}" in said
    assert "are no bytes" in words(run("capacity", volume=volume, room="much"))


def test_growth_has_the_names_of_those_who_grew_or_says_why_not(
    run: Run, words: Words, sql: Sql
) -> None:
    volume, team = sql(
        "select volume, team from marts.fct_capacity_growth where is_tracked and window_days = 7"
        " order by added_bytes - gone_bytes desc limit 1"
    )[0]
    app = run("capacity", volume=volume, since="7 days")
    specs = [element.proto.spec for element in app.get("vega_lite_chart")]
    assert any("in all" in spec for spec in specs), "no waterfall"
    bare = sql(
        "select volume from marts.fct_capacity_growth where window_days = 7"
        " group by 1 having not bool_or(is_tracked) order by 1 limit 1"
    )[0][0]
    assert "the growth has no names" in words(run("capacity", volume=bare, since="7 days"))
    young = sql(
        "select volume from marts.fct_capacity_forecast where volume not in"
        " (select volume from marts.fct_capacity_growth) order by 1 limit 1"
    )[0][0]
    assert "has not been watched for so long" in words(
        run("capacity", volume=young, since="7 days")
    )
    assert team


def test_links_tell_their_tightest_hour(run: Run, words: Words, sql: Sql) -> None:
    link, hour, share = sql(
        "select link, hour_of_day, headroom_p05_share from marts.fct_network_headroom"
        " order by headroom_p05_share limit 1"
    )[0]
    said = words(run("capacity"))
    assert f"**{plain(link)}** is tightest at {hour:02d}:00 UTC" in said
    assert f"({share:.0%})" in said


def test_a_filter_that_matches_nothing_and_a_volume_that_is_full(
    run: Run, words: Words, changed: Callable[..., None]
) -> None:
    assert "0 volumes match." in words(run("capacity", q="nothing-like-this"))
    changed(
        "update marts.fct_capacity_forecast set status = 'full', reason = 'it is full',"
        " used_bytes = capacity_bytes, used_share = 1 where volume = 'nas1'"
    )
    app = run("capacity")
    assert "**nas1** is full now" in words(app)
    assert app.dataframe[0].value["full in (p10–p90)"][0] == "now"


def test_without_samples_the_page_says_so(
    run: Run, words: Words, changed: Callable[..., None]
) -> None:
    changed("delete from marts.fct_capacity_forecast", "delete from marts.fct_network_headroom")
    said = words(run("capacity"))
    assert "No volume is known" in said
    assert "No source samples a network link." in said


def test_files_are_plain_data_and_no_formulas() -> None:
    frame = pl.DataFrame({"name": ["=cmd()", "a", None], "parts": [[1], [], None]})
    text = downloads.as_csv(frame).decode()
    assert text.splitlines()[1] == "'=cmd(),[1]"
    assert pl.read_parquet(downloads.as_parquet(frame)).equals(frame)


def test_a_warehouse_without_models_stops_the_page_with_words(
    run: Run, words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime

    now = datetime.now(UTC).replace(tzinfo=None)
    FileWarehouse(tmp_path / "w.duckdb", tmp_path / "empty").publish(now=now)
    monkeypatch.setenv("CBCR_SERVING", str(tmp_path / "empty"))
    assert "before the first build" in words(run("capacity"))
