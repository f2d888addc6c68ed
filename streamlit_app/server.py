"""How the dashboards are served: on which address at all, with which login, behind which guard.

Belongs here: what `st.App` is given, and refusing to start. Does not belong here: pages, roles.

The secrets of the login are resolved here and handed to Streamlit in memory: no secrets.toml is
ever written.
"""

import os
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cbcr_assets.config import ConfigError
from cbcr_assets.config.dashboards import Dashboards, Login
from streamlit_app import access
from streamlit_app.guard import Guard, Rules

_EVERYWHERE = "0.0.0.0"  # where Streamlit listens when nobody says
_LEAST_SECRET = 32


def is_starting() -> bool:
    """Tell whether a server is being set up; else a browser's session runs the script."""
    return get_script_run_ctx(suppress_warning=True) is None


def options() -> dict[str, Any]:
    """Return what `st.App` is given.

    Raises:
        SystemExit: This configuration must not be served; the message says what to configure.
    """
    try:
        dashboards = access.configured()
    except ConfigError as error:
        raise SystemExit(f"the dashboards do not start: {error}") from None
    address = st.get_option("server.address") or _EVERYWHERE
    refusal = dashboards.refusal(address)
    if refusal is not None:
        raise SystemExit(f"the dashboards do not listen on {address}: {refusal}")
    try:
        rules = _rules(dashboards, address)
        auth = {} if dashboards.login is None else {"auth": _auth(dashboards.login)}
    except ValueError as error:
        raise SystemExit(f"the dashboards do not start: cbcr.yaml: {error}") from None
    return {"secrets": auth, "middleware": [Middleware(Guard, rules=rules)]}


def _rules(dashboards: Dashboards, address: str) -> Rules:
    proxy = dashboards.behind_proxy
    says = (proxy.user_header, proxy.groups_header) if proxy else ()
    return Rules(
        hosts=dashboards.hosts(address),
        local_only=not dashboards.has_login,
        proxy_secret=_secret("behind_proxy.secret", proxy.secret) if proxy else "",
        proxy_says=says,
        is_https=dashboards.login is not None and dashboards.login.is_https,
        hides_metrics=dashboards.login is not None,
    )


def _auth(login: Login) -> dict[str, Any]:
    """Return what Streamlit reads of `[auth]`."""
    return {
        "redirect_uri": login.redirect_uri,
        "cookie_secret": _secret("login.cookie_secret", login.cookie_secret),
        "client_id": login.client_id,
        "client_secret": _secret("login.client_secret", login.client_secret, least=1),
        "server_metadata_url": login.metadata_url,
        "client_kwargs": {"scope": login.scope, "prompt": "select_account"},
    }


def _secret(key: str, reference: Any, *, least: int = _LEAST_SECRET) -> str:
    try:
        found: str = reference.resolve(os.environ)
    except ValueError as error:
        raise ValueError(f"dashboards.{key}: {error}") from None
    if len(found) < least or not found.isascii():
        raise ValueError(
            f"dashboards.{key}: {least} plain characters or more are needed: openssl rand -hex 32"
        )
    return found

