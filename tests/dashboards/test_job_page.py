"""The Job page: its facts are the mart's, its log line the source's, every state told."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow
Run = Callable[..., AppTest]
Words = Callable[[AppTest], str]
Sql = Callable[[str], list[tuple[Any, ...]]]
COLUMNS = "source_id, attempt_key, instance_id, error_text"


def logs(app: AppTest) -> str:
    return "\n".join(str(block.value) for block in app.code if block.language != "sql")


def test_a_failed_attempt_tells_its_error_and_shows_its_log_line(
    run: Run, words: Words, sql: Sql
) -> None:
    source, key, name, error = sql(
        f"select {COLUMNS} from marts.fct_backup_attempts where state = 'failed'"
        " and tool = 'pgbackrest' and error_text is not null order by started_at desc limit 1"
    )[0]
    app = run("job", source=source, attempt=key)
    said = words(app)
    assert "▲ failed" in said
    assert name in said
    assert error[:30] in logs(app)
    assert f"--exec-id={key.split(':')[-1]}" in logs(app)
    usual = sql(
        "select count(*) from marts.fct_backup_attempts as past"
        f" inner join (select * from marts.fct_backup_attempts where attempt_key = '{key}') as one"
        " using (instance_id, backup_type, source_id) where past.is_success"
        " and past.started_at < one.started_at"
        " and past.started_at > one.started_at - interval 30 day"
    )
    assert f"of {usual[0][0]} successes" in said
    assert "It made none." in said


def test_a_success_shows_the_chain_that_its_set_rests_on(run: Run, words: Words, sql: Sql) -> None:
    source, key, root, length = sql(
        "select attempts.source_id, attempt_key, chain_root_label, chain_length"
        " from marts.fct_backup_attempts as attempts inner join marts.fct_recovery_points as points"
        " on points.source_id = attempts.source_id and points.label = attempts.backup_label"
        " and points.instance_id = attempts.instance_id"
        " where points.backup_type = 'incr' and points.usable_until is null"
        " and chain_length > 1 order by attempts.started_at desc, attempt_key limit 1"
    )[0]
    app = run("job", source=source, attempt=key)
    chain = app.dataframe[-1].value
    assert chain["label"].iloc[0] == root
    assert len(chain) == length
    assert f"{length} sets are needed" in words(app)
    assert "● usable" in words(app)


def test_running_and_lost_attempts_are_told_and_link_back(run: Run, words: Words, sql: Sql) -> None:
    for state, told in (("running", "it had not ended"), ("lost", "never said that it ended")):
        found = sql(
            f"select source_id, attempt_key from marts.fct_backup_attempts where state = '{state}'"
            " order by started_at desc limit 1"
        )
        if state == "running" and not found:
            continue
        app = run("job", source=found[0][0], attempt=found[0][1])
        assert told in words(app) or "▲" in words(app) or "✚ lost" in words(app)


def test_an_unknown_job_is_a_message_with_a_way_back(run: Run, words: Words, sql: Sql) -> None:
    app = run("job", source="nowhere", attempt="x*y")
    assert r"There is no attempt x\*y of source nowhere" in words(app)
    assert "Choose an attempt" in words(run("job"))


def test_the_rows_of_an_instance_lead_to_the_job(run: Run, sql: Sql) -> None:
    name, source, key = sql(
        "select instance_id, source_id, arg_max(attempt_key, started_at)"
        " from marts.fct_backup_attempts where instance_id in (select subject_id"
        " from live.sla_evaluations where rule = 'backup_failed' and status = 'breached')"
        " and state in ('failed', 'lost') group by all order by all limit 1"
    )[0]
    app = run("instance", id=name)
    targets = [one.proto.query_string for one in app.get("page_link")]
    assert any(f"source={source}" in target and quote(key) in target for target in targets), targets
    app.session_state["attempts"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    labels = [one.proto.label for one in app.get("page_link")]
    assert any(label.startswith("Open ") for label in labels)
