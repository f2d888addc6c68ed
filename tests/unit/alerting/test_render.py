"""The words of a message, and Slack's form of it."""

from dataclasses import replace
from datetime import datetime

import pytest

from cbcr_assets.alerting import Links, render
from cbcr_assets.alerting.message import (
    Member,
    Message,
    Undelivered,
    decode,
    encode,
)

AT = datetime.fromisoformat("2026-11-23T05:00:00")
LINKS = Links("http://dash", "http://dagster")
MEMBER = Member(
    fingerprint="f0", episode=1, subject_kind="instance", subject_id="orders/db 1",
    status="breached", severity="critical", value=5400.0, objective=3600.0, unit="s",
    started_at=datetime.fromisoformat("2026-11-23T04:30:00"),
    summary="orders/db 1 would lose 1 h 30 min of data; the newest point is of 03:30",
    was="", runbook="docs/runbooks/rpo.md",
    labels={"error_code": "056"},
)  # fmt: skip
ONE = Message(
    id="m1", kind="opened", rule="rpo", team="payments", severity="critical", total=1,
    counts={"breached": 1}, members=(MEMBER,), evaluation_id="e1", evaluated_at=AT,
)  # fmt: skip

OVER = replace(
    ONE, kind="resolved", counts={"ok": 1},
    members=(replace(MEMBER, status="ok", summary="all is fine", was="it was late"),),
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
🔴 CRITICAL orders/db 1 would lose 1 h 30 min of data (rpo, team payments)
The newest point is of 03:30
  Since: 2026-11-23 04:30 UTC, 30 min ago
  How bad: 1 h 30 min, 150 % of the objective 1 h
  Verdict: rpo breached
  Error code: 056
  What to do: docs/runbooks/rpo.md
  Look at it: http://dash/instance?id=orders%2Fdb%201
Evaluated 2026-11-23 05:00:00 UTC
Dashboard http://dash, Dagster http://dagster"""
    )


def test_the_end_says_how_long_it_took_and_what_it_was():
    assert (
        render.text(OVER, LINKS)
        == """\
✅ Resolved rpo: orders/db 1 (team payments)
orders/db 1: all is fine
  It was: it was late
  Lasted: 30 min, since 2026-11-23 04:30 UTC
Evaluated 2026-11-23 05:00:00 UTC
Dashboard http://dash, Dagster http://dagster"""
    )


def test_a_storm_lists_some_and_counts_all():
    text = render.text(replace(storm(500), kind="worsened"), LINKS)
    first = "🔴 CRITICAL, WORSE: rpo: 500 instances: 497 breached, 3 unknown (team payments)"
    assert text.startswith(first + "\n")
    assert "… and 480 more, 500 in all" in text


def test_a_text_with_a_limit_counts_what_it_left_out():
    text = render.text(storm(500), LINKS, longest=2_000)
    assert len(text) <= 2_000
    listed = text.count("Look at it")
    assert 0 < listed < 20
    assert f"… {20 - listed} of these have no room here, 500 in all" in text


@pytest.mark.parametrize(
    ("facts", "title"),
    [
        ({"kind": "repeat"}, "🔴 CRITICAL, STILL: orders/db 1 would lose"),
        ({"kind": "worsened"}, "🔴 CRITICAL, WORSE: orders/db 1 would lose"),
        ({"kind": "escalation", "escalation_step": 2},
         "🔴 CRITICAL, NOBODY ACKNOWLEDGED (step 2): orders/db 1 would lose"),
        ({"kind": "acknowledged", "by": "Ann"},
         "👀 Ann takes care of rpo: orders/db 1 (team payments)"),
        ({"kind": "digest", "groups": 40, "total": 500, "counts": {"breached": 500}, "rule": "",
          "team": "", "others_total": 7},
         "🔴 CRITICAL STORM: 500 alerts in 40 groups: 500 breached, 7 resolved"),
        ({"rule": "", "total": 2}, "🔴 CRITICAL several rules: 2 instances: 1 breached"),
    ],
)  # fmt: skip
def test_the_reason_is_in_the_title(facts, title):
    assert render.title(replace(ONE, **facts)).startswith(title)


def test_what_is_over_only_in_part_is_not_green():
    both = replace(
        OVER, members=(OVER.members[0], MEMBER), total=2, counts={"ok": 1, "breached": 1}
    )
    assert not both.is_over
    assert render.title(both).startswith("🔴 CRITICAL rpo: 2 instances: 1 ok, 1 breached")
    counted = replace(OVER, total=30, counts={"ok": 29, "unknown": 1})
    assert render.sign(counted) == "🔴"


def test_an_end_says_what_is_still_bad_and_what_was_told_late():
    title = render.title(replace(OVER, others=(MEMBER,), others_total=1))
    assert title == "✅ Resolved rpo: orders/db 1, 1 still bad (team payments)"
    assert "Still bad: orders/db 1" in render.text(
        replace(OVER, others=(MEMBER,), others_total=1), LINKS
    )
    untold = replace(OVER.members[0], is_untold=True, is_flapping=True)
    text = render.text(replace(OVER, members=(untold,)), LINKS)
    assert text.startswith("✅ Fired and resolved rpo: orders/db 1 (team payments)")
    assert "it began and ended before this could be told" in text
    assert "held back until it was quiet" in text
    digest = replace(OVER, kind="digest", total=40, counts={"ok": 40}, groups=9)
    assert render.title(digest).startswith("✅ STORM: 40 alerts resolved in 9 groups")


def test_a_long_title_keeps_sign_and_owner():
    long = replace(ONE, members=(replace(MEMBER, summary="late " * 100),))
    title = render.title(long, 100)
    assert len(title) == 100
    assert title.startswith("🔴 CRITICAL orders/db 1: late")
    assert title.endswith("… (rpo, team payments)")


def test_a_message_that_somebody_else_did_not_take_says_so():
    passed_on = replace(ONE, undelivered=Undelivered("slack", "Slack says is_archived"))
    assert "Meant for slack, which did not take it: Slack says is_archived" in render.text(
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
        (1e15, "s", "1.16e+10 d"),
    ],
)  # fmt: skip
def test_units_are_readable(value, unit, text):
    assert render.human(value, unit) == text


def test_the_outbox_keeps_a_message_whole():
    passed_on = replace(storm(500), undelivered=Undelivered("slack", "why"))
    assert decode(encode(ONE)) == ONE
    assert decode(encode(passed_on)) == passed_on
