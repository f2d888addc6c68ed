"""The route tree: Alertmanager's words with Alertmanager's meaning."""

import pytest

from cbcr_assets.alerting.route import receivers_of
from cbcr_assets.config.alerting import Route, read_matcher

TREE = Route.model_validate(
    {
        "receiver": "root",
        "routes": [
            {"matchers": ['severity="critical"'], "receiver": "pager", "continue": True},
            {
                "matchers": ['team="payments"'], "receiver": "payments",
                "routes": [
                    {"matchers": ['rule=~"backup_.*"'], "receiver": "payments-backup"},
                    {"matchers": ['tier="1"']},
                ],
            },
            {"matchers": ['team=~"pay.*|ops"'], "receiver": "later"},
        ],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({}, ("root",)),
        ({"team": "payments"}, ("payments",)),
        ({"team": "payments", "rule": "backup_failed"}, ("payments-backup",)),
        ({"team": "payments", "tier": "1"}, ("payments",)),  # a child inherits
        ({"team": "ops"}, ("later",)),
        ({"severity": "critical"}, ("pager",)),  # matched with continue: not the root, too
        ({"severity": "critical", "team": "payments"}, ("pager", "payments")),
    ],
)
def test_the_first_matching_child_wins_and_continue_goes_on(labels, receivers):
    assert receivers_of(TREE, labels) == receivers


def test_a_receiver_is_told_once():
    both = {"receiver": "a", "routes": [{"receiver": "b", "continue": True}, {"receiver": "b"}]}
    assert receivers_of(Route.model_validate(both), {}) == ("b",)


@pytest.mark.parametrize(
    ("matcher", "label", "matches"),
    [
        ('team="a"', "a", True), ('team="a"', "ab", False), ("team=a", "a", True),
        ('team!="a"', "b", True), ('team!="a"', None, True), ('team=""', None, True),
        ('team=~"a|b"', "b", True), ('team=~"a"', "ab", False), ('team=~"a"', "ba", False),
        ('team=~".*"', None, True), ('team=~".+"', None, False), ('team!~"a.*"', "abc", False),
        ('team!~"a"', "abc", True), (r'team="a\"b"', 'a"b', True), ('team=~"a.c"', "a\nc", True),
        (r'team=~"\\d+"', "12", True),
    ],
)  # fmt: skip
def test_matchers_are_anchored_and_a_missing_label_is_empty(matcher, label, matches):
    labels = {} if label is None else {"team": label}
    assert read_matcher(matcher).matches(labels) is matches


@pytest.mark.parametrize("text", ["team", 'team=="a"', '"a"=team', 'te-am="a"', 'a=~"("', "", 7])
def test_what_is_no_matcher_is_refused(text):
    with pytest.raises(ValueError):
        read_matcher(text)
