"""Every page and state, without a browser: numbers on the page equal SQL, and no stack traces."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from cbcr_assets.cli.demonstration import Demo
from cbcr_assets.warehouse import FileWarehouse, current
from streamlit_app.status import plain

pytestmark = pytest.mark.slow
Run = Callable[..., AppTest]
Words = Callable[[AppTest], str]
Sql = Callable[[str], list[tuple[Any, ...]]]


def test_the_overview_counts_what_the_live_view_says(
    serving: Path, run: Run, words: Words, sql: Sql
) -> None:
    page = words(run())
    counts = dict(sql("select status, count(*) from live.live_rpo_status group by 1"))
    total = sum(counts.values())
    assert counts["unknown"] == 1
    assert f"**{counts['breached']} of {total}** instances would lose more" in page
    assert f"**{counts['unknown']}** cannot be seen" in page
    for status, count in counts.items():
        assert f">{count}</div>" in page, status


def test_the_overview_shows_the_worst_first_and_every_problem(
    serving: Path, run: Run, sql: Sql
) -> None:
    app = run()
    problems, worst = app.dataframe[0].value, app.dataframe[1].value
    assert worst["status"].iloc[0].startswith("▲")
    open_count = sql("select count(*) from live.sla_evaluations where status <> 'ok'")
    assert len(problems) == open_count[0][0]


def test_compliance_on_the_page_equals_sql(serving: Path, run: Run, sql: Sql) -> None:
    shown = next(m for m in run().metric if m.label == "RPO compliance").value
    expected = sql(
        "select 1 - violation_s / measured_s from marts.fct_rpo_error_budget"
        " where scope = 'fleet' and window_days = 30"
    )[0][0]
    assert shown == f"{expected:.2%}"
    assert 0.5 < expected < 1


def test_a_filter_in_the_url_narrows_the_counts(
    serving: Path, run: Run, words: Words, sql: Sql
) -> None:
    team = sql("select min(team) from live.live_rpo_status")[0][0]
    count = sql(f"select count(*) from live.live_rpo_status where team = '{team}'")[0][0]
    assert f"of {count}" in words(run(team=team))
    nobody = words(run(team="no-such-team"))
    total = sql("select count(*) from live.live_rpo_status")[0][0]
    assert f"of {total}" in nobody


def test_instances_are_searched_and_paged_on_the_server(
    serving: Path, run: Run, words: Words
) -> None:
    app = run("instances", q="000")
    assert "1 instances" in words(app)
    assert len(app.dataframe[0].value) == 1
    assert "0 instances match" in words(run("instances", q="nothing-like-this"))


def incident(demo: Demo, rule: str, status: str) -> str:
    return next(i.subject_id for i in demo.truth.incidents if (i.rule, i.status) == (rule, status))


def test_an_instance_tells_status_attempts_and_errors(
    serving: Path, demo: Demo, run: Run, words: Words, sql: Sql
) -> None:
    name = incident(demo, "backup_failed", "breached")
    app = run("instance", id=name)
    assert name in words(app)
    assert plain("backup_failed") in words(app)
    attempts = sql(f"select count(*) from marts.fct_backup_attempts where instance_id = '{name}'"
        " and started_at > cbcr_now() - interval 30 day",
    )[0][0]  # fmt: skip
    assert len(app.dataframe[0].value) == min(attempts, 200)


def test_never_backed_up_and_never_drilled_are_states(
    serving: Path, demo: Demo, run: Run, words: Words, sql: Sql
) -> None:
    never = sql("select instance_id from live.live_rpo_status where reason = 'never_backed_up'")[0][
        0
    ]
    page = words(run("instance", id=never))
    assert "it was never backed up" in page
    assert "Never: nobody has shown that it can be restored." in page


def test_a_slow_drill_is_shown_beyond_its_objective(
    serving: Path, demo: Demo, run: Run, words: Words, sql: Sql
) -> None:
    slow = sql("select instance_id from marts.fct_restore_drills"
        " where meets_rto = false and verification = 'passed' limit 1",
    )[0][0]  # fmt: skip
    assert "beyond the objective" in words(run("instance", id=slow))


def test_an_unknown_instance_is_a_message_with_a_way_back(
    serving: Path, run: Run, words: Words
) -> None:
    assert "There is no instance nope" in words(run("instance", id="nope"))
    assert "Choose an instance" in words(run("instance"))


PAGES = ("overview", "rpo", "restores", "operations", "instances", "instance", "job")


def test_no_warehouse_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, words: Words
) -> None:
    monkeypatch.setenv("CBCR_SERVING", str(tmp_path))
    for page in PAGES:
        assert "cbcr publish" in words(run(page)), page


def test_a_warehouse_in_which_nothing_is_known_is_a_state_of_every_page(
    serving: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, words: Words
) -> None:
    copy = tmp_path / "warehouse-1.duckdb"
    shutil.copyfile(current(serving).path, copy)
    with duckdb.connect(str(copy)) as con:
        names = con.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
            " where schema_name in ('raw', 'staging', 'intermediate', 'marts')"
        ).fetchall()
        for (name,) in names:
            con.execute(f"delete from {name}")
    (tmp_path / "CURRENT").write_text("1\n")
    monkeypatch.setenv("CBCR_SERVING", str(tmp_path))
    told = {
        "overview": "No protected instance here",
        "rpo": "0 instances with measured time match",
        "restores": "0 protected instances match",
        "operations": "0 attempts in the last 24 hours match",
        "instances": "0 instances match",
    }
    for page, text in told.items():
        said = words(run(page))
        assert text in said, page
        assert "●" not in said.replace("● Succeeded: 0", ""), page


def test_a_snapshot_without_models_and_old_data_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo: Demo, run: Run, words: Words
) -> None:
    from datetime import UTC, datetime, timedelta

    long_ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=3)
    FileWarehouse(tmp_path / "w.duckdb", tmp_path / "empty").publish(now=long_ago)
    monkeypatch.setenv("CBCR_SERVING", str(tmp_path / "empty"))
    page = words(run())
    assert "before the first build" in page
    assert "3h 0m old" in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![x](http://example.org/x.png)", r"\!\[x\]\(http\://example.org/x.png\)"),
        ("$E$ <b>", r"\$E\$ \<b\>"),
        (None, ""),
    ],
)
def test_foreign_text_is_shown_and_never_interpreted(text: str | None, shown: str) -> None:
    assert plain(text) == shown
