"""From what a login or a proxy says to a person with a role.

Belongs here: reading claims and headers; pure. Does not belong here: Streamlit, configuration.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from cbcr_assets.config.dashboards import BehindProxy, Login, RoleMap
from cbcr_assets.steps.acting import Person

# What people recognise themselves by, the best first.
_NAMES = ("preferred_username", "email", "name", "sub")
_LONGEST = 120
_CLOCKS_DIFFER_S = 120.0
_EPOCH = datetime.fromisoformat("1970-01-01")


class NoAccessError(Exception):
    """Somebody is known and may not enter; the message says why."""


class LoginOverError(Exception):
    """A login is too old to count; the message says so."""


def person_of_claims(login: Login, claims: Mapping[str, Any], *, now: datetime) -> Person:
    """Return who logged in.

    Args:
        login: What is configured.
        claims: Claims of the ID token.
        now: Present, naive UTC.

    Raises:
        LoginOverError: The login is older than it may be, or says not how old it is.
        NoAccessError: None of the groups has a role.
    """
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, (int, float)):
        raise LoginOverError("this login does not say when it was made; log in again")
    age_s = (now - _EPOCH).total_seconds() - issued
    if not -_CLOCKS_DIFFER_S <= age_s < login.lasts_s:
        raise LoginOverError("this login has ended; log in again")
    named = (_text(claims.get(name)) for name in _NAMES)
    name = next((name for name in named if name), "somebody")
    return _with_role(login, name, _text(claims.get("sub")), groups_of(claims, login.claim))


def person_of_headers(proxy: BehindProxy, headers: Mapping[str, str]) -> Person:
    """Return who a proxy says it is.

    Args:
        proxy: What is configured.
        headers: Headers of the request; the guard has seen the proxy's secret on it.

    Raises:
        NoAccessError: The proxy names nobody, or none of the groups has a role.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    name = _text(lower.get(proxy.user_header.lower()))
    if not name:
        raise NoAccessError(f"the proxy in front says nobody in {proxy.user_header}")
    groups = (part.strip() for part in lower.get(proxy.groups_header.lower(), "").split(","))
    return _with_role(proxy, name, name, frozenset(filter(None, groups)))


def groups_of(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """Return the groups that a claim holds: a list, or one name.

    Args:
        claims: Claims of the ID token.
        claim: Name of the claim; dots lead into nested claims unless a claim is called just that.
    """
    value: Any = claims
    for part in [claim] if claim in claims else claim.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return frozenset({value})
    if isinstance(value, (list, tuple)):
        return frozenset(one for one in value if isinstance(one, str))
    return frozenset()


def _with_role(map_: RoleMap, name: str, subject: str, groups: Iterable[str]) -> Person:
    role = map_.role_of(groups)
    if role is None:
        raise NoAccessError(f"{name} is known, but none of their groups has a role here")
    return Person(name, role, subject)


def _text(value: Any) -> str:
    """Return printable text of bounded length: it is shown, and written down."""
    text = "".join(c for c in value if c.isprintable()) if isinstance(value, str) else ""
    return text.strip()[:_LONGEST]
