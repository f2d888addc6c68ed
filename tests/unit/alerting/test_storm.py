"""Storms: one digest that forgets nothing, and a pager's incident that ends when all of it has."""

import json

import pytest

from cbcr_assets.alerting import Ack
from cbcr_assets.config.matchers import read_matcher

PAGERS = """
route: {{receiver: pager, group_by: [subject_id], group_interval: 0s, repeat_interval: {repeat}}}
receivers:
- name: pager
  type: {kind}
  {key}: env:KEY
  base_url: "{url}/"
  storm: {{max_groups: 2, window: 1m}}
"""
KINDS = [("pagerduty", "routing_key"), ("opsgenie", "api_key")]
NAMES = [f"db{i}" for i in range(6)]


class Pager:
    """What a pager believes, out of the requests that it took."""

    def __init__(self, requests):
        self.open, self.acked, self.paged = {}, set(), []
        for path, _, body in requests:
            self.take(path, body)

    def take(self, path, body):
        action = body.get("event_action") or {
            "close": "resolve", "acknowledge": "acknowledge", "notes": "note",
        }.get(path.partition("?")[0].rpartition("/")[2], "trigger")  # fmt: skip
        key = body.get("dedup_key") or body.get("alias") or path.split("/")[3]
        if action == "trigger" and key not in self.open:
            self.paged.append(key)
        if action == "trigger":
            self.open[key] = json.dumps(body)
        elif action == "resolve":
            self.open.pop(key, None)
        elif action == "acknowledge" and key in self.open:
            self.acked.add(key)


@pytest.fixture(params=KINDS, ids=[kind for kind, _ in KINDS])
def pager(request, engine_at, stub, tmp_path):
    """An engine whose only receiver is a pager that does not like storms."""
    stub.answer = lambda path, body: b'{"status": "success", "requestId": "r"}'
    kind, key = request.param

    def make(repeat="0s"):
        text = PAGERS.format(kind=kind, key=key, url=stub.url, repeat=repeat)
        return engine_at(tmp_path, text, environ={"KEY": "k"})

    return make


def say(engine, row, bad):
    engine.say(*(row(name, "breached" if name in bad else "ok") for name in NAMES))


def settle(engine):
    for _ in range(3):
        engine.tick(after_s=61)


def test_the_incident_of_a_digest_ends_when_all_of_it_has(pager, row, stub):
    engine = pager()
    say(engine, row, NAMES)
    engine.tick()
    [digest] = Pager(stub.requests).paged
    for left in range(len(NAMES) - 1, 0, -1):
        say(engine, row, NAMES[:left])
        settle(engine)
        assert set(Pager(stub.requests).open) == {digest}, "some of it still fires"
    say(engine, row, [])
    settle(engine)
    assert Pager(stub.requests).open == {}
    assert Pager(stub.requests).paged == [digest]


def test_a_storm_that_is_over_at_once_leaves_no_incident(pager, row, stub):
    engine = pager()
    say(engine, row, NAMES)
    engine.tick()
    say(engine, row, [])
    settle(engine)
    assert Pager(stub.requests).open == {}


def test_a_storm_of_ends_ends_each_incident(pager, row, stub):
    engine = pager()
    for count in range(1, len(NAMES) + 1):
        say(engine, row, NAMES[:count])
        engine.tick(after_s=40)
    assert len(Pager(stub.requests).open) == len(Pager(stub.requests).paged) == len(NAMES)
    began = len(stub.requests)
    say(engine, row, [])
    settle(engine)
    assert Pager(stub.requests).open == {}
    assert len(stub.requests) == 2 * began, "each end once"


def test_what_began_again_before_its_end_was_told_keeps_the_incident(pager, row, stub):
    engine = pager()
    say(engine, row, NAMES)
    engine.tick()
    [digest] = Pager(stub.requests).paged
    say(engine, row, [])
    say(engine, row, ["db0"])
    settle(engine)
    assert set(Pager(stub.requests).open) == {digest}, "its end was never told, so it goes on"
    say(engine, row, [])
    settle(engine)
    assert Pager(stub.requests).open == {}


def test_what_begins_again_is_an_incident_of_its_own(pager, row, stub):
    engine = pager()
    say(engine, row, NAMES)
    engine.tick()
    [digest] = Pager(stub.requests).paged
    say(engine, row, [])
    settle(engine)
    say(engine, row, ["db0"])
    settle(engine)
    believes = Pager(stub.requests)
    assert len(believes.open) == 1
    assert digest not in believes.open
    say(engine, row, [])
    settle(engine)
    assert Pager(stub.requests).open == {}


def test_an_end_while_the_pager_is_down_ends_it_later(pager, row, stub):
    engine = pager()
    say(engine, row, NAMES)
    engine.tick()
    stub.status = 503
    say(engine, row, [])
    settle(engine)
    taken = len(stub.requests)
    stub.status = 200
    for _ in range(4):
        engine.tick(after_s=400)
    assert Pager(stub.requests[:1] + stub.requests[taken:]).open == {}


def test_an_end_of_which_the_pager_takes_half_is_said_again(pager, row, stub):
    engine = pager()
    say(engine, row, NAMES)
    engine.tick()
    say(engine, row, NAMES[:1])
    settle(engine)
    failed = len(stub.requests) + 2  # its own end is taken, that of the digest is not

    def answer(path, body):
        stub.status = 500 if len(stub.requests) == failed else 200
        return b'{"status": "success", "requestId": "r"}'

    stub.answer = answer
    say(engine, row, [])
    settle(engine)
    taken = [one for n, one in enumerate(stub.requests, 1) if n != failed]
    assert Pager(taken).open == {}
    assert len(stub.requests) == failed + 2, "both were said again"


@pytest.mark.parametrize("left", [NAMES, NAMES[:2]])
def test_what_is_said_again_pages_nobody_anew(left, pager, row, stub):
    engine = pager(repeat="10m")
    say(engine, row, NAMES)
    engine.tick()
    say(engine, row, left)
    settle(engine)
    before = len(stub.requests)
    engine.tick(after_s=700)
    believes = Pager(stub.requests)
    assert len(stub.requests) > before, "it was said again"
    assert len(believes.paged) == len(believes.open) == 1
    say(engine, row, [])
    settle(engine)
    assert Pager(stub.requests).open == {}


def test_the_incident_of_a_digest_is_acknowledged_when_all_of_it_is(pager, row, stub):
    engine = pager()
    say(engine, row, NAMES)
    engine.tick()
    [digest] = Pager(stub.requests).paged
    one = (read_matcher('subject_id="db0"'),)
    assert engine.service.say(Ack(one, "ann"), now=engine.now) == 1
    engine.tick(after_s=1)
    assert Pager(stub.requests).acked == set()
    assert engine.service.say(Ack((), "ann"), now=engine.now) == len(NAMES)
    engine.tick(after_s=1)
    assert Pager(stub.requests).acked == {digest}


def test_a_digest_that_waits_forgets_nothing_for_the_next(engine_at, row, tmp_path):
    """The receiver is down for two windows: each alert of both must be told."""
    text = """
route: {receiver: r, group_by: [subject_id], group_interval: 0s, repeat_interval: 0s}
receivers:
- {name: r, type: file, path: ., storm: {max_groups: 1, window: 1m}}
"""
    engine = engine_at(tmp_path, text)
    engine.say(*(row(name, "breached" if name < "db3" else "ok") for name in NAMES))
    engine.tick()
    say(engine, row, NAMES)
    engine.tick(after_s=70)
    engine.use(text.replace("path: .", "path: alerts.jsonl"))
    engine.tick(after_s=400)
    [digest] = engine.lines()
    told = {member["subject_id"] for member in digest["members"]}
    assert (digest["total"], digest["groups"], told) == (6, 6, set(NAMES))
