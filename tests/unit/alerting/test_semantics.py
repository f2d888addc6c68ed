"""What the engine does over time: timelines on the virtual clock, with Alertmanager's meaning."""

import json

import pytest

from cbcr_assets.alerting.simulation import simulate
from cbcr_assets.alerting.timeline import load_timeline
from cbcr_assets.config import load_policy

HEAD = "receivers: [{name: r, type: console}, {name: boss, type: console}]\n"
# Names of the timers are those of Alertmanager.
TIMED = (
    """
route: {receiver: r, group_by: [rule], group_wait: 10s, group_interval: 30s, repeat_interval: 5m}
"""
    + HEAD
)


def fires(t, instance="db", rule="rpo", severity=None, **labels):
    event = {"t": t, "op": "evaluate", "status": "firing",
             "labels": {"rule": rule, "instance": instance, **labels}}  # fmt: skip
    return event | ({"severity": severity} if severity else {})


def ends(t, *args, **labels):
    return fires(t, *args, **labels) | {"status": "ok"}


def does(t, op, **facts):
    return {"t": t, "op": op, **facts}


@pytest.fixture
def play(tmp_path):
    def run(policy, *events, horizon=600, tick=5):
        (tmp_path / "alerting.yaml").write_text(policy)
        timeline = {"tick": tick, "horizon": horizon, "events": events}
        (tmp_path / "timeline.json").write_text(json.dumps(timeline))
        loaded = load_policy(tmp_path / "alerting.yaml", environ={})
        return simulate(loaded, load_timeline(tmp_path / "timeline.json"))

    return run


def short(messages):
    """Time, receiver and reason of each message, and which instances fire and are resolved."""
    return [
        (m["t"], m["receiver"], m["reason"], names(m["firing"]), names(m["resolved"]))
        for m in messages
    ]


def names(labels):
    return "".join(sorted(one["instance"] for one in labels))


def test_a_group_waits_then_keeps_to_its_lattice(play):
    told = play(TIMED, fires(0, "a"), fires(12, "b"), fires(45, "c"), horizon=100)
    assert short(told) == [
        (10, "r", "firing", "a", ""), (40, "r", "firing", "ab", ""),
        (70, "r", "firing", "abc", ""),
    ]  # fmt: skip


def test_what_fires_and_clears_within_group_wait_is_silent(play):
    assert play(TIMED, fires(0, "a"), ends(8, "a")) == []


def test_a_flap_between_two_flushes_is_invisible(play):
    told = play(TIMED, fires(0, "a"), ends(15, "a"), fires(30, "a"), horizon=200)
    assert short(told) == [(10, "r", "firing", "a", "")]


def test_new_members_resolved_members_and_all_resolved(play):
    told = play(
        TIMED, fires(0, "a"), fires(0, "b"), ends(20, "a"), ends(50, "b"), fires(100, "a"),
        horizon=200,
    )  # fmt: skip
    assert short(told) == [
        (10, "r", "firing", "ab", ""), (40, "r", "resolved", "b", "a"),
        (70, "r", "resolved", "", "b"), (110, "r", "firing", "a", ""),
    ]  # fmt: skip


def test_what_still_fires_is_repeated_at_the_next_flush_after_the_interval(play):
    told = play(TIMED, fires(0, "a"), horizon=700)
    assert [(m["t"], m["reason"]) for m in told] == [
        (10, "firing"), (340, "repeat"), (670, "repeat"),
    ]  # fmt: skip


def test_without_send_resolved_only_what_fires_is_told(play):
    quiet = TIMED.replace("type: console}", "type: console, send_resolved: false}", 1)
    told = play(quiet, fires(0, "a"), fires(0, "b"), ends(20, "a"), fires(60, "a"), ends(80, "b"),
                ends(80, "a"), fires(200, "b"), horizon=300)  # fmt: skip
    # That a came again says nothing new to somebody who never heard that it was over.
    assert short(told) == [(10, "r", "firing", "ab", ""), (210, "r", "firing", "b", "")]


def test_labels_make_groups_and_a_missing_label_is_empty(play):
    by_team = TIMED.replace("[rule]", "[team]")
    told = play(by_team, fires(0, "a", team="x"), fires(0, "b"), fires(0, "c"), horizon=20)
    assert {m["group"]["team"]: names(m["firing"]) for m in told} == {"x": "a", "": "bc"}
    every = play(TIMED.replace("[rule]", "['...']"), fires(0, "a"), fires(0, "b"), horizon=20)
    assert len(every) == 2


def test_a_policy_that_names_no_timer_tells_at_once(play):
    simple = "route: {receiver: r}\n" + HEAD
    told = play(simple, fires(1, "a"), ends(2, "a"), horizon=10)
    assert short(told) == [(1, "r", "firing", "a", ""), (2, "r", "resolved", "", "a")]


INHIBIT = (
    TIMED
    + """
inhibit_rules:
  - source_matchers: ['rule="host_down"']
    target_matchers: ['rule="rpo"']
    equal: [host]
"""
)


def test_a_source_keeps_its_targets_quiet_until_it_is_over(play):
    told = play(
        INHIBIT, fires(0, "h", "host_down", host="x"), fires(0, "a", host="x"),
        fires(0, "b", host="y"), ends(100, "h", "host_down", host="x"), horizon=200,
    )  # fmt: skip
    assert sorted(short(told)) == [
        (10, "r", "firing", "b", ""), (10, "r", "firing", "h", ""),
        (100, "r", "firing", "ab", ""), (100, "r", "resolved", "", "h"),
    ]  # fmt: skip


def test_missing_labels_are_equal(play):
    told = play(INHIBIT, fires(0, "h", "host_down"), fires(0, "a"), horizon=60)
    assert {names(m["firing"]) for m in told} == {"h"}


def test_nothing_inhibits_itself(play):
    both = (
        TIMED
        + """
inhibit_rules:
  - {source_matchers: ['rule="rpo"'], target_matchers: ['rule="rpo"']}
"""
    )
    assert names(play(both, fires(0, "a"), fires(0, "b"), horizon=20)[0]["firing"]) == "ab"


def test_nobody_hears_the_end_of_what_was_inhibited_all_the_time(play):
    told = play(
        INHIBIT, fires(0, "h", "host_down"), fires(0, "a"), ends(60, "a"),
        ends(100, "h", "host_down"), horizon=300,
    )  # fmt: skip
    assert {names(m["resolved"]) for m in told} == {"", "h"}


def test_a_silence_keeps_quiet_and_what_still_fires_then_appears(play):
    told = play(
        TIMED, does(0, "silence", matchers=['instance="a"'], duration=100, by="me", comment="c"),
        fires(1, "a"), fires(1, "b"), horizon=200,
    )  # fmt: skip
    # Created at 1 with a wait of 10: its lattice is 11, 41, 71, 101; the silence ends at 100.
    assert short(told) == [(15, "r", "firing", "b", ""), (105, "r", "firing", "ab", "")]


def test_a_silence_ends_early(play):
    told = play(
        TIMED, does(0, "silence", matchers=['instance="a"'], until=1000), fires(1, "a"),
        does(60, "expire_silence", matchers=['instance="a"']), horizon=200,
    )  # fmt: skip
    assert [m["reason"] for m in told] == ["firing"]
    assert 60 < told[0]["t"] <= 95


NIGHT = """
time_intervals:
  - {name: night, time_intervals: [{times: [{start_time: "00:00", end_time: "00:05"}]}]}
"""


@pytest.mark.parametrize("key", ["mute_time_intervals", "active_time_intervals"])
def test_a_route_is_silent_outside_of_its_hours(play, key):
    routes = f"routes: [{{matchers: ['rule=\"rpo\"'], {key}: [night]}}]"
    policy = TIMED.replace("repeat_interval: 5m", f"repeat_interval: 5m, {routes}") + NIGHT
    told = play(policy, fires(0, "a"), fires(0, "x", "other"), horizon=400)
    first = next(m["t"] for m in told if names(m["firing"]) == "a")
    assert (first >= 300) is (key == "mute_time_intervals")
    assert told[0]["t"] == 10


ESCALATES = (
    """
route: {receiver: r, group_wait: 0s, group_interval: 10s, escalation: up}
escalations:
  up: {steps: [{after: 60s, receiver: boss}, {after: 3m, receiver: boss}], ack_timeout: 5m}
"""
    + HEAD
)


def steps(told):
    return [(m["t"], m["escalation_step"]) for m in told if m["reason"] == "escalation"]


def test_nobody_answers_so_the_next_is_told(play):
    told = play(ESCALATES, fires(0, "a"), horizon=400)
    assert steps(told) == [(60, 1), (180, 2)]
    ended = play(ESCALATES, fires(0, "a"), ends(70, "a"), horizon=400)
    assert steps(ended) == [(60, 1)]
    assert {m["receiver"] for m in ended if m["reason"] == "resolved"} == {"r", "boss"}


def test_an_acknowledgement_halts_the_chain_which_goes_on_where_it_stood(play):
    who = {"matchers": ['instance="a"'], "by": "me"}
    told = play(ESCALATES, fires(0, "a"), does(100, "acknowledge", **who), horizon=600)
    # 40 s of the 120 had run; the acknowledgement lapses at 400.
    assert steps(told) == [(60, 1), (480, 2)]
    early = play(ESCALATES, fires(0, "a"), does(10, "acknowledge", **who), horizon=300)
    assert steps(early) == []
    again = play(
        ESCALATES, fires(0, "a"), does(10, "acknowledge", **who), ends(20, "a"), fires(40, "a"),
        does(45, "evaluate", labels={"rule": "x", "instance": "b"}, status="ok"), horizon=110,
    )  # fmt: skip
    assert steps(again) == [(100, 1)]  # an old acknowledgement is not worth anything


def test_what_is_silenced_is_not_escalated(play):
    told = play(
        ESCALATES, fires(0, "a"),
        does(30, "silence", matchers=['instance="a"'], duration=300), horizon=600,
    )  # fmt: skip
    assert next(t for t, step in steps(told) if step == 1) >= 330


RAISED = (
    """
route:
  receiver: r
  group_wait: 10s
  group_interval: 1m
  escalation: up
  routes: [{matchers: ['severity="critical"'], receiver: boss}]
escalations: {up: {steps: [{after: 100s, receiver: r}]}}
"""
    + HEAD
)


def test_a_higher_severity_is_routed_at_once_and_a_lower_one_is_not_told(play):
    told = play(
        RAISED, fires(0, "a", severity="warning"), fires(50, "a", severity="critical"),
        fires(80, "a", severity="warning"), ends(200, "a", severity="warning"), horizon=300,
    )  # fmt: skip
    assert short(told)[:2] == [(10, "r", "firing", "a", ""), (50, "boss", "firing", "a", "")]
    assert steps(told) == [(150, 1)]
    resolved = [m["receiver"] for m in told if m["reason"] == "resolved"]
    assert sorted(resolved) == ["boss", "r"]
    assert len(told) == 5


def test_an_alert_must_last_before_anybody_is_told(play):
    policy = TIMED + "rules: {rpo: {for: 1m}}\n"
    told = play(policy, fires(0, "a"), fires(0, "b"), ends(50, "b"), horizon=120)
    assert short(told) == [(70, "r", "firing", "a", "")]


STORM = TIMED.replace("name: r, type: console", "name: r, type: console, "
                      "storm: {max_groups: 5, window: 2m}")  # fmt: skip


@pytest.mark.slow
def test_a_storm_is_one_digest_with_true_totals(play):
    many = does(0, "evaluate_many", count=1200, spread=5, status="firing",
                labels={"rule": "rule{i}", "instance": "i{i}"})  # fmt: skip
    told = play(STORM, many, fires(30, "c", "late"), fires(30, "p", "page", severity="critical"),
                horizon=200)  # fmt: skip
    digests = [m for m in told if m["reason"] == "digest"]
    assert sum(m["totals"]["firing"] for m in digests) + len(told) - len(digests) == 1202
    assert len(told) <= 6
    [page] = [m for m in told if names(m["firing"]) == "p"]
    assert page["t"] == 40  # what is critical does not wait for the end of the storm
    assert not [m for m in told if 45 < m["t"] < 120]


def test_a_rate_limit_lets_the_worst_through_first(play):
    limited = TIMED.replace("name: r, type: console", "name: r, type: console, "
                            "rate_limit: {count: 2, per: 1m}")  # fmt: skip
    events = [fires(0, f"w{i}", f"rule{i}", severity="warning") for i in range(4)]
    told = play(limited, *events, fires(0, "x", "worst", severity="critical"), horizon=200)
    assert names(told[0]["firing"]) == "x"
    assert [m["t"] for m in told] == [10, 10, 40, 70, 100]


def test_a_flapping_alert_is_over_only_after_it_was_quiet(play):
    policy = TIMED.replace("30s", "10s") + "flapping: {transitions: 4, window: 10m, quiet: 2m}\n"
    events = [one(t, "a") for t, one in zip(range(0, 120, 20), [fires, ends] * 3, strict=True)]
    told = play(policy, *events, horizon=400)
    assert [m["reason"] for m in told].count("resolved") <= 2
    assert told[-1]["reason"] == "resolved"
    assert told[-1]["t"] >= 100 + 120


@pytest.mark.parametrize("mode", ["refused", "500", "429"])
def test_what_began_and_ended_while_the_receiver_was_down_is_one_message(play, mode):
    fault = does(0, "receiver_fault", receiver="r", mode=mode, until=300)
    told = play(TIMED, fault, fires(0, "a"), ends(60, "a"), horizon=900)
    assert short(told) == [(told[0]["t"], "r", "resolved", "", "a")]
    assert told[0]["t"] >= 300


def test_retry_after_is_kept(play):
    fault = does(0, "receiver_fault", receiver="r", mode="429", until=20, retry_after=100)
    assert [m["t"] for m in play(TIMED, fault, fires(0, "a"), horizon=300)] == [110]


def test_a_crash_forgets_nothing_that_waited(play):
    told = play(TIMED, fires(0, "a"), does(5, "crash"), does(100, "restart"), horizon=200)
    assert short(told) == [(100, "r", "firing", "a", "")]


def test_what_began_and_ended_while_the_engine_was_down_is_one_message(play):
    told = play(
        TIMED, does(5, "crash"), fires(10, "a"), ends(100, "a"), fires(100, "b"), ends(104, "b"),
        does(150, "restart"), horizon=300,
    )  # fmt: skip
    assert short(told) == [(150, "r", "resolved", "", "a")]


@pytest.mark.parametrize("jump_s", [86_400, -86_400])
def test_a_moved_clock_neither_fires_nor_drops(play, jump_s):
    policy = ESCALATES + "rules: {rpo: {for: 1m}}\n"
    events = [fires(0, "a"), fires(90, "b"), ends(400, "a")]
    still = play(policy, *events, horizon=500)
    moved = play(
        policy, *events, does(20, "clock_jump", seconds=jump_s),
        does(200, "clock_jump", seconds=-jump_s), horizon=500,
    )  # fmt: skip
    assert short(moved) == short(still)


def test_silence_of_the_evaluator_resolves_nothing(play):
    told = play(TIMED + "stale_after: 1m\n", fires(0, "a"), horizon=2000)
    assert {m["reason"] for m in told} == {"firing", "repeat"}
    told = play(TIMED + "stale_after: 1m\n", fires(0, "a"), ends(500, "a"), horizon=600)
    assert told[-1]["reason"] == "resolved"


def test_what_is_unknown_is_never_resolved(play):
    blind = fires(60, "a") | {"status": "unknown"}
    told = play(TIMED, fires(0, "a"), blind, horizon=200)
    assert short(told) == [(10, "r", "firing", "a", "")]


def test_maintenance_is_quiet(play):
    policy = (
        TIMED
        + """
maintenance:
  - {name: move, matchers: ['instance="a"'], start: "2026-01-05T00:00:00Z",
     end: "2026-01-05T00:02:00Z"}
"""
    )
    told = play(policy, fires(0, "a"), fires(0, "b"), horizon=300)
    assert short(told)[0] == (10, "r", "firing", "b", "")
    assert told[1]["t"] >= 120
    assert names(told[1]["firing"]) == "ab"


def test_the_same_timeline_gives_the_same_messages(play):
    many = does(0, "evaluate_many", count=50, spread=20, status="firing",
                labels={"rule": "r", "instance": "i{i}"})  # fmt: skip
    assert play(TIMED, many, fires(7, "a")) == play(TIMED, many, fires(7, "a"))
