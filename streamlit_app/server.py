"""How the dashboards are served: on which address at all, with which login, behind which guard.

Belongs here: what `st.App` is given, and refusing to start. Does not belong here: pages, roles.

The secrets of the login are resolved here and handed to Streamlit in memory: no secrets.toml is
ever written.
"""

import os
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
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
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


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
        secrets = _resolved(dashboards)
    except ValueError as error:
        raise SystemExit(f"the dashboards do not start: cbcr.yaml: {error}") from None
    login = dashboards.login
    return {
        "secrets": {} if login is None else {"auth": _auth(login, secrets)},
        "middleware": [Middleware(Guard, rules=_rules(dashboards, address, secrets))],
    }


def _rules(dashboards: Dashboards, address: str, secrets: Mapping[str, str]) -> Rules:
    proxy = dashboards.behind_proxy
    return Rules(
        hosts=dashboards.hosts(address),
        scripts=_inline_scripts(),
        local_only=not dashboards.has_login,
        proxy_secret=secrets.get("behind_proxy.secret", ""),
        proxy_says=(proxy.user_header, proxy.groups_header) if proxy else (),
        is_https=dashboards.login is not None and dashboards.login.is_https,
        hides_metrics=dashboards.login is not None,
    )


def _auth(login: Login, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return what Streamlit reads of `[auth]`."""
    return {
        "redirect_uri": login.redirect_uri,
        "cookie_secret": secrets["login.cookie_secret"],
        "client_id": login.client_id,
        "client_secret": secrets["login.client_secret"],
        "server_metadata_url": login.metadata_url,
        "client_kwargs": {"scope": login.scope, "prompt": "select_account"},
    }


def _resolved(dashboards: Dashboards) -> dict[str, str]:
    """Return the secrets by key; refuse those that could be guessed.

    Raises:
        ValueError: One is missing or too short; the message names the key, never a value.
    """
    found = {}
    for key, reference in dashboards.secrets():
        try:
            found[key] = reference.resolve(os.environ)
        except ValueError as error:
            raise ValueError(f"dashboards.{key}: {error}") from None
        ours = key != "login.client_secret"  # that one the provider has chosen
        if ours and (len(found[key]) < _LEAST_SECRET or not found[key].isascii()):
            raise ValueError(
                f"dashboards.{key}: at least {_LEAST_SECRET} plain characters: openssl rand -hex 32"
            )
    return found


def _inline_scripts() -> tuple[str, ...]:
    """Return the scripts in Streamlit's own page, as a content security policy names them."""
    page = (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    digests = (sha256(text.encode()).digest() for text in _INLINE.findall(page))
    return tuple(f"'sha256-{b64encode(digest).decode()}'" for digest in digests)
