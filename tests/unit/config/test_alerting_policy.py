"""alerting.yaml: read, or refused with file, line, path and what was meant."""

import pytest

from cbcr_assets.config import ConfigError, load_policy
from cbcr_assets.config.values import SecretRef

GOOD = """
route:
  receiver: on-call-log
  routes:
    - matchers: ['team="payments"', 'severity=~"critical|warning"']
      receiver: slack
      continue: true
receivers:
  - {name: on-call-log, type: file, path: logs/alerts.jsonl}
  - {name: slack, type: slack, token: env:TOKEN, channel: "#db", base_url: "http://127.0.0.1:1/api"}
  - {name: hook, type: slack_webhook, url: file:/run/secrets/url, send_resolved: false}
  - {name: generic, type: webhook, url: "https://alerts.example/in", bearer: env:BEARER}
  - {name: screen, type: console}
fallback: on-call-log
"""


@pytest.fixture
def load(tmp_path):
    def load_text(text, **environ):
        path = tmp_path / "alerting.yaml"
        path.write_text(text)
        return load_policy(path, environ=environ)

    return load_text


@pytest.fixture
def problems(load):
    def of(text):
        with pytest.raises(ConfigError) as caught:
            load(text)
        return caught.value.problems

    return of


def test_a_policy_is_read(load, tmp_path):
    policy = load(GOOD, TOKEN="x")
    assert list(policy.receivers) == ["on-call-log", "slack", "hook", "generic", "screen"]
    assert policy.receivers["on-call-log"].path == tmp_path / "logs" / "alerts.jsonl"
    assert policy.receivers["slack"].token == SecretRef("env:TOKEN")
    assert policy.receivers["slack"].base_url == "http://127.0.0.1:1/api/"
    assert [r.send_resolved for r in policy.receivers.values()] == [True, True, False, True, True]
    assert policy.route.routes[0].goes_on
    assert policy.fallback == "on-call-log"


def test_a_missing_secret_is_told_but_stops_nobody(load):
    missing = load(GOOD, TOKEN="the-secret").missing_secrets()
    assert len(missing) == 2
    assert "receiver hook: url: the secret file /run/secrets/url" in missing[0]
    assert "BEARER" in missing[1]
    assert "the-secret" not in str(missing)
    assert "the-secret" not in repr(load(GOOD, TOKEN="the-secret"))


RECEIVER = "route: {receiver: a}\nreceivers:\n  - {name: a, type: console}\n"


@pytest.mark.parametrize(
    ("text", "line", "path", "message", "suggestion"),
    [
        ("route: {receiver: lag}\nreceivers:\n  - {name: log, type: console}\n",
         1, "route.receiver", "unknown receiver 'lag'", "log"),
        (RECEIVER + "fallback: b\n", 4, "fallback", "unknown receiver 'b'", None),
        ("route:\n  receiver: a\n  routes:\n    - receiver: other\n" + RECEIVER.split("\n", 1)[1],
         4, "route.routes[0].receiver", "unknown receiver 'other'", None),
        (RECEIVER.replace("console", "slack, token: env:T, channel: x, chanel: x"), 3,
         "receivers[0].chanel", "unknown key", "channel"),
        (RECEIVER + "recievers: []\n", 4, "recievers", "unknown key", "receivers"),
        (RECEIVER + "  - {name: a, type: console}\n", 4, "receivers[1].name",
         "defined twice, first in line 3", None),
        ("route: {}\n" + RECEIVER.split("\n", 1)[1], 1, "route", "needs a receiver", None),
        ("route: {receiver: a, matchers: ['a=\"b\"']}\n" + RECEIVER.split("\n", 1)[1],
         1, "route.matchers", "takes everything", None),
        ("route: {receiver: a, continue: true}\n" + RECEIVER.split("\n", 1)[1],
         1, "route.continue", "no siblings", None),
        ("route: {receiver: a, routes: [{matchers: ['team: x']}]}\n" + RECEIVER.split("\n", 1)[1],
         1, "route.routes[0].matchers[0]", "write 'team=\"payments\"'",
         'team="x"'),
        ("route: {receiver: a, routes: [{matchers: ['t=~\"(\"']}]}\n" + RECEIVER.split("\n", 1)[1],
         1, "route.routes[0].matchers[0]", "no regular expression", None),
        (RECEIVER.replace("console", "slak"), 3, "receivers[0].type", "'slak' is not one of",
         "slack"),
        (RECEIVER.replace(", type: console", ""), 3, "receivers[0].type", "required", None),
        (RECEIVER.replace("console", "slack, token: xoxb-1-abc, channel: x"), 3,
         "receivers[0].token", "write env:NAME or file:PATH", None),
        (RECEIVER.replace("console", "slack_webhook, url: 'https://hooks.slack.com/services/T/B/abc'"),
         3, "receivers[0].url", "write env:NAME or file:PATH", None),
        (RECEIVER.replace("console", "webhook, url: 'https://h.example/', bearer: abc"), 3,
         "receivers[0].bearer", "write env:NAME or file:PATH", None),
        (RECEIVER.replace("console", "webhook, url: 'https://u:abc@h.example/'"), 3,
         "receivers[0].url", "no plain URL", None),
        (RECEIVER.replace("console", "slack, token: env:T"), 3, "receivers[0].channel",
         "required", None),
        ("route: {receiver: a}\nreceivers: []\n", 2, "receivers", "must not be empty", None),
    ],
)  # fmt: skip
def test_a_fault_is_shown_with_its_place(problems, text, line, path, message, suggestion):
    [problem] = problems(text)
    assert (problem.file, problem.line, problem.path) == ("alerting.yaml", line, path)
    assert message in problem.message
    assert problem.suggestion == suggestion
    assert "abc" not in str(problem)


def test_all_faults_of_the_references_are_shown_at_once(problems):
    text = "route: {receiver: x, routes: [{receiver: y}]}\nreceivers: [{name: a, type: console}]\n"
    assert [problem.path for problem in problems(text)] == [
        "route.receiver", "route.routes[0].receiver",
    ]  # fmt: skip


MAIL = "email, host: mail.example.org, from: cbcr@example.org, to: [dba@example.org]"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("pagerduty, routing_key: abc", "routing_key", "write env:NAME or file:PATH"),
        ("opsgenie, api_key: abc", "api_key", "write env:NAME or file:PATH"),
        ("opsgenie, api_key: env:K, priorities: {critical: P9}", "priorities.critical",
         "not one of P1, P2, P3, P4, P5"),
        ("teams, url: https://abc.example/", "url", "write env:NAME or file:PATH"),
        ("apprise, url: 'tgram://abc/1'", "url", "write env:NAME or file:PATH"),
        ("webhook, url: 'https://h.example/', signing_secret: abc", "signing_secret",
         "write env:NAME or file:PATH"),
        ("slack, token: env:T, channel: x, signing_secret: abc", "signing_secret",
         "write env:NAME or file:PATH"),
        ("alertmanager, url: '127.0.0.1:9093'", "url", "no plain URL"),
        ("alertmanager, url: 'http://127.0.0.1:9093', hold: 0s", "hold", "longer than zero"),
        (MAIL.replace("mail.example.org", "mail.example.org:25"), "host", "without a port"),
        (MAIL.replace("dba@example.org", "dba"), "to[0]", "is not a mail address"),
        (MAIL.replace("dba@example.org", ""), "to", "must not be empty"),
        (MAIL.replace("cbcr@example.org", "'a@b, c@d'"), "from", "is not a mail address"),
        (MAIL + ", username: u", "", "username and password go together"),
        (MAIL + ", username: u, password: env:P, security: none", "", "in the clear"),
        (MAIL + ", username: u, password: abc", "password", "write env:NAME or file:PATH"),
        (MAIL + ", port: 0", "port", "must be at least 1"),
        (MAIL + ", security: ssl", "security", "not one of starttls, tls, none"),
        (MAIL.replace("from:", "sender:"), "from", "required"),
    ],
)  # fmt: skip
def test_a_receiver_that_cannot_be_is_refused(problems, text, path, message):
    found = problems(RECEIVER.replace("console", text))
    where = "receivers[0]" + (f".{path}" if path else "")
    assert [problem for problem in found if problem.path == where and message in problem.message]
    assert "abc" not in str(found)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_password_may_go_to_a_server_on_this_machine(host, load):
    text = MAIL.replace("mail.example.org", host)
    policy = load(
        RECEIVER.replace("console", text + ", username: u, password: env:P, security: none")
    )
    assert policy.receivers["a"].security == "none"
