"""An alertmanager.yml becomes a policy of the same meaning; what cannot is said with its place."""

import json

import apprise
import pytest

from cbcr_assets.alerting.simulation import simulate
from cbcr_assets.alerting.timeline import load_timeline
from cbcr_assets.config import ConfigError, load_policy
from cbcr_assets.config.alertmanager import convert
from cbcr_assets.config.alertmanager_receivers import _APPRISE

ALERTMANAGER = """
global: {slack_api_url: 'https://hooks.slack.example/secret', resolve_timeout: 5m}
route:
  receiver: team
  group_by: [alertname]
  routes:
    - {match: {service: db}, match_re: {cluster: 'a|b'}, receiver: dba, continue: true}
    - {matchers: ['severity="x,y", team!="z"'], mute_time_intervals: [night]}
inhibit_rules:
  - {source_match: {severity: critical}, target_matchers: ['severity="warning"'], equal: [cluster]}
mute_time_intervals:
  - {name: night, time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}]}]}
receivers:
  - {name: team, slack_configs: [{channel: '#x'}]}
  - {name: dba, webhook_configs: [{url: 'https://u:secret@x/'}], pagerduty_configs: [{}]}
"""

# Every value that must never come out begins with this.
S = "sEcReT"
RECEIVERS = f"""
global:
  slack_api_url: https://hooks.slack.com/services/{S}1
  smtp_smarthost: mail.example.org:587
  smtp_from: Alertmanager <am@example.org>
  smtp_auth_username: am
  smtp_auth_password: {S}2
  opsgenie_api_key: {S}3
  opsgenie_api_url: https://api.eu.opsgenie.com/
templates: [x.tmpl]
route:
  receiver: on call
  routes:
  - {{receiver: mail, matchers: ['team="a"']}}
  - {{receiver: rest, matchers: ['team="b"']}}
receivers:
- name: on call
  pagerduty_configs:
  - {{routing_key: {S}4, severity: critical, url: "https://events.eu.pagerduty.com/v2/enqueue"}}
  - {{routing_key_file: /run/key}}
  - {{service_key: {S}5}}
  opsgenie_configs:
  - {{responders: [{{type: team, name: dba}}, {{type: user, username: x@y}}]}}
- name: mail
  email_configs:
  - {{to: "a@example.org, B <b@example.org>", headers: {{Subject: x}}}}
  - {{to: c@example.org, smarthost: "smtp.example.org:465", auth_password_file: /run/pw}}
  - {{to: d@example.org, smarthost: "127.0.0.1:25", require_tls: false}}
  - {{to: '{{{{ .x }}}}'}}
- name: rest
  slack_configs: [{{channel: '#x', title: t}}]
  webhook_configs: [{{url: "https://u:{S}6@x/"}}, {{url_file: /run/url, max_alerts: 5}}]
  msteams_configs: [{{webhook_url: "https://x/{S}7"}}]
  msteamsv2_configs: [{{webhook_url_file: /run/teams}}]
  telegram_configs: [{{bot_token: {S}8, chat_id: 7}}]
  jira_configs: [{{project: x, http_config: {{authorization: {{credentials: {S}9}}}}}}]
"""


@pytest.fixture
def converted(write):
    def convert_text(text):
        return convert(write("alertmanager.yml", text))

    return convert_text


@pytest.fixture
def load(write):
    def load_text(text):
        return load_policy(write("alerting.yaml", text), environ={})

    return load_text


def test_routes_inhibition_and_hours_keep_their_meaning(converted, load):
    done = converted(ALERTMANAGER)
    assert "secret" not in done.text + " ".join(done.notes)
    policy = load(done.text)
    first, second = policy.route.routes[:2]
    assert [str(m) for m in first.matchers] == ['service="db"', 'cluster=~"a|b"']
    assert [str(m) for m in second.matchers] == ['severity="x,y"', 'team!="z"']
    assert policy.route.group_by == ("alertname",)
    assert policy.inhibit_rules[0].equal == ("cluster",)


def test_every_receiver_that_we_have_is_converted(converted, load):
    policy = load(converted(RECEIVERS).text)
    kinds = {name: receiver.type for name, receiver in policy.receivers.items()}
    assert kinds == {
        "on-call": "pagerduty", "on-call-2": "pagerduty", "on-call-3": "opsgenie",
        "mail": "email", "mail-2": "email", "mail-3": "email",
        "rest": "slack_webhook", "rest-2": "webhook", "rest-3": "webhook", "rest-4": "teams",
        "rest-5": "teams", "rest-6": "apprise",
    }  # fmt: skip
    pager, other, opsgenie = (policy.receivers[f"on-call{n}"] for n in ("", "-2", "-3"))
    assert pager.routing_key.reference == "env:ON_CALL_PAGERDUTY_ROUTING_KEY"
    assert pager.base_url == "https://events.eu.pagerduty.com/"
    assert other.routing_key.reference == "file:/run/key"
    assert (opsgenie.base_url, opsgenie.responders) == ("https://api.eu.opsgenie.com/", ("dba",))
    mail, tls, plain = (policy.receivers[f"mail{n}"] for n in ("", "-2", "-3"))
    assert (mail.host, mail.port, mail.security) == ("mail.example.org", 587, "starttls")
    assert (mail.sender, mail.to) == ("am@example.org", ("a@example.org", "b@example.org"))
    assert (mail.username, mail.password.reference) == ("am", "env:MAIL_EMAIL_AUTH_PASSWORD")
    assert (tls.security, tls.password.reference) == ("tls", "file:/run/pw")
    assert (plain.security, plain.username) == ("none", None)
    # As Alertmanager does: mail and Slack do not hear ends unless they are asked to.
    assert {name for name, r in policy.receivers.items() if not r.send_resolved} == {
        "mail", "mail-2", "mail-3", "rest",
    }  # fmt: skip


def test_no_secret_is_copied_and_each_has_its_own_place(converted):
    done = converted(RECEIVERS)
    assert S not in done.text + " ".join(done.notes)
    policy_secrets = {word.strip("',") for word in done.text.split() if word.startswith("env:")}
    told = " ".join(done.notes)
    for reference in policy_secrets:
        assert told.count(reference.removeprefix("env:")) >= 1, reference
    assert len(policy_secrets) == 7


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("templates", "left out"),
        ("receivers[0].name", "it is called on-call here"),
        ("receivers[0].pagerduty_configs[0]", "left out, CBCR has its own words and settings: sev"),
        ("receivers[0].pagerduty_configs[2]", "service_key of Events v1"),
        ("receivers[0].opsgenie_configs[0]", "responders[1] is no team"),
        ("receivers[1].email_configs[2]", "left out without TLS"),
        ("receivers[1].email_configs[3]", "a template"),
        ("receivers[2].slack_configs[0]", "let it be that of #x"),
        ("receivers[2].msteams_configs[0]", "connectors of Teams are retired"),
        ("receivers[2].telegram_configs[0]", "tgram://BOT_TOKEN/CHAT"),
        ("receivers[2].jira_configs[0]", "CBCR has no such channel"),
    ],
)
def test_what_cannot_be_converted_is_said_with_its_place(path, what, converted):
    notes = [note for note in converted(RECEIVERS).notes if f": {path}: " in note and what in note]
    [note] = notes
    line = int(note.split(":")[1])
    key = path.split(".")[-1].partition("[")[0]
    text = RECEIVERS.splitlines()
    assert any(key in text[n] for n in range(max(line - 5, 0), line)), "the line is near its key"


def test_every_way_of_a_receiver_is_told_and_once(converted, load, write):
    policy = load(converted(RECEIVERS).text)
    events = [
        {"t": 0, "op": "evaluate", "status": "firing", "labels": {"rule": "x", "team": team}}
        for team in "abc"
    ]
    path = write("t.json", json.dumps({"tick": 10, "horizon": 60, "events": events}))
    told = [(m["receiver"], m["firing"][0]["team"]) for m in simulate(policy, load_timeline(path))]
    assert sorted(told) == sorted(
        [("mail", "a"), ("mail-2", "a"), ("mail-3", "a")]
        + [("rest" + n, "b") for n in ("", "-2", "-3", "-4", "-5", "-6")]
        + [("on-call", "c"), ("on-call-2", "c"), ("on-call-3", "c")]
    )


def test_where_a_child_goes_on_the_ways_are_left_to_a_person(converted, load):
    text = RECEIVERS.replace("receiver: mail, ", "receiver: mail, continue: true, ")
    done = converted(text)
    assert any(
        ": route: a receiver of CBCR has one way; add routes by hand" in n for n in done.notes
    )
    load(done.text)


def test_apprise_knows_what_we_tell_people_to_write():
    details = apprise.Apprise().details()["schemas"]
    schemes = {
        scheme for one in details for key in ("protocols", "secure_protocols")
        for scheme in one.get(key) or ()
    }  # fmt: skip
    assert {url.partition(":")[0] for url in _APPRISE.values()} <= schemes


@pytest.mark.parametrize(
    "receivers",
    ["[]", "[{}]", "[7]", "[{name: a}]", "[{name: a, webhook_configs: [7]}]",
     "[{name: a, webhook_configs: x}]", "[{name: a, opsgenie_configs: [{api_key: k,"
     " responders: [x]}]}]", "[{name: a, slack_configs: [{}]}]"],
)  # fmt: skip
def test_a_strange_file_is_borne(receivers, converted):
    done = converted(f"route: {{receiver: a}}\nreceivers: {receivers}\n")
    assert done.text.startswith("# Converted")


def test_what_is_no_alertmanager_file_is_refused(converted):
    with pytest.raises(ConfigError, match="it has no route"):
        converted("receivers: []\n")
