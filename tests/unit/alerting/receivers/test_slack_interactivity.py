"""The Acknowledge button: only Slack, only just now, only our buttons."""

import hashlib
import hmac
import json
import socket
import time
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbcr_assets.alerting.receivers.blocks import ACKNOWLEDGE
from cbcr_assets.alerting.receivers.signing import seal, unseal
from cbcr_assets.alerting.receivers.slack_interactivity import Interactivity, serving

NOW_S = 1_795_410_000.0
KEY = "8f742231b10e8888abcd99yyyzzz85a5"


@pytest.fixture
def seen():
    return []


@pytest.fixture
def interactivity(seen):
    def acknowledge(incident, by):
        seen.append((incident, by))
        return 1

    return Interactivity((KEY,), acknowledge)


def press(value=None, *, user=None, action=ACKNOWLEDGE, kind="block_actions"):
    pressed = {"action_id": action, "value": seal(KEY, "i-7") if value is None else value}
    payload = {"type": kind, "user": user or {"name": "ann"}, "actions": [pressed]}
    return urlencode({"payload": json.dumps(payload)}).encode()


def signed(body, *, at_s=NOW_S, key=KEY):
    base = f"v0:{int(at_s)}:".encode() + body
    digest = hmac.new(key.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(int(at_s)), "X-Slack-Signature": f"v0={digest}"}


def test_the_signature_is_slacks_own(interactivity, seen):
    """The example of Slack's documentation, which holds no button of ours."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id="
        b"G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-"
        b"collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F39770"
        b"0885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d"
        b"2c447fce8b6703c"
    )
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    # Taken as Slack's (else it were 401); it is no press of a button (hence 400).
    assert interactivity.answer(headers, body, now_s=1531420618) == 400
    assert interactivity.answer(headers, body + b"x", now_s=1531420618) == 401
    assert seen == []


def test_a_press_acknowledges(interactivity, seen):
    body = press()
    assert interactivity.answer(signed(body), body, now_s=NOW_S) == 200
    assert seen == [("i-7", "ann (Slack)")]


def test_a_request_counts_once_and_a_second_press_is_another(interactivity, seen):
    body = press()
    headers = signed(body)
    assert interactivity.answer(headers, body, now_s=NOW_S) == 200
    assert interactivity.answer(headers, body, now_s=NOW_S + 299) == 409
    again = signed(body, at_s=NOW_S + 2)
    assert interactivity.answer(again, body, now_s=NOW_S + 2) == 200
    assert len(seen) == 2
    # What is remembered does not grow: a signature that holds no longer is forgotten.
    late = signed(body, at_s=NOW_S + 4_000)
    assert interactivity.answer(late, body, now_s=NOW_S + 4_000) == 200
    assert len(interactivity._once._taken) == 1


def test_a_press_that_acknowledges_nothing_is_seen_as_such():
    body = press()
    over = Interactivity((KEY,), lambda *_: 0)
    assert over.answer(signed(body), body, now_s=NOW_S) == 404


def test_each_app_has_its_secret_and_only_its_buttons(seen):
    both = Interactivity((KEY, "other"), lambda incident, _: len(seen.append(incident) or [1]))
    mine, theirs = press(), press(seal("other", "i-9"))
    assert both.answer(signed(mine), mine, now_s=NOW_S) == 200
    assert both.answer(signed(theirs, key="other"), theirs, now_s=NOW_S) == 200
    assert both.answer(signed(mine, key="other"), mine, now_s=NOW_S) == 403
    assert seen == ["i-7", "i-9"]


@pytest.mark.parametrize("off_s", [-301, 301, 86_400])
def test_a_request_of_another_time_is_refused(off_s, interactivity, seen):
    body = press()
    assert interactivity.answer(signed(body, at_s=NOW_S + off_s), body, now_s=NOW_S) == 401
    assert seen == []


@pytest.mark.parametrize("off_s", [-299, 299])
def test_a_clock_that_is_a_little_off_is_borne(off_s, interactivity, seen):
    body = press()
    assert interactivity.answer(signed(body, at_s=NOW_S + off_s), body, now_s=NOW_S) == 200
    assert len(seen) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Request-Timestamp": "", "X-Slack-Signature": ""},
        {"X-Slack-Request-Timestamp": "²", "X-Slack-Signature": "v0=ü"},
        {"X-Slack-Request-Timestamp": "9" * 400, "X-Slack-Signature": "v0="},
        signed(press(), key="of another app"),
    ],
)
def test_a_stranger_is_refused(headers, interactivity, seen):
    assert interactivity.answer(headers, press(), now_s=NOW_S) == 401
    assert seen == []


def test_without_a_secret_everything_is_refused(seen):
    body = press()
    open_door = Interactivity(("",), lambda *_: seen.append(1))
    assert open_door.answer(signed(body, key=""), body, now_s=NOW_S) == 401
    assert seen == []


@pytest.mark.parametrize("value", ["", "i-7", ":i-7", seal("other", "i-7"), seal(KEY, "i-8") + "x",
                                   "\ud800"])  # fmt: skip
def test_a_button_that_is_not_ours_acknowledges_nothing(value, interactivity, seen):
    body = press(value)
    assert interactivity.answer(signed(body), body, now_s=NOW_S) == 403
    assert seen == []


@pytest.mark.parametrize("body", [press(action="other"), press(kind="view_submission")])
def test_what_is_none_of_ours_is_taken_and_does_nothing(body, interactivity, seen):
    assert interactivity.answer(signed(body), body, now_s=NOW_S) == 200
    assert seen == []


@pytest.mark.parametrize(
    "body", [b"", b"payload=", b"payload=[]", b"\xff", b"payload=" + b"[" * 50_000, b"x=1", b"a"]
)
def test_nonsense_with_a_good_signature_breaks_nothing(body, interactivity, seen):
    assert interactivity.answer(signed(body), body, now_s=NOW_S) == 400
    assert seen == []


@pytest.mark.parametrize(
    ("user", "by"),
    [({"username": "ann"}, "ann (Slack)"), ({"id": "U1"}, "U1 (Slack)"),
     ({"name": "\u202ex\x00" + "a" * 500}, None), ({"name": 7}, "somebody (Slack)"),
     (["x"], "somebody (Slack)")],
)  # fmt: skip
def test_whoever_presses_has_a_name(user, by, interactivity, seen):
    body = press(user=user)
    assert interactivity.answer(signed(body), body, now_s=NOW_S) == 200
    [(_, name)] = seen
    assert name == by or (len(name) < 100 and name.isprintable())


def test_a_failure_is_seen_by_who_pressed_and_told_without_details(caplog):
    def fail(incident, by):
        raise RuntimeError(f"no such {incident} at postgresql://u:pw@host")

    body = press()
    assert Interactivity((KEY,), fail).answer(signed(body), body, now_s=NOW_S) == 500
    assert "RuntimeError" in caplog.text
    assert "pw@host" not in caplog.text


def test_the_secret_is_not_shown(interactivity):
    assert KEY not in repr(interactivity)


@given(st.text(max_size=300), st.text(max_size=300))
def test_only_what_was_sealed_is_unsealed(incident, other):
    sealed = seal(KEY, incident)
    assert unseal(KEY, sealed) == (incident or None)
    if other != sealed:
        assert unseal(KEY, other) is None


def test_it_is_served_on_loopback(interactivity, seen):
    body = press()
    headers = signed(body, at_s=time.time())
    with serving(interactivity) as port:
        url = f"http://127.0.0.1:{port}/slack"
        assert httpx.post(url, content=body, headers=headers).status_code == 200
        assert httpx.post(url, content=body).status_code == 401
        assert httpx.get(url).status_code == 404
        assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
        assert httpx.post(url, content=b"x" * 100_001).status_code == 413
        assert httpx.post(url, content=iter([b"x"])).status_code == 411
    assert seen == [("i-7", "ann (Slack)")]
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), 1):
        pass
