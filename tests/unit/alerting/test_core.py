"""The decision: the life of an episode."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbcr_assets.alerting.core import Applied, is_outdated, judge, on_time
from cbcr_assets.alerting.model import AlertState, ChangeKind, Phase, Row, Subject
from cbcr_assets.config import Policy
from cbcr_assets.config.routing import Flapping, Route, RuleSettings

AT = datetime.fromisoformat("2026-11-23T05:00:00")
DB = Subject("instance", "db")


def row(status, severity="warning", subject=DB):
    return Row(subject, "rpo", status, severity, 1.0, 1.0, "s", None, "t", "{}", "s", "r")


PLAIN = Policy(Route(receiver="log"), {})


def with_rule(**settings):
    return Policy(Route(receiver="log"), {}, rules={"rpo": RuleSettings(**settings)})


def live(*rows, policy=PLAIN, every_s=1.0):
    """Apply single-row evaluations in order; return the kinds of change and the state.

    A number among the rows lets as many seconds pass.
    """
    states, kinds, now_e = {}, [], 0.0
    for one in rows:
        if isinstance(one, int):
            now_e += one
            change = on_time(DB, states[DB], "rpo", policy, now_e)
            changes = [change] if change else []
        else:
            now_e += every_s
            changes, _ = judge("rpo", states, [one] if one else [], policy, elapsed_e=now_e)
        kinds.append([change.kind.value for change in changes])
        states |= {change.subject: change.after for change in changes}
    return kinds, states.get(DB)


def test_an_alert_must_last_before_it_fires():
    policy = with_rule(for_s="60s")
    kinds, state = live(row("breached"), row("breached"), 58, 1, row("ok"), policy=policy)
    assert kinds == [["pending"], [], [], ["opened"], ["resolved"]]
    assert state.episode == 1
    kinds, state = live(row("breached"), 30, row("unknown"), row("ok"), 60, policy=policy)
    assert kinds == [["pending"], [], [], ["cancelled"], []]
    assert (state.episode, state.phase) == (0, Phase.RESOLVED)


def test_an_alert_that_flaps_is_over_only_after_it_was_quiet():
    flapping = Flapping(transitions=4, window_s="100s", quiet_s="50s")
    policy = with_rule(flapping=flapping)
    bad, ok = row("breached"), row("ok")
    kinds, state = live(bad, ok, bad, ok, bad, ok, 49, 1, policy=policy)
    assert kinds == [["opened"], ["resolved"], ["opened"], ["held"], ["quiet"], ["held"], [],
                     ["resolved"]]  # fmt: skip
    assert state.episode == 2
    kinds, _ = live(bad, ok, bad, ok, policy=policy, every_s=60)
    assert kinds[-1] == ["resolved"]


@pytest.mark.parametrize("status", ["approaching", "breached", "unknown"])
def test_whatever_is_not_ok_opens_an_episode_and_ok_ends_it(status):
    kinds, state = live(row(status), row(status), row("ok"), row("ok"), row(status))
    assert kinds == [["opened"], [], ["resolved"], [], ["opened"]]
    assert (state.episode, state.phase) == (2, Phase.OPEN)


def test_ok_from_the_start_is_never_remembered():
    assert live(row("ok")) == ([[]], None)


def test_a_higher_severity_is_news_and_a_lower_one_is_not():
    kinds, state = live(
        row("breached", "info"), row("breached", "critical"), row("breached", "warning")
    )
    assert kinds == [["opened"], ["worsened"], ["quiet"]]
    assert state.severity == "warning"


def test_a_breach_is_worse_than_approaching_of_the_same_severity():
    assert live(row("approaching"), row("breached"))[0] == [["opened"], ["worsened"]]


def test_becoming_blind_neither_resolves_nor_makes_the_old_state_news_again():
    kinds, state = live(
        row("breached", "critical"), row("unknown", "warning"), row("breached", "critical")
    )
    assert kinds == [["opened"], ["quiet"], ["quiet"]]
    assert (state.phase, state.status, state.severity) == (Phase.OPEN, "breached", "critical")


def test_what_vanishes_is_stale_once_and_ends_only_with_ok():
    kinds, state = live(row("breached"), None, None, row("breached"), None, row("ok"))
    assert kinds == [["opened"], ["stale"], [], ["quiet"], ["stale"], ["resolved"]]
    assert state.episode == 1


def test_a_resolved_subject_may_vanish():
    assert live(row("breached"), row("ok"), None)[0][-1] == []


def test_older_evaluations_are_outdated_unless_the_clock_was_set_back():
    newest = Applied(AT, "b")
    later = AT + timedelta(hours=1)
    assert is_outdated(Applied(AT - timedelta(seconds=1), "z"), newest, now=later)
    assert is_outdated(Applied(AT, "a"), newest, now=later)
    assert not is_outdated(Applied(AT, "c"), newest, now=later)
    assert not is_outdated(
        Applied(AT - timedelta(hours=2), "a"), newest, now=AT - timedelta(hours=1)
    )
    assert not is_outdated(Applied(AT, "a"), None, now=AT)


verdicts = st.tuples(
    st.sampled_from(["ok", "unknown", "approaching", "breached"]),
    st.sampled_from(["info", "warning", "critical"]),
)


@given(st.lists(st.one_of(st.none(), verdicts), max_size=30))
def test_every_life_is_a_row_of_episodes(life):
    kinds, _ = live(*(row(*verdict) if verdict else None for verdict in life))
    is_open = False
    for [*some], verdict in zip(kinds, life, strict=True):
        assert len(some) <= 1
        kind = some[0] if some else None
        if kind == "opened":
            assert not is_open
            is_open = True
        elif kind is not None:
            assert is_open
        if kind == "resolved":
            is_open = False
        # Open is exactly what was not ok and has not been ok since.
        if verdict is not None:
            assert is_open == (verdict[0] != "ok")


@given(st.lists(verdicts, min_size=1, max_size=12), verdicts)
def test_the_same_verdict_again_changes_nothing(life, last):
    kinds, _ = live(*(row(*verdict) for verdict in [*life, last, last]))
    assert kinds[-1] == []


@given(st.dictionaries(st.integers(0, 20), verdicts, max_size=12), st.randoms())
def test_the_order_of_subjects_does_not_matter(verdicts_by_id, random):
    rows = [row(*v, Subject("instance", str(i))) for i, v in verdicts_by_id.items()]
    mixed = random.sample(rows, len(rows))
    state = AlertState("f", 1, Phase.OPEN, "breached", "warning", 3)
    known = {Subject("instance", "1"): state}
    one, other = (judge("rpo", known, order, PLAIN, elapsed_e=1.0)[0] for order in (rows, mixed))
    assert set(one) == set(other)


def test_stale_carries_no_verdict():
    state = AlertState("f", 1, Phase.OPEN, "breached", "warning", 3)
    [change], _ = judge("rpo", {DB: state}, [], PLAIN, elapsed_e=1.0)
    assert (change.kind, change.row) == (ChangeKind.STALE, None)
