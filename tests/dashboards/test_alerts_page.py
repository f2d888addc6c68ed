"""The Alerts page: what the alert store says now, what was exported, and every state."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from streamlit.testing.v1 import AppTest

from cbcr_assets.alerting import Ack, Silence
from cbcr_assets.cli.demonstration import Demo
from cbcr_assets.config.matchers import read_matcher

pytestmark = pytest.mark.slow
Run = Callable[..., AppTest]
Words = Callable[[AppTest], str]
Sql = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def _configured(demo: Demo, monkeypatch: pytest.MonkeyPatch, serving: Path) -> None:
    monkeypatch.setenv("CBCR_CONFIG", str(demo.platform.config.file))


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def test_the_page_counts_and_lists_what_the_engine_has_open(
    run: Run, words: Words, demo: Demo
) -> None:
    views = demo.platform.alerts().alerts()
    open_ = [view for view in views if view.is_open]
    app = run("alerts")
    said = words(app)
    critical = sum(view.severity == "critical" for view in open_)
    assert f"**{len(open_)}** alerts are open, **{critical}** of them critical" in said
    groups = app.dataframe[0].value
    counts = {rule: sum(view.rule == rule for view in open_) for rule in groups["rule"]}
    assert dict(zip(groups["rule"], groups["open"], strict=True)) == counts
    shown = app.dataframe[1].value
    assert list(shown["subject"]) == [view.subject_id for view in open_][: len(shown)]
    rule = open_[0].rule
    one = run("alerts", rule=rule).dataframe[1].value
    assert set(one["rule"]) == {rule}
    assert len(one) == min(counts[rule], 50)
    assert "0 alerts match." in words(run("alerts", q="nothing-like-this"))


def test_who_takes_care_and_what_is_quiet_is_told(run: Run, words: Words, demo: Demo) -> None:
    service = demo.platform.alerts()
    first = next(view for view in service.alerts() if view.is_open)
    mine = tuple(
        read_matcher(f'{name}="{value}"')
        for name, value in (("rule", first.rule), ("subject_id", first.subject_id))
    )
    service.say(Ack(mine, "ann", timeout_s=3600), now=now())
    other = read_matcher('rule="source_stale"')
    end, name = now() + timedelta(hours=1), uuid4().hex[:8]
    service.say(Silence(name, (other,), now(), end, "bob", "moving *house*"), now=now())
    service.pass_time(now=now() + timedelta(seconds=1))
    board = demo.platform.board(now=now())
    key = board.incidents(word=first.subject_id, rows=50)
    fingerprint = next(one["fingerprint"] for one in key if one["rule"] == first.rule)
    app = run("alerts", alert=fingerprint)
    said = words(app)
    assert "taken by ann until" in said
    assert r"moving \*house\*" in said
    states = dict(zip(app.dataframe[1].value["rule"], app.dataframe[1].value["state"], strict=True))
    assert states["source_stale"].startswith("quiet: silence ")
    assert "The alert of this address is over." in words(run("alerts", alert="no-such"))


def test_channels_and_the_dead_man_are_told(run: Run, words: Words, demo: Demo) -> None:
    service = demo.platform.alerts()
    app = run("alerts")
    channels = {row["receiver"]: row for row in demo.platform.board(now=now()).channels()}
    table = next(f.value for f in app.dataframe if "given up" in f.value.columns)
    assert dict(zip(table["channel"], table["delivered"], strict=True)) == {
        name: row["sent"] for name, row in channels.items()
    }
    service.tick(now=now())
    assert "● the last tick was" in words(run("alerts"))
    old = run("alerts", sending="dead")
    assert "0 messages match." in words(old)


def test_without_a_store_the_page_says_so_and_shows_what_was_exported(
    run: Run, words: Words, changed: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    changed(
        "delete from marts.fct_alert_history", "delete from marts.fct_alert_noise",
        "insert into marts.fct_alert_history by name select 'f' as fingerprint, 1 as episode,"
        " 'rpo' as rule, 'instance' as subject_kind, 'db-1' as subject_id, 'shop' as team,"
        " 'critical' as severity, cbcr_now() - interval 2 day as started_at,"
        " cbcr_now() - interval 2 day as opened_at, 60.0 as time_to_acknowledge_s,"
        " cbcr_now() - interval 1 day as acknowledged_at, 'ann' as acknowledged_by,"
        " 7200.0 as time_to_resolve_s, cbcr_now() - interval 1 day as resolved_at,"
        " 5.0 as time_to_tell_s, 3 as messages, 2 as undelivered",
        "insert into marts.fct_alert_noise by name select (cbcr_now() - interval 2 day)::date"
        " as day, 'rpo' as rule, 'shop' as team, 4 as episodes, 3 as short_lived,"
        " 1 as acknowledged, 9 as messages",
    )  # fmt: skip
    monkeypatch.setenv("CBCR_CONFIG", str(tmp_path / "none.yaml"))
    app = run("alerts")
    said = words(app)
    assert "What is open now cannot be told" in said
    assert "Taken after (MTTA): 1m 0s" in said
    assert "Over after (MTTR): 2h 0m" in said
    assert "Messages given up: 2" in said
    assert list(app.dataframe[0].value["by"]) == ["ann"]
    assert app.get("vega_lite_chart")
    changed("delete from marts.fct_alert_history")
    assert "is in this snapshot" in words(run("alerts"))
