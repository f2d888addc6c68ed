"""From claims and headers to a person with a role."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbcr_assets.config.dashboards import BehindProxy, Login, Role
from streamlit_app.identity import (
    LoginOverError,
    NoAccessError,
    groups_of,
    person_of_claims,
    person_of_headers,
)

NOW = datetime(2026, 1, 1, 12)
NOW_S = 1_767_268_800
ROLES = {"viewer": ["staff"], "operator": ["dba-oncall"], "admin": ["dba-leads"]}


def login(**changes: Any) -> Login:
    return Login.model_validate(
        {
            "metadata_url": "https://login.example.org/x", "client_id": "cbcr",
            "client_secret": "env:A", "cookie_secret": "env:B", "roles": ROLES, "lasts": "8h",
            "redirect_uri": "https://cbcr.example.org/oauth2callback", **changes,
        }
    )  # fmt: skip


def claims(**more: Any) -> dict[str, Any]:
    return {"sub": "1", "iat": NOW_S, "preferred_username": "ann", "groups": ["staff"], **more}


def test_who_logged_in() -> None:
    person = person_of_claims(login(), claims(groups=["staff", "dba-oncall"]), now=NOW)
    assert (person.name, person.role, person.subject) == ("ann", Role.OPERATOR, "1")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({}, "ann"),
        ({"preferred_username": ""}, "1"),
        ({"preferred_username": None, "email": "ann@example.org"}, "ann@example.org"),
        ({"preferred_username": 7, "name": "Ann\x1b[31m A."}, "Ann[31m A."),
        ({"preferred_username": "x" * 500}, "x" * 120),
    ],
)
def test_names(said: dict[str, Any], name: str) -> None:
    assert person_of_claims(login(), claims(**said), now=NOW).name == name


@pytest.mark.parametrize("iat", [NOW_S - 8 * 3600, NOW_S + 3600, None, "1767268800", True])
def test_a_login_that_is_too_old_or_without_a_date_is_over(iat: Any) -> None:
    with pytest.raises(LoginOverError):
        person_of_claims(login(), claims(iat=iat), now=NOW)


def test_a_login_counts_until_its_last_second() -> None:
    assert person_of_claims(login(), claims(iat=NOW_S - 8 * 3600 + 1), now=NOW)


def test_groups_without_a_role_do_not_enter_unless_the_default_lets_them() -> None:
    with pytest.raises(NoAccessError, match="none of their groups"):
        person_of_claims(login(), claims(groups=["guests"]), now=NOW)
    by_default = login(default_role="viewer")
    assert person_of_claims(by_default, claims(groups=[]), now=NOW).role is Role.VIEWER


@pytest.mark.parametrize(
    ("said", "claim", "found"),
    [
        ({"groups": ["a", 3, None]}, "groups", {"a"}),
        ({"groups": "a"}, "groups", {"a"}),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", {"a"}),
        ({"https://x.org/roles": ["a"]}, "https://x.org/roles", {"a"}),
        ({"groups": {"a": True}}, "groups", set()),
        ({"realm_access": "x"}, "realm_access.roles", set()),
        ({}, "groups", set()),
    ],
)
def test_groups(said: dict[str, Any], claim: str, found: set[str]) -> None:
    assert groups_of(said, claim) == found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["sub", "iat", "groups", "email", "name"]), JSON))
def test_whatever_a_provider_says_nobody_becomes_more_than_configured(said: dict[str, Any]) -> None:
    try:
        person = person_of_claims(login(), said, now=NOW)
    except (LoginOverError, NoAccessError):
        return
    assert person.role is login().role_of(groups_of(said, "groups"))


PROXY = BehindProxy.model_validate({"secret": "env:P", "roles": ROLES})


def test_who_a_proxy_says_it_is() -> None:
    said = {"x-forwarded-user": "ann", "x-forwarded-groups": "staff, dba-leads"}
    person = person_of_headers(PROXY, said)
    assert (person.name, person.role) == ("ann", Role.ADMIN)


@pytest.mark.parametrize("said", [{}, {"X-Forwarded-User": " "}, {"X-Forwarded-User": "ann"}])
def test_a_proxy_that_names_nobody_or_no_group_lets_nobody_in(said: dict[str, str]) -> None:
    with pytest.raises(NoAccessError):
        person_of_headers(PROXY, said)
