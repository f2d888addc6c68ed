"""The SQL page, the cookbook and the data dictionary."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cbcr_assets.alerting import deeds
from cbcr_assets.alerting.tables import open_store, reading
from cbcr_assets.cli.demonstration import Demo
from cbcr_assets.reports.dictionary import tables
from cbcr_assets.warehouse import connect, current
from streamlit_app.queries.planner import recipes

pytestmark = pytest.mark.slow
Run = Callable[..., AppTest]
Words = Callable[[AppTest], str]
Sql = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def _configured(demo: Demo, monkeypatch: pytest.MonkeyPatch, serving: Path) -> None:
    monkeypatch.setenv("CBCR_CONFIG", str(demo.platform.config.file))


def press(app: AppTest) -> AppTest:
    next(one for one in app.button if one.label == "Run").click().run()
    assert not app.exception, app.exception
    return app


def test_a_question_is_answered_and_written_down(
    run: Run, words: Words, sql: Sql, demo: Demo
) -> None:
    query = "select volume, status from marts.fct_capacity_forecast order by volume"
    app = run("sql", query=query)
    assert not app.dataframe, "nothing may run because of an address alone"
    answer = press(app).dataframe[0].value
    assert list(answer.itertuples(index=False, name=None)) == sql(query)
    with reading(open_store(demo.platform.alert_store)) as con:
        newest = deeds.newest(con, limit=1, action="sql")[0]
    assert newest.target == query
    assert newest.outcome == "done"


@pytest.mark.parametrize(
    ("query", "said"),
    [("select * from read_text('/etc/hostname')", "disabled"), ("drop table raw.pulls", "SELECT")],
)
def test_what_fails_is_told_and_written_down(
    query: str, said: str, run: Run, words: Words, demo: Demo
) -> None:
    app = press(run("sql", query=query))
    assert "That did not work" in words(app)
    assert said in app.code[0].value
    with reading(open_store(demo.platform.alert_store)) as con:
        assert deeds.newest(con, limit=1, action="sql")[0].outcome == "failed"


def test_without_configuration_a_snapshot_alone_can_be_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CBCR_CONFIG", str(tmp_path / "none.yaml"))
    assert press(run("sql", query="select 42 as n")).dataframe[0].value["n"][0] == 42


def test_every_recipe_of_the_cookbook_runs(serving: Path) -> None:
    found = recipes()
    assert len(found) >= 15
    with connect(current(serving).path) as con:
        for title, query in found.items():
            assert len(con.extract_statements(query)) == 1, title
            assert con.sql(query).limit(1000).pl().width > 1, title
    assert recipes(serving / "none.md") == {}


def test_every_described_table_is_there_with_its_columns(sql: Sql) -> None:
    there: dict[str, set[str]] = {}
    for schema, name, column in sql(
        "select table_schema, table_name, column_name from information_schema.columns"
    ):
        there.setdefault(f"{schema}.{name}", set()).add(column)
    for table in tables():
        columns = there[f"{table.layer}.{table.name}"]
        assert {name for name, _, _ in table.columns} <= columns, table.name


def test_the_dictionary_is_searched_and_opened_by_its_address(run: Run, words: Words) -> None:
    app = run("dictionary", q="worst_exposure")
    assert "worst_exposure_s" in set(app.dataframe[1].value["column"])
    one = run("dictionary", table="marts.dim_instances")
    assert one.dataframe[0].value["column"][0] == "instance_id"
    assert "What must be protected" in words(one)
    assert "There is no table" in words(run("dictionary", table="marts.none"))
    assert "0 tables and columns match." in words(run("dictionary", q="nothing-like-this"))
    assert set(run("dictionary", schema="raw").dataframe[0].value["table"].str[:4]) == {"raw."}
