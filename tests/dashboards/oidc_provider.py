"""A small OpenID Connect provider on loopback: what `test_login` logs in at.

Run as a program with a port and a client secret. It checks what a real one checks: client, redirect
address, secret, PKCE; a code counts once.
"""

import base64
import hashlib
import html
import secrets
import sys
import time
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

PORT, SECRET, APP = int(sys.argv[1]), sys.argv[2], sys.argv[3]
ISSUER = f"http://127.0.0.1:{PORT}"
CLIENT = "cbcr-tests"
KEY = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig", "alg": "RS256"})
GROUPS = {
    "vic": ["staff"],
    "ann": ["staff", "dba-oncall"],
    "adam": ["dba-leads"],
    "eve": ["guests"],
}
CODES: dict[str, dict[str, str]] = {}


async def metadata(_: Request) -> Response:
    return JSONResponse(
        {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            "end_session_endpoint": f"{ISSUER}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }
    )


async def authorize(request: Request) -> Response:
    asked = dict(request.query_params)
    good = asked.get("client_id") == CLIENT and asked.get("redirect_uri") == f"{APP}/oauth2callback"
    if not good or asked.get("code_challenge_method") != "S256":
        return HTMLResponse("this client is not known", 400)
    user = asked.pop("user", "")
    if user not in GROUPS:
        links = "".join(
            f'<p><a href="/authorize?{html.escape(urlencode({**asked, "user": name}))}">{name}</a>'
            for name in GROUPS
        )
        return HTMLResponse(f"<h1>Who are you?</h1>{links}")
    code = secrets.token_urlsafe()
    CODES[code] = {**asked, "user": user}
    answer = urlencode({"code": code, "state": asked["state"]})
    return RedirectResponse(f"{asked['redirect_uri']}?{answer}", 302)


async def token(request: Request) -> Response:
    form = await request.form()
    asked = CODES.pop(str(form.get("code")), None)
    if asked is None or not _is_client(request, form):
        return JSONResponse({"error": "invalid_grant"}, 400)
    digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
    if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
        return JSONResponse({"error": "invalid_grant"}, 400)
    now, user = int(time.time()), asked["user"]
    claims = {
        "iss": ISSUER, "sub": f"id-of-{user}", "aud": CLIENT, "iat": now, "exp": now + 300,
        "nonce": asked["nonce"], "preferred_username": user, "groups": GROUPS[user],
    }  # fmt: skip
    signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEY)
    return JSONResponse(
        {"access_token": "none", "token_type": "Bearer", "expires_in": 300, "id_token": signed}
    )


def _is_client(request: Request, form: Any) -> bool:
    basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
    posted = (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
    return posted or request.headers.get("authorization") == f"Basic {basic}"


async def jwks(_: Request) -> Response:
    return JSONResponse({"keys": [KEY.as_dict(private=False)]})


async def logout(request: Request) -> Response:
    return RedirectResponse(request.query_params["post_logout_redirect_uri"], 302)


app = Starlette(
    routes=[
        Route("/.well-known/openid-configuration", metadata),
        Route("/authorize", authorize),
        Route("/token", token, methods=["POST"]),
        Route("/jwks", jwks),
        Route("/logout", logout),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
