"""Who looks at the dashboards, and what they may do.

Belongs here: the gate before every page, `who()` and `require()`.
Does not belong here: roles and claims (see `identity`), what an action does (see `actions`), which
addresses are served (see `server`).

Without a configured login everybody who reaches the port is the one who started CBCR: `server`
refuses to listen where others could, and the guard refuses who comes from elsewhere.
"""

import getpass
import os
from datetime import UTC, datetime
from functools import cache
from typing import Any, NoReturn

import streamlit as st

from cbcr_assets.config.dashboards import Dashboards, Role
from cbcr_assets.steps.acting import NotAllowedError, Person
from cbcr_assets.steps.platform import config_path, open_running
from streamlit_app.identity import (
    LoginOverError,
    NoAccessError,
    person_of_claims,
    person_of_headers,
)
from streamlit_app.status import plain

__all__ = ["NotAllowedError", "Person", "Role", "configured", "gate", "may", "require", "who"]


@cache
def configured() -> Dashboards:
    """Return who may reach the dashboards, as cbcr.yaml said when this server started.

    Kept for the life of the process: taking the login out of the file must not open a server that
    is reached from elsewhere.

    Raises:
        ConfigError: There is a cbcr.yaml and it is wrong.
    """
    if not config_path(os.environ).is_file():
        return Dashboards()
    return open_running().config.dashboards


def who() -> Person | None:
    """Return who looks; None: nobody that may."""
    try:
        return _known()
    except (LoginOverError, NoAccessError):
        return None


def require(role: Role) -> Person:
    """Return who looks, when their role suffices.

    Raises:
        NotAllowedError: It does not, or nobody has logged in.
    """
    person = who()
    if person is None:
        raise NotAllowedError("Nobody has logged in.")
    if person.role < role:
        told = f"This needs the role {role.word}; {person.name} is {person.role.word}."
        raise NotAllowedError(told)
    return person


def may(role: Role) -> bool:
    """Tell whether who looks has a role; only for what is shown, actions check for themselves."""
    person = who()
    return person is not None and person.role >= role


def gate() -> Person:
    """Let only those in who may look; call it before anything is shown.

    Shows the login, or why somebody may not enter, and ends the run of the page.
    """
    try:
        person = _known()
    except LoginOverError as error:
        _ask_to_log_in(str(error) if st.user.get("is_logged_in") else "")
    except NoAccessError as error:
        st.title("No access")
        st.error(f"{plain(str(error))}. Ask who runs CBCR.", icon=":material/block:")
        _log_out(st)
        st.stop()
    if configured().has_login:
        st.sidebar.caption(f"{plain(person.name)} · {person.role.word}")
        _log_out(st.sidebar)
    return person


def _known() -> Person:
    dashboards = configured()
    if dashboards.login is not None:
        if not st.user.get("is_logged_in"):
            raise LoginOverError("nobody has logged in")
        return person_of_claims(dashboards.login, st.user.to_dict(), now=_now())
    if dashboards.behind_proxy is not None:
        return person_of_headers(dashboards.behind_proxy, st.context.headers.to_dict())
    return Person(_local_name(), Role.ADMIN, "this machine")


def _ask_to_log_in(why: str) -> NoReturn:
    st.title("CBCR")
    if why:
        st.warning(f"{why[:1].upper()}{why[1:]}.", icon=":material/lock_clock:")
    st.write("Could we restore, how much would we lose, how long would it take?")
    st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)
    st.stop()


def _log_out(place: Any) -> None:
    if configured().login is not None:
        place.button("Log out", icon=":material/logout:", on_click=st.logout)


def _local_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody on this machine"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
