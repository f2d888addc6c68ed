"""Whatever a tool or a person wrote: every form stays within its limits and its markup."""

import email
import email.policy
import json
import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cbcr_assets.alerting import Links, render
from cbcr_assets.alerting.message import Message, Outgoing, Thread, decode, encode
from cbcr_assets.alerting.receivers.blocks import blocks, escape, over, summary
from cbcr_assets.alerting.receivers.body import body
from cbcr_assets.alerting.receivers.http import encoded
from cbcr_assets.alerting.receivers.letter import letter, page
from cbcr_assets.alerting.receivers.opsgenie import Opsgenie
from cbcr_assets.alerting.receivers.pagerduty import event
from cbcr_assets.alerting.receivers.plain import clean, shorten, tidy, units, with_runbooks
from cbcr_assets.alerting.receivers.teams import envelope
from cbcr_assets.config.receivers import EmailReceiver, OpsgenieReceiver

BAD = ["\u202egnp.exe", "\x00\x1b[31m", "שלום עולם", "<script>", "]]>", "{{DATE(2020-01-01)}}",
       "*_~`", "\ud800", "a\r\nBcc: x@y", "&amp;", "<!channel>", "[x](http://y)", "🔴" * 40,
       "'\"><b>", "\u2028", "x" * 100_000, "<" * 100_000, "%s%n", "`````", "<@U1>",
       'https://x/"onclick="y()"><script>', "https://x/|y>", ""]  # fmt: skip
anything = st.one_of(
    st.sampled_from(BAD),
    st.text(max_size=60),
    st.text(st.characters(), max_size=20),
    st.builds(
        lambda text, count: text * count, st.text(min_size=1, max_size=9), st.integers(1, 9999)
    ),
)
careful = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
AT = datetime.fromisoformat("2026-11-23T05:00:00")
MAIL = EmailReceiver.model_validate(
    {"name": "m", "type": "email", "host": "h", "from": "cbcr@example.org", "to": ["a@example.org"]}
)
OPSGENIE = OpsgenieReceiver.model_validate({"name": "o", "type": "opsgenie", "api_key": "env:KEY"})


@pytest.fixture
def written(message, member, resolved):
    """Put texts everywhere where somebody else's text can be."""

    def write(text, other, count, reason):
        one = replace(
            member, subject_id=text, subject_kind=other, summary=other, was=text, runbook=other,
            unit=text, status="ok" if reason == "resolved" else "breached", acked_by=text,
            is_untold=count == 2, is_flapping=count == 1, rule=other, team=text,
            labels={other: text, "error_code": other},
        )  # fmt: skip
        members = tuple(replace(one, fingerprint=f"f{i}") for i in range(min(count, 20)))
        told = replace(
            message, kind=reason, members=members, total=count, rule=text, team=other,
            counts={one.status: count}, group={text: other}, by=other, incident=text,
            others=members[:3], others_total=3 if count > 2 else 0,
        )  # fmt: skip
        return tidy(decode(encode(told)))

    return write


def everywhere(test):
    """Run a test with each of the bad texts alone and in both places, and with any others."""
    for bad in BAD:
        test = example(bad, bad, 1, "opened")(test)
    kinds = ["opened", "repeat", "escalation", "digest", "acknowledged", "resolved"]
    counts = st.sampled_from([1, 2, 20, 50_000])
    return given(anything, anything, counts, st.sampled_from(kinds))(test)


def json_texts(value):
    """Every string below a JSON value, and that it is real JSON with whole characters."""
    assert json.loads(encoded(value)) == json.loads(json.dumps(value))
    found = []

    def walk(part):
        if isinstance(part, str):
            found.append(part)
        for below in (
            part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        ):
            walk(below)

    walk(value)
    return found


@careful
@everywhere
def test_slack_takes_it_and_sees_no_markup_but_ours(written, links, text, other, count, reason):
    told = written(text, other, count, reason)
    for shown in (blocks(told, links, button="b"), over(told, Thread("r", count, True), links)[1]):
        assert len(shown) <= 50
        assert sum(map(units, json_texts(shown))) <= 13_000
        for block in shown:
            for part in [block.get("text"), *block.get("fields", []), *block.get("elements", [])]:
                check_slack_text(part, block["type"])
    assert not set("<>") & set(summary(told))


def check_slack_text(part, kind):
    if part is None or part["type"] == "button":
        return
    limit = {"header": 150, "section": 3_000, "context": 3_000}[kind]
    assert 1 <= units(part["text"]) <= limit
    if part["type"] == "mrkdwn":
        # Nothing but links with names of ours.
        link = r"<https?://[^<>|\s]+\|(What to do|Look at it|Dashboard|Dagster)>"
        assert re.fullmatch(rf"{link}(  ·  {link})*", part["text"])


@careful
@everywhere
def test_teams_takes_it_and_sees_no_markdown(written, links, text, other, count, reason):
    posted = envelope(written(text, other, count, reason), links)
    assert len(encoded(posted)) <= 28_000
    json_texts(posted)
    card = posted["attachments"][0]["content"]
    for block in card["body"]:
        assert block["type"] == "RichTextBlock"
        for run in block["inlines"]:
            assert run["type"] == "TextRun"
            assert "{{" not in run["text"]
    for action in card["actions"]:
        assert action["url"].startswith(("http://", "https://"))
    if count == 50_000:
        assert "50000 in all" in json.dumps(card, ensure_ascii=False)


@careful
@everywhere
def test_pagers_take_it(written, links, text, other, count, reason):
    told = Outgoing(written(text, other, count, reason))
    sent = event(told, links)
    assert len(encoded(sent)) < 512_000
    json_texts(sent)
    if "payload" in sent:
        assert 1 <= len(sent["payload"]["summary"]) <= 1_024
        assert sent["payload"]["source"]
        assert sent["payload"]["custom_details"]["total"] == count
    [(_, alert)] = Opsgenie(OPSGENIE, links, {}).calls(told)
    json_texts(alert)
    assert units(alert.get("message", "x")) <= 130
    assert units(alert.get("description", "x")) <= 15_000
    assert all(units(tag) <= 50 for tag in alert.get("tags", []))


class Page(HTMLParser):
    """Collects tags and words."""

    def __init__(self):
        super().__init__()
        self.tags, self.words, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.words.append(data)


@careful
@everywhere
def test_a_letter_is_one_letter_without_markup_but_ours(
    written, links, at, text, other, count, reason
):
    told = written(text, other, count, reason)
    raw = letter(Outgoing(told), MAIL, links, now=at, refused={})
    assert b"\n." not in raw.replace(b"\r\n", b"\n") or b"base64" in raw
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail.defects == []
    assert [mail["To"], mail["Bcc"], mail["Cc"]] == ["a@example.org", None, None]
    assert mail["Subject"] == render.title(told, 180).strip()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    plain = mail.get_body(("plain",)).get_content()
    assert plain.splitlines() == [*render.text(told, links, longest=50_000).splitlines()]
    check_page(mail.get_body(("html",)).get_content())


def check_page(html):
    found = Page()
    found.feed(html)
    assert set(found.tags) <= {"html", "head", "meta", "title", "body", "div", "h1", "p", "table",
                               "tr", "td", "br", "span", "a"}  # fmt: skip
    assert all(link.startswith(("http://", "https://")) for link in found.links)
    assert len(html) < 200_000


@careful
@everywhere
def test_machines_get_real_json(written, links, text, other, count, reason):
    told = written(text, other, count, reason)
    sent = body(told, links)
    json_texts(sent)
    assert sent["total"] == count
    assert sent["not_listed"] == count - len(sent["members"])
    assert len(encoded(sent)) < 3_000_000


@given(st.text(max_size=80), st.integers(10, 60))
def test_an_escape_is_never_cut_in_two(text, limit):
    escaped = escape(text, limit)
    assert units(escaped) <= limit
    bare = escaped.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not set(bare) & set("&<>")


@given(anything, st.integers(2, 300))
def test_clean_text_is_short_whole_and_in_order(text, limit):
    cleaned = clean(text, limit)
    assert units(cleaned) <= limit
    cleaned.encode()
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", cleaned)
    assert clean(cleaned, limit) == cleaned
    assert units(shorten(text.replace("\ud800", "?"), limit)) <= limit


@given(anything, anything)
def test_names_of_incidents_are_short_and_stay_different(first, second):
    told = [tidy(Message("m", "opened", "", "", "info", 0, {}, (), "", AT, incident=name))
            for name in (first, second)]  # fmt: skip
    assert (told[0].incident == told[1].incident) is (first == second)
    assert all(len(one.incident) <= 200 for one in told)
    json_texts([one.incident for one in told])


def test_plain_text_stays_what_it_is():
    assert clean("orders_db:5432 (größer, שלום, 東京, 🔴)", 99) == (
        "orders_db:5432 (größer, שלום, 東京, 🔴)"
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300, -1e300])
def test_a_strange_number_stops_no_message(value, message, member, links):
    told = tidy(replace(message, members=(replace(member, value=value, objective=1e-300),)))
    json_texts(blocks(told, links))
    json_texts(body(told, links))
    page(told, links, [])


@pytest.mark.parametrize("runbook", ["docs/runbooks/rpo.md", "https://wiki/rpo.md", "ask Ann", ""])
def test_a_runbook_can_be_clicked_where_it_is_known(runbook, message, member):
    told = replace(message, members=(replace(member, runbook=runbook),))
    shown = with_runbooks(told, Links("http://d", "http://g", "https://wiki/books/"))
    expected = "https://wiki/books/rpo.md" if runbook.startswith("docs/") else runbook
    assert shown.members[0].runbook == expected
    assert with_runbooks(told, Links("http://d", "http://g")) == told


def test_a_message_of_before_is_still_read(message):
    """The outbox may hold messages that an older version wrote."""
    old = json.loads(encode(message))
    for key in ("incident", "group", "groups", "escalation_step", "by", "others", "others_total"):
        del old[key]
    assert decode(json.dumps(old)) == message
    assert isinstance(message, Message)
