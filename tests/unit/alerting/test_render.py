"""The words of a message, and Slack's form of it."""

import json
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbcr_assets.alerting import Links, render
from cbcr_assets.alerting.message import (
    Member,
    Message,
    Thread,
    Undelivered,
    decode,
    encode,
)
from cbcr_assets.alerting.receivers.blocks import blocks, escape, over, summary

AT = datetime.fromisoformat("2026-11-23T05:00:00")
LINKS = Links("http://dash", "http://dagster")
MEMBER = Member(
    fingerprint="f0", episode=1, subject_kind="instance", subject_id="orders/db 1",
    status="breached", severity="critical", value=5400.0, objective=3600.0, unit="s",
    started_at=datetime.fromisoformat("2026-11-23T04:30:00"),
    summary="orders/db 1 would lose 1 h 30 min of data", was="", runbook="docs/runbooks/rpo.md",
    labels={"error_code": "056"},
)  # fmt: skip
ONE = Message(
    id="m1", kind="opened", rule="rpo", team="payments", severity="critical", total=1,
    counts={"breached": 1}, members=(MEMBER,), evaluation_id="e1", evaluated_at=AT,
)  # fmt: skip


def storm(total, **facts):
    members = tuple(
        replace(MEMBER, fingerprint=f"f{i}", subject_id=f"db{i}", **facts) for i in range(20)
    )
    return replace(ONE, total=total, members=members, counts={"breached": total - 3, "unknown": 3})


def test_one_breach_says_what_which_since_when_how_bad_and_what_to_do():
    assert (
        render.text(ONE, LINKS)
        == """\
🔴 CRITICAL rpo: orders/db 1 breached (team payments)
- orders/db 1 breached: orders/db 1 would lose 1 h 30 min of data
  error code 056
  since 2026-11-23 04:30:00 UTC; measured 1 h 30 min, objective 1 h (1.5 times)
  what to do: docs/runbooks/rpo.md
  look at it: http://dash/instance?id=orders%2Fdb%201
evaluated 2026-11-23 05:00:00 UTC
dashboard http://dash, Dagster http://dagster"""
    )


def test_the_end_says_how_long_it_took_and_what_it_was():
    member = replace(MEMBER, status="ok", summary="orders is fine", was="it was late")
    message = replace(ONE, kind="resolved", members=(member,), counts={"ok": 1})
    assert (
        render.text(message, LINKS)
        == """\
✅ Resolved rpo: orders/db 1 (team payments)
- orders/db 1 is ok again: orders is fine
  it was: it was late
  since 2026-11-23 04:30:00 UTC, for 30 min
evaluated 2026-11-23 05:00:00 UTC
dashboard http://dash, Dagster http://dagster"""
    )


def test_a_storm_lists_some_and_counts_all():
    text = render.text(replace(storm(500), kind="worsened"), LINKS)
    first = "🔴 CRITICAL WORSE rpo: 500 instances: 497 breached, 3 unknown (team payments)"
    assert text.startswith(first + "\n")
    assert "… and 480 more, 500 in all" in text


def test_a_message_that_somebody_else_did_not_take_says_so():
    passed_on = replace(ONE, undelivered=Undelivered("slack", "Slack says is_archived"))
    assert "meant for slack, which did not take it: Slack says is_archived" in render.text(
        passed_on, LINKS
    )


def test_other_subjects_link_to_the_dashboard():
    assert render.link(replace(MEMBER, subject_kind="source"), LINKS) == "http://dash"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "s", "0 s"), (59.6, "s", "1 min"), (3661, "s", "1 h 1 min"), (3601, "s", "1 h"),
        (90061, "s", "1 d 1 h"), (-90, "s", "-1 min 30 s"), (1234567890, "bytes", "1.23 GB"),
        (999, "bytes", "999 B"), (3, "failures", "3 failures"), (0.5, "", "0.5"),
    ],
)  # fmt: skip
def test_units_are_readable(value, unit, text):
    assert render.human(value, unit) == text


def test_the_outbox_keeps_a_message_whole():
    passed_on = replace(storm(500), undelivered=Undelivered("slack", "why"))
    assert decode(encode(ONE)) == ONE
    assert decode(encode(passed_on)) == passed_on


def test_slack_blocks_of_one_breach():
    head, member, foot = blocks(ONE, LINKS)
    assert head["text"]["text"] == "*🔴 CRITICAL rpo: orders/db 1 breached (team payments)*"
    assert member["text"]["text"].splitlines()[1] == "error code 056"
    assert foot["type"] == "context"
    assert summary(ONE).endswith("orders/db 1 would lose 1 h 30 min of data")


def test_slack_shows_text_as_it_is():
    hostile = replace(MEMBER, summary="<!channel> & <http://x|y> is > 3", subject_id="a<b")
    text = json.dumps(blocks(replace(ONE, members=(hostile,)), LINKS))
    assert "&lt;!channel&gt; &amp; &lt;http://x|y&gt; is &gt; 3" in text
    assert "<" not in text


@pytest.mark.parametrize("size", [10, 600, 5_000])
@pytest.mark.parametrize("character", ["x", "<", "🔴"])
def test_slack_sizes_hold_and_the_totals_stay_true(size, character):
    shown = blocks(storm(50_000, summary=character * size, was=character * size), LINKS)
    texts = [
        block["text"]["text"] if "text" in block else block["elements"][0]["text"]
        for block in shown
    ]
    assert len(shown) <= 50
    assert len(shown) > 2
    assert max(map(len, texts)) <= 3000
    assert sum(map(len, texts)) <= 10_000
    assert "50000 instances" in texts[0]
    assert "50000 in all" in texts[-1]


def test_what_is_over_replaces_the_first_message():
    message = replace(ONE, kind="resolved", members=(replace(MEMBER, status="ok"),))
    text, shown = over(message, Thread("ref", 1, is_over=True), LINKS)
    assert text == "✅ rpo: it is ok since 2026-11-23 05:00:00 UTC"
    assert len(shown) == 2
    text, shown = over(message, Thread("ref", 500, is_over=True), LINKS)
    assert text == "✅ rpo: all 500 are ok since 2026-11-23 05:00:00 UTC"
    assert len(shown) == 1


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80), st.integers(10, 60))
def test_an_escape_is_never_cut_in_two(text, limit):
    escaped = escape(text, limit)
    assert len(escaped) <= limit
    bare = escaped.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not set(bare) & set("&<>")
