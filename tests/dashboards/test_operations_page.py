"""The Operations page: its counts are the mart's, a row leads to the job, every state told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from streamlit.testing.v1 import AppTest

from cbcr_assets.warehouse import connect, current
from streamlit_app.queries import operations as queries
from streamlit_app.queries.scope import scope

pytestmark = pytest.mark.slow
Run = Callable[..., AppTest]
Words = Callable[[AppTest], str]
Sql = Callable[[str], list[tuple[Any, ...]]]
RECENT = "from marts.fct_backup_attempts where started_at > cbcr_now() - interval 720 hour"


def test_the_counts_are_those_of_the_attempts(run: Run, words: Words, sql: Sql) -> None:
    app = run("operations", hours="720", by="code")
    said = words(app)
    total, bad, running = sql(
        "select count(*), count(*) filter (state in ('failed', 'lost')),"
        f" (select count(*) from marts.fct_backup_attempts where state = 'running') {RECENT}"
    )[0]
    assert f"{bad} of {total} backups of the last 720 hours failed or were lost" in said
    assert f"{running} run now" in said
    assert len(app.dataframe[0].value) == min(bad, queries.ROWS)
    odd = sql("select count(*) from live.live_backup_verdicts where kind is not null")[0][0]
    tables = [one.value for one in app.dataframe]
    assert sum(len(one) for one in tables if "was expected" in one.columns) == odd
    silent = sql("select source_id from live.live_sources where status <> 'ok'")
    assert silent
    for (source,) in silent:
        assert f"Source **{source}**: what happened there is unknown since" in said


def test_a_reason_in_the_address_narrows_the_list_and_a_row_leads_to_its_job(
    run: Run, words: Words, sql: Sql
) -> None:
    reason, count = sql(
        f"select error_class, count(*) {RECENT} and state in ('failed', 'lost')"
        " and error_class is not null group by 1 order by 2, 1 limit 1"
    )[0]
    app = run("operations", hours="720", reason=reason)
    assert len(app.dataframe[0].value) == count
    assert set(app.dataframe[0].value["class"]) == {reason}
    source, key = sql(
        f"select source_id, attempt_key {RECENT} and error_class = '{reason}'"
        " and state in ('failed', 'lost') order by started_at desc, attempt_key limit 1"
    )[0]
    app.session_state["bad"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    targets = [one.proto.query_string for one in app.get("page_link")]
    assert any(quote(key) in target and f"source={source}" in target for target in targets)


def test_the_pareto_adds_up_and_the_week_is_whole(serving: Path, run: Run, sql: Sql) -> None:
    at = current(serving)
    run("operations", hours="720")  # The page's own session holds what the queries need.
    reasons = queries.pareto(at, scope(), hours=720, by="class")
    assert (
        reasons["failures"].sum()
        == sql(f"select count(*) {RECENT} and state in ('failed', 'lost')")[0][0]
    )
    assert reasons["running"].to_list()[-1] == pytest.approx(1)
    week = queries.congestion(at, scope())
    assert week.height == 7 * 24
    with connect(at.path) as con:
        seconds = con.execute(
            "select sum(epoch(least(coalesce(finished_at, $until), $until) - started_at))"
            " from marts.fct_backup_attempts where state not in ('queued', 'lost')"
            " and started_at > $until - interval 28 day and started_at < $until",
            {"until": at.published_at},
        ).fetchone()
    assert seconds is not None
    assert week["concurrent"].sum() * 4 * 3600 == pytest.approx(seconds[0], rel=1e-6)


def test_nothing_that_ran_is_a_state(run: Run, words: Words, sql: Sql) -> None:
    never = sql(
        "select team, tier, db_type from marts.dim_instances where instance_id not in"
        " (select instance_id from marts.fct_backup_attempts where instance_id is not null)"
    )
    alone = sql(
        "select team, tier, db_type from marts.dim_instances group by all having count(*) = 1"
    )
    for team, tier, db_type in set(never) & set(alone):
        said = words(run("operations", team=team, tier=str(tier), db_type=db_type))
        assert "0 attempts in the last 24 hours match" in said
        assert "● 0 of 0" not in said
