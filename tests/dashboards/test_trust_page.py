"""Data trust: lags, quarantine and evidence are those of the snapshot; the report is the report."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cbcr_assets.cli.demonstration import Demo
from cbcr_assets.reports.compliance import verify_file
from cbcr_assets.warehouse import published
from streamlit_app.status import plain

pytestmark = pytest.mark.slow
Run = Callable[..., AppTest]
Words = Callable[[AppTest], str]
Sql = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def _configured(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CBCR_CONFIG", str(demo.platform.config.file))


def test_sources_tables_and_versions_are_those_of_the_snapshot(
    run: Run, words: Words, sql: Sql, demo: Demo
) -> None:
    app = run("trust")
    said = words(app)
    late, total, worst = sql(
        "select count(*) filter (status in ('breached', 'unknown')), count(*),"
        " arg_max(source_id, age_s / stale_after_s) from live.live_sources"
    )[0]
    assert (
        f"**{total - late} of {total}** sources answered in time; {plain(worst)} is silent" in said
    )
    sources = app.dataframe[0].value.set_index("source")
    for name, read in sql(
        "select source_id, sum(row_count) from raw.pulls"
        " where finished_at > cbcr_now() - interval 7 day group by 1"
    ):
        assert sources.loc[name, "records"] == read
    assert sources.loc[worst, "state"].startswith("▲")
    rests = next(f.value for f in app.dataframe if "numbers that rest on it" in f.value.columns)
    counts = dict(zip(rests["table"], rests["rows"], strict=True))
    for table in ("backup_jobs", "storage_samples", "quarantine"):
        assert counts[table] == sql(f"select count(*) from raw.{table}")[0][0]
    assert all(rests["numbers that rest on it"])
    versions = next(f.value for f in app.dataframe if "version" in f.value.columns)
    kept = published(demo.platform.config.serving)
    assert list(versions["version"]) == [one.version for one in kept]


def test_a_refused_row_is_shown_as_it_came_and_can_be_released(
    run: Run, words: Words, sql: Sql
) -> None:
    identity, payload = sql("select quarantine_id, payload from raw.quarantine limit 1")[0]
    app = run("trust", row=identity)
    assert payload in [code.value for code in app.code]
    assert "**1** row waits in quarantine" in words(app)
    assert any("Release" in str(one) for one in app.get("form_submit_button") or app.button)
    assert "0 rows match." in words(run("trust", rule="no-such-rule"))
    assert "There is no such row" in words(run("trust", row="no-such-row"))


def test_the_report_of_a_period_is_genuine(
    run: Run, words: Words, sql: Sql, tmp_path: Any, demo: Demo
) -> None:
    first = sql("select (cbcr_now() - interval 9 day)::date, (cbcr_now() - interval 3 day)::date")[
        0
    ]
    app = run("trust", **{"from": str(first[0]), "to": str(first[1])})
    next(one for one in app.button if "Make the report" in one.label).click().run()
    assert not app.exception
    said = words(app)
    assert "databases" in said
    made = app.session_state["report"][1]
    assert made.content_sha256 in said
    from cbcr_assets.reports.compliance import render

    file = tmp_path / "report.csv"
    file.write_bytes(render(made, "csv"))
    assert verify_file(file).ok
    ends = run("trust", **{"from": str(first[1]), "to": str(first[0])})
    next(one for one in ends.button if "Make the report" in one.label).click().run()
    assert "must be later" in words(ends)


def test_without_sources_and_refusals_it_says_so(
    run: Run, words: Words, changed: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:  # fmt: skip
    changed("delete from raw.quarantine", "delete from raw.sources")
    monkeypatch.setenv("CBCR_CONFIG", str(tmp_path / "none.yaml"))
    said = words(run("trust"))
    assert "No source is configured" in said
    assert "Nothing was ever refused." in said
    assert "Whether a check fails now cannot be told" in said
    changed("update raw.pulls set ok = false, error = 'the disk is *gone*'",
            "update raw.quarantine set payload = repeat('x', 30000)")  # fmt: skip
    app = run("trust")
    assert json.dumps("the disk is *gone*")[1:-1] in list(app.dataframe[0].value["last error"])
